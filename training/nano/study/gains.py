"""How much better one arm is than another, and how surely: question by question, seed by seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import sqrt
from statistics import fmean, variance
from typing import NamedTuple

from .arms import SFT
from .summary import ArmSummary, macro_of

TAUGHT = {"direct-only": "direct", "think-only": "think"}
"""The way that an arm was finetuned for, where it is not `auto`."""

REFERENCE = "hybrid"
"""What all arms are held against."""

NORMAL = 1.96
"""Standard errors on either side that hold 95%."""

Run = tuple[ArmSummary, str]
"""A run, and the way of answering that counts."""


class Gain(NamedTuple):
    """What the runs of one arm score above those of another, in macro F1.

    Attributes:
        mean: over seeds. low, high: 95% interval of the mean.
        seeds: of each seed of the first arm, against the mean of the other one.
    """

    mean: float
    low: float
    high: float
    seeds: tuple[float, ...]

    @property
    def points(self) -> str:
        """`+4.9 (+3.6 to +6.2)`, in points of F1."""
        return f"{100 * self.mean:+.1f} ({100 * self.low:+.1f} to {100 * self.high:+.1f})"


def paired_gain(ones: Sequence[Run], others: Sequence[Run]) -> Gain | None:
    """The gain of some runs over others that were asked the same questions.

    The interval has two parts that are added as variances. Questions: of each question the
    difference of the means over seeds, so that what makes a question hard for all drops out; a
    macro mean over tasks has the variance sum_t(s_t^2 / n_t) / T^2. Seeds: of the macro means of
    each arm with more than one, s^2 / seeds (which holds some of the questions' share again, so
    the interval errs on the wide side).

    Args:
        ones: runs of one arm on a held-out set.
        others: runs of another on the same.

    Returns:
        None where scores of single questions were not kept or are not of the same questions.
    """
    tables = [[run.scores.get(way, {}) for run, way in side] for side in (ones, others)]
    shapes = {tuple((t, len(v)) for t, v in sorted(one.items())) for side in tables for one in side}
    if len(shapes) != 1 or not all(tables):
        return None
    shape = shapes.pop()
    if not shape or any(number < 2 for _, number in shape):
        return None
    spread = 0.0
    for task, _ in shape:
        means = [[fmean(seeds) for seeds in zip(*(one[task] for one in side), strict=True)]
                 for side in tables]  # fmt: skip
        apart = [one - other for one, other in zip(*means, strict=True)]
        spread += variance(apart) / len(apart)
    spread /= len(shape) ** 2
    macros = [[macro_of(one) for one in side] for side in tables]
    spread += sum(variance(side) / len(side) for side in macros if len(side) > 1)
    before = fmean(macros[1])
    mean, half = fmean(macros[0]) - before, NORMAL * sqrt(spread)
    return Gain(mean, mean - half, mean + half, tuple(one - before for one in macros[0]))


def write_gains(found: Sequence[ArmSummary]) -> list[list[str]]:
    """Rows of the table of gains on one held-out set: a header, then an arm each.

    Columns: arm; what it gains over SFT in `think`, `direct` and `auto`; how far `hybrid` in `auto`
    is above the arm when it answers in the way that it was finetuned for. Only the header where
    scores of single questions were not kept.
    """
    ways = ("think", "direct", "auto")
    rows = [["arm", *(f"{way} over {SFT}" for way in ways), f"{REFERENCE} over it"]]
    arms = dict.fromkeys(one.arm for one in found)
    runs = {arm: [one for one in found if one.arm == arm] for arm in (*arms, SFT, REFERENCE)}
    for arm in arms:
        if arm == SFT:
            continue
        gains = [paired_gain(_runs(runs[arm], way), _runs(runs[SFT], way)) for way in ways]
        if arm != REFERENCE:
            own = _runs(runs[arm], TAUGHT.get(arm, "auto"))
            gains.append(paired_gain(_runs(runs[REFERENCE], "auto"), own))
        told = ["" if gain is None else gain.points for gain in gains]
        if any(told):
            rows.append([arm, *told, *[""] * (len(rows[0]) - 1 - len(told))])
    return rows


def pooled(sets: Mapping[str, Sequence[ArmSummary]]) -> dict[str, list[ArmSummary]]:
    """Held-out sets with the same tasks as one set: of each task all their questions.

    More questions tell arms apart that each set alone leaves undecided.

    Args:
        sets: summaries by held-out set.

    Returns:
        By names of the sets, joined with `+`: the runs that were measured on all of them, with
        scores (and `questions`) alone. Nothing of sets that no other shares its tasks with.
    """
    alike: dict[frozenset[str], list[str]] = {}
    for held, found in sets.items():
        for tasks in {frozenset(task for way in one.scores.values() for task in way)
                      for one in found} - {frozenset()}:  # fmt: skip
            alike.setdefault(tasks, []).append(held)
    return {
        " + ".join(names): list(_joined([sets[name] for name in names]))
        for names in alike.values()
        if len(names) > 1
    }


def _joined(sides: Sequence[Sequence[ArmSummary]]) -> Iterator[ArmSummary]:
    """The runs that are on all sides and have the same ways and tasks there, joined."""
    tables = [{(one.arm, one.seed): one for one in side} for side in sides]
    for key, first in tables[0].items():
        own = [table[key] for table in tables if key in table]
        shapes = {tuple((way, *sorted(tasks)) for way, tasks in one.scores.items()) for one in own}
        if len(own) == len(tables) and len(shapes) == 1:
            scores = {
                way: {task: [score for one in own for score in one.scores[way][task]]
                      for task in tasks}
                for way, tasks in first.scores.items()
            }  # fmt: skip
            asked = sum(one.questions for one in own)
            yield replace(first, questions=asked, scores=scores, f1={}, tokens={}, thinks={})


def _runs(found: Sequence[ArmSummary], way: str) -> list[Run]:
    return [(one, way) for one in found]
