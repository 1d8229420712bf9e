"""Which words are known: nouns of the detectors' classes, and verbs that are none."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from ...tools.vocabulary import Vocabulary, coco_classes
from .lexicon import ACTIVITY, PARTICIPLES, word_set
from .stream import Item
from .tokens import Token

_NOUNS_IN_ING = word_set(
    """
    building painting ceiling wing ring string king clothing earring swing railing pudding wedding
    drawing icing stuffing dressing covering awning lightning clothing bedding
    """
)


@cache
def closed_vocabulary() -> Vocabulary:
    """The words of COCO's classes: what tells a noun from a word of asking."""
    return Vocabulary(coco_classes())


def is_known(words: str) -> bool:
    """Whether the closed vocabulary knows these words as a noun."""
    return closed_vocabulary().resolve(words).relation != "unknown"


def is_activity(word: str) -> bool:
    """Whether a word says what a thing does (`sleeping`)."""
    if word in ACTIVITY or word in PARTICIPLES:
        return True
    return (
        word.endswith("ing") and len(word) > 5 and word not in _NOUNS_IN_ING and not is_known(word)
    )


def words_of(items: Sequence[Item]) -> list[str]:
    """The words among the items; chunks are none."""
    return [item.text for item in items if isinstance(item, Token)]
