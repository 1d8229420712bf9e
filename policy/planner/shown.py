"""Pictures that are said to show a thing: `the picture with a cat`, `images that have no dog`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from .pictures import Pictures
from .stream import Chunk, Item

_SHOWS = (
    r"(?:(?:that|(?:in )?which|where) )?(?:(?:you|we|i) )?(?:can )?"
    r"(?:do |does |can |is |are )?(?:not |never )?(?:there )?(?:also |too )?"
    r"(?:has|have|had|having|contains?|containing|shows?|showing|with|featuring|features?|"
    r"includes?|including|depicts?|depicting|displays?|is|are|see)(?: there)?(?: at least)?"
)
_SHOWN = re.compile(
    rf"{_SHOWS}(?: (?:no|not|any|more|most|fewest|fewer|the|less|both|least|greatest|largest|"
    r"highest|number|of|a|some|@sel|@many))*"
)


def names_pictures(reference: Pictures) -> bool:
    """Whether a reference says which pictures, be it by number or by role."""
    return reference.kind in ("named", "rest") or reference.role in ("first", "second")


def confines(reference: Pictures) -> bool:
    """Whether a reference confines the question to some pictures."""
    return names_pictures(reference) or reference.negated


def own_pictures(items: Sequence[Item], at: Sequence[int]) -> list[frozenset[int]]:
    """The pictures that each of several phrases names for itself.

    Args:
        items: of the question.
        at: where the phrases stand, in order.

    Returns:
        Of each phrase those named behind it and before the next one, or, where the question begins
        with pictures, those named before it and behind the last one; empty where there are none.
    """
    spots = [
        (index, item.meaning)
        for index, item in enumerate(items)
        if isinstance(item, Chunk) and isinstance(item.meaning, Pictures)
        and confines(item.meaning) and not item.meaning.negated
    ]  # fmt: skip
    leading = bool(spots and at) and spots[0][0] < at[0]
    borders = [-1, *at] if leading else [*at, len(items)]
    return [
        frozenset(i for index, ref in spots if begin < index < end for i in ref.images)
        for begin, end in pairwise(borders)
    ]


def pictures_before(items: Sequence[Item], index: int) -> Pictures | None:
    """The pictures that are spoken of right before a place in the question."""
    item = items[index - 1] if index else None
    meaning = item.meaning if isinstance(item, Chunk) else None
    return meaning if isinstance(meaning, Pictures) else None


def pictures_that(items: Sequence[Item], words: Sequence[str], index: int) -> Pictures | None:
    """The pictures that the relation word here speaks of: `the images that are without X`."""
    at = index
    while at and words[at - 1] in ("that", "which", "is", "are"):
        at -= 1
    pictures = pictures_before(items, at)
    confined = pictures is not None and pictures.kind in ("named", "rest", "role")
    return None if at < index and confined else pictures


def shown_by(items: Sequence[Item], words: Sequence[str], index: int) -> Pictures | None:
    """The pictures that are said to show the phrase at `index`."""
    start = max((i for i in range(index) if words[i] == "@pics"), default=None)
    if start is None or any(w in ("@np", "@rel", ",", ";") for w in words[start + 1 : index]):
        return None
    between = " ".join(words[start + 1 : index])
    if re.fullmatch(r"(?:where|in which)(?: (?:an?|the|any|some|no|@sel))*", between):
        # `Pictures where a cat is present`, `where a dog lies on a bed`.
        return pictures_before(items, start + 1)
    if re.match(r"(?:that |which )?(?:is|are) not$", between):
        # `Everything in image 2 that is not a person`: no picture is a person.
        return None
    return pictures_before(items, start + 1) if _SHOWN.fullmatch(between) else None
