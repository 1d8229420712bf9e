"""Rewriting a question piece by piece: recognised spans become chunks with a meaning."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Generic, TypeVar

from .lexicon import FOLLOWS_PICTURE_AS_COMPOUND, PICTURE, PICTURES
from .tokens import Token

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Chunk(Generic[T]):
    """A recognised span: the class of thing that it is, and what it means."""

    tag: str
    meaning: T


Item = Token | Chunk[object]
Builder = Callable[[re.Match[str], list[Item]], object | None]


@cache
def rule(pattern: str) -> re.Pattern[str]:
    """A pattern over words separated by single blanks, anchored at word borders.

    Numbers read NUM3 (the word `one` stays as it is), ordinals ORD2 or ORD-1 (the last), picture
    nouns PIC and PICS, chunks @tag. Blanks in the pattern may be doubled for legibility.
    """
    return re.compile(rf"(?<= )(?:{pattern})(?= )")


class Stream:
    """The items of a question, rewritten in place."""

    def __init__(self, tokens: tuple[Token, ...]) -> None:
        self.items: list[Item] = list(tokens)

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def words(self) -> list[str]:
        """The items as the words that rules match."""
        words = [_word(item) for item in self.items]
        for i, word in enumerate(words[:-1]):
            if (word == "PIC" and words[i + 1] in FOLLOWS_PICTURE_AS_COMPOUND) or (
                word in ("PIC", "PICS") and words[i + 1] in ("PIC", "PICS")
            ):
                words[i] = "picture"
        return words

    def text(self) -> str:
        """The words between blanks, with a blank at both ends."""
        return f" {' '.join(self.words())} "

    def has(self, pattern: str) -> bool:
        """Whether a rule matches anywhere."""
        return rule(pattern).search(self.text()) is not None

    def rewrite(self, pattern: str, tag: str, build: Builder) -> int:
        """Replace every match by one chunk; `build` may refuse by returning None.

        Returns:
            How many spans were replaced.
        """
        replaced, position = 0, 0
        while True:
            text = self.text()
            found = rule(pattern).search(text, position)
            if found is None or found.end() == found.start():
                return replaced
            start, end = self._span(text, found)
            meaning = build(found, self.items[start:end])
            if meaning is None:
                position = text.index(" ", found.start()) + 1
                continue
            self.items[start:end] = [Chunk(tag, meaning)]
            replaced += 1
            position = found.start() + len(tag) + 1

    def _span(self, text: str, found: re.Match[str]) -> tuple[int, int]:
        starts = [i + 1 for i, c in enumerate(text[:-1]) if c == " "]
        return bisect_left(starts, found.start()), bisect_left(starts, found.end())


def text_of(item: Item) -> str:
    """The word of a token; a chunk has none."""
    return item.text if isinstance(item, Token) else ""


def _word(item: Item) -> str:
    if isinstance(item, Chunk):
        return f"@{item.tag}"
    if item.kind == "number":
        return "one" if item.text == "one" else f"NUM{item.value}"
    if item.kind == "ordinal":
        return f"ORD{item.value}"
    if item.kind == "box":
        return "@box"
    if item.text in PICTURE:
        return "PIC"
    return "PICS" if item.text in PICTURES else item.text
