"""The closed vocabulary's words: what the data engine can ask, and the names of things."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from ...tools.vocabulary import coco_classes
from ..data.language.words import NUMBERS, ORDINALS, plural
from ..data.scenes.vocabulary import load_yaml, vocabulary
from ..photo_questions import phrasing
from .shapes import ShapePictures

WORD = re.compile(r"[a-z]+(?:['-][a-z]+)*")
_SLOTS = re.compile(r"\{[A-Za-z0-9_]*\}|\$[a-z0-9-]+")
_SPOKEN = (
    "think answer find detect match compare zoom of image view with score box boxes not found "
    "question unknown word words system user assistant tool last an annotated nothing corresponds "
    "left right above below marked object place lies only changed fills exactly more fewest most "
    "st nd rd th s so note within some total match change "
    "red orange yellow green blue purple pink brown white grey gray black"
)
"""Words of tags, tools' results and traces, and what `1st` and `it's` leave after the split."""


_RULES = re.compile(r"<\w+>")


@lru_cache(maxsize=1)
def packaged_words() -> tuple[str, ...]:
    """Every word, lower case and sorted, of the grammar, the relations and the objects' names."""
    found: set[str] = set(_SPOKEN.split())
    for package, name in (
        ("gemvg.training.data.language", "grammar.yaml"),
        ("gemvg.training.data", "relations.yaml"),
    ):
        for text in _texts(load_yaml(package, name)):
            found.update(words_of(_SLOTS.sub(" ", text)))
    for texts in phrasing.GRAMMAR.values():
        found.update(words_of(_SLOTS.sub(" ", _RULES.sub(" ", " ".join(texts)))))
    for label in coco_classes():
        for word in (label, *phrasing.every_day(label)):
            found.update(words_of(f"{word} {phrasing.plural(word)}"))
    found.update(words_of(" ".join([*NUMBERS, *ORDINALS])))
    for label in (*vocabulary().names, *ShapePictures().labels):
        found.update(words_of(f"{label} {plural(label)}"))
    return tuple(sorted(found))


def words_of(text: str) -> Iterator[str]:
    """The words of a text as the tokenizer sees them."""
    return (found[0] for found in WORD.finditer(text.lower()))


def _texts(value: Any) -> Iterable[str]:
    """All strings in a YAML value, keys of mappings included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(key)
            yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)
