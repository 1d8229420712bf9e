"""What a run's answers add up to, and the table over arms and seeds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean

from ....tools.errors import DataError
from ...chat import MODES
from ..measure import Measured

SUMMARY = "measured.json"
"""File of a run's summary on the first held-out set; `summary_name` has those of further ones."""

ORACLE = "oracle"
"""Chooses, of the think and the direct answer to a question, the better one; the shorter if alike.
What `auto` could be worth at most."""

WAYS = (*MODES, ORACLE)


@dataclass(frozen=True, slots=True)
class ArmSummary:
    """One run, measured.

    Attributes:
        arm, seed: of the run. questions: how many it was asked, each in every mode.
        f1, tokens: by way of answering (`WAYS`), then by task: means.
        thinks: by task: how often `auto` thought.
        curve: means of the training log.
        held: name of the set that was asked.
        scores: by way, then by task: F1 of every question, in the order of the set. Empty in
            summaries that were written before they were kept.
    """

    arm: str
    seed: int
    questions: int
    f1: dict[str, dict[str, float]]
    tokens: dict[str, dict[str, float]]
    thinks: dict[str, float]
    curve: list[dict[str, float]] = field(default_factory=list[dict[str, float]])
    held: str = ""
    scores: dict[str, dict[str, list[float]]] = field(
        default_factory=dict[str, dict[str, list[float]]]
    )

    def macro(self, way: str) -> float:
        """Mean F1 over tasks."""
        return fmean(self.f1[way].values())

    def mean_tokens(self, way: str) -> float:
        """Mean tokens over tasks."""
        return fmean(self.tokens[way].values())

    @property
    def think_share(self) -> float:
        """How often `auto` thought, over tasks."""
        return fmean(self.thinks.values())

    @property
    def line(self) -> str:
        """One line."""
        told = ", ".join(f"{w} {self.macro(w):.3f} ({self.mean_tokens(w):.1f})" for w in WAYS)
        on = f" on {self.held}" if self.held else ""
        return f"{self.arm} {self.seed}{on}: {told}, auto thinks {self.think_share:.2f}"

    @property
    def text(self) -> str:
        """JSON, a line for each attribute."""
        lines = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in asdict(self).items())
        return "{\n" + ",\n".join(lines) + "\n}\n"


def summary_name(number: int, held: str) -> str:
    """File of a run's summary on one held-out set, the `number`-th."""
    return SUMMARY if number == 0 else f"measured-{held}.json"


def macro_of(scores: Mapping[str, Sequence[float]]) -> float:
    """Macro mean of scores of single questions by task."""
    return fmean(fmean(values) for values in scores.values())


def summarize(
    arm: str,
    seed: int,
    found: Sequence[Measured],
    curve: Iterable[dict[str, float]] = (),
    held: str = "",
) -> ArmSummary:
    """Means by way and task of a run's answers.

    Raises:
        DataError: there are no answers.
    """
    if not found:
        raise DataError(f"{arm}-{seed}: nothing was asked.", "Build a larger held-out set.")
    by_question: dict[str, dict[str, Measured]] = {}
    for one in found:
        by_question.setdefault(one.sample, {})[one.mode] = one
    chosen = [
        max((ways["direct"], ways["think"]), key=lambda one: (one.f1, -one.tokens))
        for ways in by_question.values()
    ]
    every: dict[str, list[Measured]] = {
        mode: [one for one in found if one.mode == mode] for mode in MODES
    } | {ORACLE: chosen}
    tasks = sorted({one.task for one in found})
    return ArmSummary(
        arm,
        seed,
        len(by_question),
        {w: {t: _mean(o.f1 for o in every[w] if o.task == t) for t in tasks} for w in WAYS},
        {w: {t: _mean(o.tokens for o in every[w] if o.task == t) for t in tasks} for w in WAYS},
        {t: _mean(o.thought for o in every["auto"] if o.task == t) for t in tasks},
        list(curve),
        held,
        {w: {t: [round(o.f1, 3) for o in every[w] if o.task == t] for t in tasks} for w in WAYS},
    )


def _mean(values: Iterable[float]) -> float:
    return round(fmean(float(value) for value in values), 4)


def read_study(folder: Path) -> list[ArmSummary]:
    """The measured runs of a study's folder, by arm and seed.

    Raises:
        DataError: there are none, or a file is no summary.
    """
    found: list[ArmSummary] = []
    for file in sorted(folder.glob("*/measured*.json")):
        try:
            found.append(ArmSummary(**json.loads(file.read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError) as error:
            raise DataError(f"{file}: is no summary of a run.", "Remove it.") from error
    if not found:
        raise DataError(
            f"{folder}: holds no measured runs.", "Run: gemvg-agent train nano-study FOLDER."
        )
    return sorted(found, key=lambda one: (one.held, one.arm != "sft", one.arm, one.seed))


def by_held(found: Sequence[ArmSummary]) -> dict[str, list[ArmSummary]]:
    """The summaries of each held-out set."""
    sets: dict[str, list[ArmSummary]] = {}
    for one in found:
        sets.setdefault(one.held, []).append(one)
    return sets


def write_table(found: Sequence[ArmSummary]) -> list[list[str]]:
    """Rows of the table of one held-out set: a header, then an arm each, mean over seeds and range.

    Columns: arm, seeds, macro F1 and tokens of every way, how often `auto` thought.
    """
    rows = [["arm", "seeds", *(f"{way} F1" for way in WAYS),
             *(f"{way} tokens" for way in WAYS), "auto thinks"]]  # fmt: skip
    for arm in dict.fromkeys(one.arm for one in found):
        own = [one for one in found if one.arm == arm]
        row = [arm, str(len(own))]
        row += [_spread([one.macro(way) for one in own]) for way in WAYS]
        row += [f"{fmean(one.mean_tokens(way) for one in own):.1f}" for way in WAYS]
        row.append(f"{fmean(one.think_share for one in own):.2f}")
        rows.append(row)
    return rows


def _spread(values: Sequence[float]) -> str:
    """`.612 (.604-.620)`, or the value alone where there is one."""
    mean = f"{fmean(values):.3f}"
    return mean if len(values) < 2 else f"{mean} ({min(values):.3f}-{max(values):.3f})"
