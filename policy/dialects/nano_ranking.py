"""Which one of several a question names by side, size or rank, and whether that one was boxed.

The box is judged and not the thought before it: nano often writes down the wrong rank and names
the right box.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from ...tools.boxes import Box, GroundedBox
from .nano_question import Asked
from .nano_rows import all_places

Place = tuple[int, int]
"""A slot of the six of `nano_rows.SLOTS` that are ranks, and a rank from 0."""

_SIDES: tuple[frozenset[str], ...] = (
    frozenset({"left", "leftmost"}),
    frozenset({"right", "rightmost"}),
    frozenset({"top", "topmost", "upper", "uppermost", "highest"}),
    frozenset({"bottom", "bottommost", "lower", "lowermost", "lowest"}),
    frozenset({"largest", "biggest", "greatest"}),
    frozenset({"smallest", "littlest", "tiniest"}),
)
"""Words for the six ranks of a row, in the order of `nano_rows.SLOTS`; a slot's opposite is
`slot ^ 1`."""

_SIZES = {"most": 4, "least": 5}
"""`The most space`, `the least area`."""

_SPACE = frozenset({"space", "area", "room"})

_FAR = frozenset({"far", "farther", "further", "farthest", "furthest", "away"})
"""`Furthest down` is the lowest; `furthest from the left` is not on the left."""

_DIRECTIONS = {"up": 2, "down": 3}

_LEFT = 0


def is_other_choice(
    boxes: Sequence[GroundedBox], told: Sequence[tuple[str, GroundedBox]], asked: Asked
) -> bool:
    """Whether not the one of several was answered that the question names.

    Args:
        boxes: of the answer; none where it says that nothing is there.
        told: (id, box) that the detector found.
        asked: the question.
    """
    wanted = named_places(asked)
    if wanted is None:
        return False
    places = all_places(told)
    if not boxes:
        return any(_is_at(wanted, box, places) for _, box in told)
    return any(not _is_at(wanted, box, places) for box in boxes)


def true_place(
    fact: Place, boxes: Sequence[GroundedBox], told: Sequence[tuple[str, GroundedBox]], asked: Asked
) -> Place | None:
    """The place by which answered boxes are rightly told; None where there is none.

    Args:
        fact: what was thought; its side is kept where the question names none.
        boxes: answered ones, which `is_other_choice` lets pass.
        told: see there.
        asked: the question.
    """
    if wanted := named_places(asked):
        return wanted[0]
    places = all_places(told)
    found = [places.get((box.image, box.box)) for box in boxes]
    ranks = {None if one is None else one[fact[0]] for one in found}
    rank = ranks.pop() if len(ranks) == 1 else None
    return None if rank is None else (fact[0], rank)


def named_places(asked: Asked) -> tuple[Place, ...] | None:
    """The place that a question names.

    Of an ordinal without a side the left is meant, as in reading; the last is the first of the
    opposite side.

    Returns:
        One place; none where several are named, or one that can't be told; None where the question
        does not choose.
    """
    sides = _sides(asked.words)
    ordinals = {token.value for token in asked.tokens if token and token.kind == "ordinal"}
    if not sides and not ordinals:
        return None
    if len(sides) > 1 or len(ordinals) > 1 or _is_away(asked.words):
        return ()
    slot = next(iter(sides), _LEFT)
    ordinal = next(iter(ordinals), 1)
    return ((slot, ordinal - 1) if ordinal > 0 else (slot ^ 1, -ordinal - 1),)


def _sides(words: Sequence[str]) -> set[int]:
    """Slots that words name; of `left to right` the first."""
    slots = [_slot(words, at) for at in range(len(words))]
    return {
        slot
        for at, slot in enumerate(slots)
        if slot is not None and not _ends_a_row(slot, slots[:at], words[:at])
    }


def _slot(words: Sequence[str], at: int) -> int | None:
    """The slot that the word at a place names, beside its neighbours."""
    word = words[at]
    if word in _SIZES:
        return _SIZES[word] if _SPACE & set(words[at + 1 : at + 3]) else None
    if word in _DIRECTIONS:
        return _DIRECTIONS[word] if at and words[at - 1] in _FAR else None
    return next((slot for slot, side in enumerate(_SIDES) if word in side), None)


def _ends_a_row(slot: int, slots: Sequence[int | None], words: Sequence[str]) -> bool:
    """Whether a side is where a row ends: `(from) left to (the) right`."""
    before = len(words) - (words[-1:] == ("the",))
    return before > 1 and words[before - 1] == "to" and slots[before - 2] == slot ^ 1


def _is_away(words: Sequence[str]) -> bool:
    return any(a in _FAR and b == "from" for a, b in pairwise(words))


def _is_at(
    wanted: Sequence[Place], box: GroundedBox, places: Mapping[tuple[int, Box], tuple[int, ...]]
) -> bool:
    own = places.get((box.image, box.box))
    return own is not None and any(own[slot] == rank for slot, rank in wanted)
