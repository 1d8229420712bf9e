"""What choosing is worth: think, direct, auto and the oracle chooser, accuracy against tokens.

The oracle takes for every item the better of think and direct, and the cheaper where they are
equal: no chooser between these two can do better. What `auto` reaches between the better single
mode and the oracle is how much of that it gets.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...tools.errors import UsageError
from .benchmark import mean
from .outcome import UNANSWERED, Outcome

WAYS = ("think", "direct", "auto", "oracle")
TOKENS, WORDS = "completion tokens", "words"


@dataclass(frozen=True, slots=True)
class Way:
    """One way of deciding.

    Attributes:
        name: of `WAYS`.
        n: items.
        score: mean of the item score, percent, over items (micro).
        macro: mean over tasks, percent.
        tokens: completion tokens an item (words, where `Deciding.unit` says so).
        thinking: share of items that were thought about, percent.
        tasks: task to (score in percent, tokens).
    """

    name: str
    n: int
    score: float
    macro: float
    tokens: float
    thinking: float
    tasks: Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Deciding:
    """The ways side by side.

    Attributes:
        metric: the item score.
        unit: what `Way.tokens` counts: completion tokens, or, where these were not counted for
            every answer (published ones), words of the raw text.
        ways: in the order of `WAYS`; `auto` may be missing.
        headroom: macro points from the better single mode to the oracle.
        reached: macro points from the better single mode to auto; NaN without auto.
        only_think, only_direct: share of items, percent, that just this mode gets right.
    """

    metric: str
    unit: str
    ways: tuple[Way, ...]
    headroom: float
    reached: float
    only_think: float
    only_direct: float

    def to_json(self) -> dict[str, Any]:
        """As JSON-compatible data; what was not measured is null."""

        def number(value: float) -> float | None:
            return round(value, 6) if math.isfinite(value) else None

        ways = [
            {
                "name": w.name,
                "n": w.n,
                "micro": number(w.score),
                "macro": number(w.macro),
                "tokens": number(w.tokens),
                "thinking": number(w.thinking),
                "tasks": {t: {"score": number(s), "tokens": number(k)}
                          for t, (s, k) in w.tasks.items()},
            }
            for w in self.ways
        ]  # fmt: skip
        return {
            "metric": self.metric,
            "unit": self.unit,
            "ways": ways,
            "headroom": number(self.headroom),
            "reached": number(self.reached),
            "only_think": number(self.only_think),
            "only_direct": number(self.only_direct),
        }


def length_of(outcome: Outcome, unit: str) -> float:
    """What an item cost, in `Deciding.unit`."""
    if unit == TOKENS:
        return float(outcome.tokens.get("completion_tokens", 0))
    return float(len(outcome.raw.split()))


def oracle(
    think: Mapping[str, Outcome], direct: Mapping[str, Outcome], metric: str, unit: str = TOKENS
) -> dict[str, Outcome]:
    """For every item the outcome with the better score; the cheaper, else direct, when equal."""
    chosen: dict[str, Outcome] = {}
    for name, quick in direct.items():
        slow = think[name]
        gain = slow.scores.get(metric, 0.0) - quick.scores.get(metric, 0.0)
        cheaper = length_of(slow, unit) < length_of(quick, unit)
        thinks = gain > 0 or (gain == 0 and cheaper)
        chosen[name] = replace(slow if thinks else quick, mode="think" if thinks else "direct")
    return chosen


def measure_deciding(
    think: Mapping[str, Outcome],
    direct: Mapping[str, Outcome],
    auto: Mapping[str, Outcome] | None,
    metric: str,
) -> Deciding:
    """The ways on the items that all runs have.

    Raises:
        UsageError: the runs have no item in common.
    """
    shared = [i for i in direct if i in think and (auto is None or i in auto)]
    if not shared:
        raise UsageError("the runs have no item in common.", "Are they of one benchmark?")
    runs = {"think": think, "direct": direct}
    if auto is not None:
        runs["auto"] = auto
    cut = {name: {i: run[i] for i in shared} for name, run in runs.items()}
    # One question that failed, of which nobody counted anything, says nothing about its backend.
    answered = [o for run in cut.values() for o in run.values() if o.status not in UNANSWERED]
    counted = all("completion_tokens" in o.tokens for o in answered)
    unit = TOKENS if counted else WORDS
    cut["oracle"] = oracle(cut["think"], cut["direct"], metric, unit)
    ways = tuple(_way(name, cut[name], metric, unit) for name in WAYS if name in cut)
    macro = {w.name: w.macro for w in ways}
    single = max(macro["think"], macro["direct"])
    right = {n: {i for i in shared if cut[n][i].scores.get(metric, 0.0) >= 0.5} for n in runs}
    return Deciding(
        metric,
        unit,
        ways,
        macro["oracle"] - single,
        macro.get("auto", math.nan) - single,
        100.0 * len(right["think"] - right["direct"]) / len(shared),
        100.0 * len(right["direct"] - right["think"]) / len(shared),
    )


def _way(name: str, outcomes: Mapping[str, Outcome], metric: str, unit: str) -> Way:
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes.values():
        groups.setdefault(outcome.task, []).append(outcome)
    tasks = {t: (_score(g, metric), _length(g, unit)) for t, g in groups.items()}
    every = list(outcomes.values())
    thought = 100.0 * mean([float(_thought(name, o)) for o in every])
    macro = mean([s for s, _ in tasks.values()])
    return Way(name, len(every), _score(every, metric), macro, _length(every, unit), thought, tasks)


def _thought(name: str, outcome: Outcome) -> bool:
    """Whether this item was thought about; a run without that word is what its name says."""
    return outcome.mode == "think" if outcome.mode else name == "think"


def _score(outcomes: list[Outcome], metric: str) -> float:
    return 100.0 * mean([o.scores.get(metric, 0.0) for o in outcomes])


def _length(outcomes: list[Outcome], unit: str) -> float:
    return mean([length_of(o, unit) for o in outcomes])
