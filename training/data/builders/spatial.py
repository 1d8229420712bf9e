"""Spatial and size words, with margins: a question is asked only where nobody could disagree."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import NamedTuple

from ....tools.boxes import Box
from ..record import Instance

RANKS: dict[str, str] = {
    "leftmost": "left", "rightmost": "right", "topmost": "top", "bottommost": "bottom",
    "largest": "large", "smallest": "small", "biggest": "large", "highest": "top",
    "lowest": "bottom",
}  # fmt: skip
"""Words for the first by a key."""

MARGIN = 0.06
"""Least difference of two middles, as a share of the picture's side, to say which comes first."""

SIZE_RATIO = 1.45
"""Least ratio of areas to say which is larger."""


def key_of(box: Box, key: str) -> float:
    """What a key sorts by, ascending; pixels, or square pixels."""
    x, y = box.center
    values = {"left": x, "right": -x, "top": y, "bottom": -y, "large": -box.area, "small": box.area}
    return values[key]


def ranked(objects: Sequence[Instance], key: str, size: tuple[int, int]) -> list[Instance] | None:
    """Objects in the order of a key; None where two neighbours are too close to call."""
    order = sorted(objects, key=lambda o: key_of(o.box, key))
    for first, second in pairwise(order):
        if not clearly_before(first.box, second.box, key, size):
            return None
    return order


def first_by(objects: Sequence[Instance], key: str, size: tuple[int, int]) -> Instance | None:
    """The first by a key, where it is clearly first."""
    order = sorted(objects, key=lambda o: key_of(o.box, key))
    if len(order) < 2 or not clearly_before(order[0].box, order[1].box, key, size):
        return None
    return order[0]


def clearly_before(a: Box, b: Box, key: str, size: tuple[int, int]) -> bool:
    """True where a comes before b by a key with a margin.

    Sides: middles differ by `MARGIN` of the side, and the outer edges agree. Size: areas differ
    by `SIZE_RATIO`.
    """
    if key == "large":
        return a.area >= SIZE_RATIO * b.area
    if key == "small":
        return b.area >= SIZE_RATIO * a.area
    gap = key_of(b, key) - key_of(a, key)
    side = size[0] if key in ("left", "right") else size[1]
    near, far = {"left": (a.x1, b.x1), "right": (b.x2, a.x2), "top": (a.y1, b.y1),
                 "bottom": (b.y2, a.y2)}[key]  # fmt: skip
    return gap >= MARGIN * side and near < far


class Relation(NamedTuple):
    """A spatial relation: its words and the side."""

    words: str
    side: str


RELATIONS = (
    Relation("to the left of", "left"), Relation("left of", "left"),
    Relation("to the right of", "right"), Relation("right of", "right"),
    Relation("above", "top"), Relation("below", "bottom"),
)  # fmt: skip


def stands(box: Box, anchor: Box, side: str) -> bool | None:
    """Whether a box lies on a side of an anchor; None where that could be argued about.

    Left: the box ends before the anchor's middle and its middle is before the anchor's start.
    """
    forward = {"left": lambda b: (b.x1, b.x2), "right": lambda b: (-b.x2, -b.x1),
               "top": lambda b: (b.y1, b.y2), "bottom": lambda b: (-b.y2, -b.y1)}[side]  # fmt: skip
    low, high = forward(box)
    anchor_low, anchor_high = forward(anchor)
    if high <= anchor_low + 0.15 * (anchor_high - anchor_low):
        return True
    extent = anchor_high - anchor_low
    clearly_not = (low + high) / 2 > anchor_low + 0.7 * extent
    return False if clearly_not else None


def pick_relation(rng: Random) -> Relation:
    """One of the relations."""
    return RELATIONS[rng.randrange(len(RELATIONS))]
