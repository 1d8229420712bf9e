"""Pictures that are said to show a thing: `the picture with a cat`, `images that have no dog`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .pictures import Pictures
from .stream import Chunk, Item

_SHOWS = (
    r"(?:(?:that|(?:in )?which|where) )?(?:(?:you|we|i) )?(?:can )?"
    r"(?:do |does |can |is |are )?(?:not |never )?(?:there )?"
    r"(?:has|have|had|having|contains?|containing|shows?|showing|with|featuring|features?|"
    r"includes?|including|depicts?|depicting|displays?|is|are|see)(?: there)?(?: at least)?"
)
_SHOWN = re.compile(
    rf"{_SHOWS}(?: (?:no|not|any|more|most|fewest|fewer|the|less|both|least|greatest|largest|"
    r"highest|number|of|a|some|@sel|@many))*"
)


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
