"""Two runs on the same items, side by side: which is better, how surely, and what flipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...tools.errors import UsageError
from .metrics.bootstrap import Difference, macro_difference, paired_difference
from .outcome import UNANSWERED, Outcome


@dataclass(frozen=True, slots=True)
class Flip:
    """An item on which one run was right and the other wrong: id, task, both scores."""

    id: str
    task: str
    a: float
    b: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Differences B minus A, in percent points.

    Attributes:
        metric: name of the item score.
        tasks: task to its difference, in order.
        macro, micro: over tasks alike, over items alike.
        gained: items where B is right (at or above one half) and A is not; lost: the reverse.
        left_out: items that only one of the runs has.
    """

    metric: str
    tasks: Mapping[str, Difference]
    macro: Difference
    micro: Difference
    gained: tuple[Flip, ...]
    lost: tuple[Flip, ...]
    left_out: int = 0

    def to_json(self) -> dict[str, Any]:
        """As JSON-compatible data."""

        def line(difference: Difference) -> dict[str, Any]:
            rounded = {
                k: round(v, 6) if isinstance(v, float) else v for k, v in asdict(difference).items()
            }
            return {**rounded, "verdict": difference.verdict}

        return {
            "metric": self.metric,
            "tasks": {t: line(d) for t, d in self.tasks.items()},
            "macro": line(self.macro),
            "micro": line(self.micro),
            "gained": [asdict(f) for f in self.gained],
            "lost": [asdict(f) for f in self.lost],
            "left_out": self.left_out,
        }


def compare(
    a: Mapping[str, Outcome],
    b: Mapping[str, Outcome],
    metric: str,
    *,
    draws: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Compare two runs by one item score.

    Args:
        a: scored outcomes of the first run, by id.
        b: of the second one.
        metric: name of the item score; an item that was not answered has 0.
        draws: bootstrap resamples.
        level: coverage of the intervals.
        seed: the same seed gives the same intervals.

    Raises:
        UsageError: the runs share no items, or an answered one has no such score.
    """
    shared = [i for i in a if i in b]
    if not shared:
        raise UsageError("the two runs have no item in common.", "Are they of one benchmark?")
    scores_a = np.asarray([_score(a[i], metric) for i in shared]) * 100.0
    scores_b = np.asarray([_score(b[i], metric) for i in shared]) * 100.0
    groups: dict[str, list[int]] = {}
    for index, name in enumerate(shared):
        groups.setdefault(a[name].task, []).append(index)
    tasks = {
        task: paired_difference(scores_a[rows], scores_b[rows], draws, level, seed + k)
        for k, (task, rows) in enumerate(groups.items())
    }
    pairs = [(scores_a[rows], scores_b[rows]) for rows in groups.values()]
    flips = [
        Flip(i, a[i].task, x / 100.0, y / 100.0)
        for i, x, y in zip(shared, scores_a.tolist(), scores_b.tolist(), strict=True)
        if (x >= 50.0) != (y >= 50.0)
    ]
    return Comparison(
        metric,
        tasks,
        macro_difference(pairs, draws, level, seed),
        paired_difference(scores_a, scores_b, draws, level, seed),
        tuple(f for f in flips if f.b > f.a),
        tuple(f for f in flips if f.b < f.a),
        len(a) + len(b) - 2 * len(shared),
    )


def _score(outcome: Outcome, metric: str) -> float:
    if metric in outcome.scores:
        return outcome.scores[metric]
    if outcome.status in UNANSWERED:
        return 0.0
    # No scores at all are no wrong answer: they are written when a run ends.
    has = f"It has {', '.join(outcome.scores)}." if outcome.scores else "Its run was not finished."
    raise UsageError(f"item {outcome.id} has no score {metric!r}.", has)


def by_id(outcomes: Sequence[Outcome]) -> dict[str, Outcome]:
    """Outcomes under their ids."""
    return {o.id: o for o in outcomes}
