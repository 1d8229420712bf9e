"""Whether nano does what its question asks, as far as that can be told for sure.

Nano was taught to copy labels from the question, all of them, to name the pictures that it names,
and to write down the side and the rank that it names before it chooses. Where it does not, the
question is not one of those that it was taught to read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from ...tools.errors import QueryNotUnderstood
from ...tools.vocabulary import Vocabulary, coco_classes
from ..messages import ToolCall

_WORD = re.compile(r"[^\W_]+")

_SIDES: tuple[frozenset[str], ...] = (
    frozenset({"left", "leftmost"}),
    frozenset({"right", "rightmost"}),
    frozenset({"top", "topmost", "upper", "uppermost", "highest"}),
    frozenset({"bottom", "bottommost", "lower", "lowermost", "lowest"}),
    frozenset({"largest", "biggest"}),
    frozenset({"smallest", "littlest", "tiniest"}),
)
"""Words for the six ranks of a row, in the order of `nano_rows.SLOTS`."""

_ORDINALS = {
    word: rank
    for rank, words in enumerate(
        ("first 1st", "second 2nd", "third 3rd", "fourth 4th", "fifth 5th", "sixth 6th")
    )
    for word in words.split()
}

_PICTURES = frozenset(
    noun + ending
    for noun in ("picture", "image", "photo", "photograph", "pic", "shot", "frame", "snapshot")
    for ending in ("", "s")
)
"""What an ordinal or a side in front of it tells of: `the second photo`, `the left image`."""


def is_misread(call: ToolCall, query: str, pictures: int) -> bool:
    """Whether a call to detect is about other things or other pictures than the question names.

    Args:
        call: as it was written; any other tool's is never told to be a misreading.
        query: the question; nothing is known of a call without one.
        pictures: how many pictures it is about.
    """
    labels: Any = call.arguments.get("labels") if query else None
    if call.name != "detect" or not isinstance(labels, list):
        return False
    looked_for = [label for label in labels if isinstance(label, str)]
    if not looked_for:
        return False
    said = _spoken(query)
    if any(_spoken(label) not in said for label in looked_for):
        return True
    if _classes([query]) - _classes(looked_for):
        return True
    return _elsewhere(call.arguments.get("views"), query, pictures)


def is_other_rank(fact: tuple[int, int] | None, query: str) -> bool:
    """Whether one of several was chosen by another side or rank than the question names.

    Args:
        fact: (slot, rank from 0) that was written down before choosing; None where there was none.
        query: the question; nothing is known of an answer without one.
    """
    slot, rank = fact or (None, None)
    sides, ranks = _ranking(query)
    return bool(sides and slot not in sides) or bool(ranks and rank not in ranks)


def _ranking(query: str) -> tuple[set[int], set[int]]:
    """Slots and ranks that a question names; of two opposite sides (left to right) the first."""
    words = _WORD.findall(query.lower())
    own = [a for a, b in zip(words, [*words[1:], ""], strict=False) if b not in _PICTURES]
    named = [slot for word in own for slot, side in enumerate(_SIDES) if word in side]
    sides = {slot for n, slot in enumerate(named) if slot ^ 1 not in named[:n]}
    return sides, {_ORDINALS[word] for word in own if word in _ORDINALS}


def _elsewhere(views: Any, query: str, pictures: int) -> bool:
    """Whether other pictures are looked at than those that the question names."""
    looked_at = (
        {view for view in views if isinstance(view, int)} if isinstance(views, list) else set()
    )
    if any(view > pictures for view in looked_at):
        return False
    return looked_at != _named_pictures(query, pictures)


def _named_pictures(query: str, count: int) -> set[int]:
    """1-based; empty where none is named, or one that does not exist."""
    # Only questions about photographs come here, and those are read by the planner next.
    from ..planner.pictures import pictures_in, read_pictures
    from ..planner.stream import Stream
    from ..planner.tokens import tokenise

    stream = Stream(tokenise(query))
    try:
        read_pictures(stream, count)
    except QueryNotUnderstood:
        return set()
    found = [p for p in pictures_in(stream) if p.kind == "named" and not p.negated]
    return {image for reference in found for image in reference.images}


def _classes(texts: Sequence[str]) -> frozenset[str]:
    """The detectors' classes that texts name."""
    named: Iterable[frozenset[str]] = (_vocabulary().named_in(text) for text in texts)
    return frozenset[str]().union(*named)


@cache
def _vocabulary() -> Vocabulary:
    return Vocabulary(coco_classes())


def _spoken(text: str) -> str:
    """The words of a text, each between spaces."""
    return f" {' '.join(_WORD.findall(text.lower()))} "
