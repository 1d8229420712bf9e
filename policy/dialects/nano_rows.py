"""How a tool's boxes are told to nano: one row a box, of picture, facts, label and id.

Nano measures nothing and is told no scores: what a question may want to know of a box, compared
with the others, stands in its row as a fact, and every fact has a token of its own. Which boxes are
told depends on what was asked, because weak ones help only where something has to be chosen.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from ...tools.boxes import Box, GroundedBox
from ..messages import ToolCall
from ..weighing import SURE, of_several, score_of, shared_kinds, sure_or_best
from .nano_tokens import COORDINATES, coordinate, image_token

SLOTS = ("left", "right", "top", "bottom", "largest", "smallest", "shared")
"""The kinds of facts. The first six, in this order, stand in a row where labels were asked for; the
last alone where what is there was."""

SIDES, RANKS, SHARED = 4, 6, 6
"""Slots of the sides; of all ranks; the slot of how surely all pictures show a label."""

FACTS = 16
"""Values of one kind of fact that have a token of their own; the last means that or more."""

_Named = Sequence[tuple[str, GroundedBox]]
_Measures = tuple[float, float, float]


def fact_token(slot: int, fact: int) -> str:
    """The token of a fact, a coordinate's whose place in the row does not matter.

    Every slot has tokens of its own: a small model need not count places to know which is which.
    """
    return coordinate(COORDINATES[FACTS * slot + min(fact, FACTS - 1)])


def read_fact(value: int) -> tuple[int, int] | None:
    """(slot, fact) of a coordinate's value; None where it is no fact's."""
    if value not in COORDINATES:
        return None
    slot, fact = divmod(COORDINATES.index(value), FACTS)
    return (slot, fact) if slot < len(SLOTS) else None


def rows(boxes: _Named, pictures: int, call: ToolCall) -> str:
    """A result's rows, one a line; empty where it has no boxes.

    Args:
        boxes: (id, box) of the result.
        pictures: how many the question has.
        call: what was asked. `detect` with labels tells six ranks in each row; without, how surely
            all pictures show the row's label; other tools no facts. A call for weak boxes
            (`min_score` under `SURE`) is told those that `weighed` keeps.
    """
    looks, kinds = call.name == "detect", not call.arguments.get("labels")
    least = call.arguments.get("min_score")
    if looks and isinstance(least, int | float) and least < SURE:
        boxes = weighed(boxes, kinds)
    facts = _shared(boxes, pictures) if kinds else _ranks(boxes)
    told = zip(boxes, facts if looks else [""] * len(boxes), strict=True)
    ordered = sorted(told, key=lambda row: (row[0][1].image, row[0][1].box.center[0]))
    return "\n".join(
        f"{image_token(box.image)}{fact}{f' {box.label}' if box.label else ''}<{name}>"
        for (name, box), fact in ordered
    )


def weighed(boxes: _Named, kinds: bool) -> list[tuple[str, GroundedBox]]:
    """Without the weak boxes that are of no use, label by label in every picture.

    Args:
        boxes: (id, box).
        kinds: whether what is in the pictures was asked: then the sure boxes are told, or the best.
            Else two or more are to choose among, as sure as there are.
    """
    alike: dict[tuple[int, str | None], list[tuple[str, GroundedBox]]] = {}
    for name, found in boxes:
        alike.setdefault((found.image, found.label), []).append((name, found))
    kept: list[tuple[str, GroundedBox]] = []
    for own in alike.values():
        several = [] if kinds else of_several(own, 2, _score)
        kept += several or sure_or_best(own, _score)
    return kept


def _score(named: tuple[str, GroundedBox]) -> float:
    return score_of(named[1])


def _shared(boxes: _Named, pictures: int) -> list[str]:
    """Of each box the place of its label among those that all pictures show, surest first."""
    kinds = shared_kinds((box for _, box in boxes), range(1, pictures + 1))
    place = {label: fact for fact, (label, _) in enumerate(kinds)}
    return [fact_token(SHARED, place.get(box.label or "", FACTS - 1)) for _, box in boxes]


def _ranks(boxes: _Named) -> list[str]:
    """Of each box its `_places` in tokens."""
    return [
        "".join(fact_token(slot, fact) for slot, fact in enumerate(places))
        for places in _places([box for _, box in boxes])
    ]


def places_of(found: GroundedBox, boxes: _Named) -> tuple[int, ...] | None:
    """A box's six ranks among those that a choice is made among (see `weighed`), as counts.

    Args:
        found: one of them; None is returned for any other.
        boxes: (id, box) that a detector found, repeated ones counted once.
    """
    return all_places(boxes).get((found.image, found.box))


def all_places(boxes: _Named) -> dict[tuple[int, Box], tuple[int, ...]]:
    """`places_of` of every box that a choice is made among, by its picture and box."""
    kept = dict.fromkeys((b.image, b.label, b.box) for _, b in weighed(boxes, False))
    among = [GroundedBox(image, box, label) for image, label, box in kept]
    places: dict[tuple[int, Box], tuple[int, ...]] = {}
    for one, ranks in zip(among, _places(among), strict=True):
        places.setdefault((one.image, one.box), ranks)
    return places


def _places(boxes: Sequence[GroundedBox]) -> list[tuple[int, ...]]:
    """Of each box six ranks, each a count of what would come before it.

    Among the boxes of the same label in the same picture: from the left, the right, the top, the
    bottom, from the largest, from the smallest.
    """
    alike: dict[tuple[int, str | None], list[_Measures]] = {}
    for box in boxes:
        alike.setdefault((box.image, box.label), []).append(_measures(box))
    lines = {key: [sorted(line) for line in zip(*own, strict=True)] for key, own in alike.items()}
    places: list[tuple[int, ...]] = []
    for box in boxes:
        facts: list[int] = []
        for own, line in zip(_measures(box), lines[box.image, box.label], strict=True):
            facts += (bisect_left(line, own), len(line) - bisect_right(line, own))
        places.append(tuple(facts))
    return places


def _measures(found: GroundedBox) -> _Measures:
    """What boxes are ranked by: from the left, from the top, from the largest."""
    x, y = found.box.center
    return x, y, -found.box.area


def fact_in_words(slot: int, fact: int) -> str:
    """A fact as people read it."""
    if slot == SHARED:
        return "what all pictures show" + (f", number {fact + 1}" if fact else "")
    return f"number {fact + 1} {'from the ' * (slot < SIDES)}{SLOTS[slot]}"
