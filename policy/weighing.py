"""Which boxes of a detector are believed: for the planner, and for the rows that nano is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from ..tools.boxes import GroundedBox

T = TypeVar("T")

LOOK = 0.1
"""Least score that is asked of a detector, so that weak boxes can be weighed."""

SURE = 0.35
"""Least score of a box where the question leaves open whether there is anything."""

OF_SEVERAL = 0.5
"""Least score of a box in a choice among several, where one false box shifts all ranks."""

EXPECTED = 0.2
"""Least score of the best box where the question says that the thing is there (`the dog`)."""


def score_of(box: GroundedBox) -> float:
    """The tool's score, 0 where it gave none."""
    return box.score or 0.0


def of_several(boxes: Sequence[T], least: int, score: Callable[[T], float]) -> list[T]:
    """What a choice is made among: it says that there are several.

    The threshold gives way (`OF_SEVERAL`, `SURE`, `EXPECTED`, `LOOK`) until there are `least`;
    empty where there never are.
    """
    for threshold in (OF_SEVERAL, SURE, EXPECTED, LOOK):
        sure = [box for box in boxes if score(box) >= threshold]
        if len(sure) >= least:
            return sure
    return []


def sure_or_best(boxes: Sequence[T], score: Callable[[T], float]) -> list[T]:
    """The sure boxes of one kind in one picture; where there are none, the best alone."""
    sure = [box for box in boxes if score(box) >= SURE]
    return sure or sorted(boxes, key=lambda box: -score(box))[:1]


def best_scores(boxes: Iterable[GroundedBox]) -> dict[str, dict[int, float]]:
    """Of every label, the best score in each picture that has a box of it."""
    best: dict[str, dict[int, float]] = {}
    for box in boxes:
        if box.label is not None:
            scores = best.setdefault(box.label, {})
            scores[box.image] = max(scores.get(box.image, 0.0), score_of(box))
    return best


def shared_kinds(boxes: Iterable[GroundedBox], images: Sequence[int]) -> list[tuple[str, float]]:
    """Labels that each of the pictures shows, surest first, each with its weakest best score."""
    best = best_scores(box for box in boxes if box.image in images)
    ranking = [(name, min(s.values())) for name, s in best.items() if len(s) == len(images)]
    return sorted(ranking, key=lambda pair: -pair[1])
