"""What choosing between the two ways of answering can bring, and how much of it is mere chance."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from statistics import fmean

from .summary import ArmSummary, macro_of

_Scores = dict[str, list[float]]


def write_room(found: Sequence[ArmSummary]) -> list[list[str]]:
    """Rows of a table of one held-out set: a header, then an arm each; macro F1, mean over seeds.

    Columns: the better of both ways alone; `auto`; the better way of every task, which is known
    only afterwards; the better of both answers to every question (the oracle). The last two are
    what an oracle gets that has no choice of the way: the better of two direct answers, and of two
    reasoned ones, by two seeds of the arm. What those gain as well is the luck of a second try, and
    nothing that could be chosen. Only the header where scores of single questions were not kept.
    """
    rows = [["arm", "better way", "auto", "better way of each task", "oracle", "two direct answers",
             "two reasoned answers"]]  # fmt: skip
    for arm in dict.fromkeys(one.arm for one in found):
        own = [one.scores for one in found if one.arm == arm and one.scores]
        if not own:
            continue
        alone = [fmean(macro_of(one[way]) for one in own) for way in ("direct", "think")]
        row = [
            max(alone),
            fmean(macro_of(one["auto"]) for one in own),
            fmean(_by_task(one["direct"], one["think"]) for one in own),
            fmean(macro_of(_better(one["direct"], one["think"])) for one in own),
        ]
        twice = [_second_try(own, way) for way in ("direct", "think")]
        rows.append([arm, *(f"{value:.3f}" for value in row), *twice])
    return rows


def _second_try(runs: Sequence[dict[str, _Scores]], way: str) -> str:
    """Of all pairs of runs the better of their answers to every question; empty for one run."""
    pairs = [macro_of(_better(one[way], other[way])) for one, other in combinations(runs, 2)]
    return f"{fmean(pairs):.3f}" if pairs else ""


def _by_task(ones: _Scores, others: _Scores) -> float:
    return fmean(max(fmean(ones[task]), fmean(others[task])) for task in ones)


def _better(ones: _Scores, others: _Scores) -> _Scores:
    """Of every question the better answer."""
    return {
        task: [max(pair) for pair in zip(values, others[task], strict=True)]
        for task, values in ones.items()
    }
