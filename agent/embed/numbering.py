"""Numbers of pictures in words: from a program's list to those that are asked about, and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ...policy.planner.lexicon import ORDINALS, PICTURE
from ...policy.planner.pictures import pictures_in, read_pictures
from ...policy.planner.stream import Stream
from ...policy.planner.tokens import tokenise
from ...tools.errors import QueryNotUnderstood

_READ = 2000
"""Characters of a question that are read for pictures; a longer one is not translated."""

_NOUN = "|".join(sorted(PICTURE, key=len, reverse=True))
_TIE = (
    r"(?:\s*,\s*(?:(?:and|or)\s+)?|\s*(?:[&+/-]|[\u2010-\u2015])\s*"
    r"|\s+(?:and|or|to|through|thru|until|till)\s+)"
)
_SIGN = r"(?:\"?\s*[:=])?(?:\s*(?:numbers?|index|num|no\.?|nr\.?)(?=[\s\d#]))?[\s_#(-]*"
_N = r"\d{1,5}(?!\w|\.\w)"
_ONE = rf"(?:(?:the\s+)?(?:{_NOUN})s?{_SIGN})?{_N}"
_GOES_ON = (
    "and|or|but|is|are|was|were|has|have|had|do|does|did|can|that|which|where|who|with|without|"
    "to|in|of|on|at|as|from|for|by|than|shows?|contains?|both|together|only|not|please"
)
_BY_NUMBER = (
    rf"(?:{_NOUN})s{_SIGN}{_N}(?:{_TIE}{_ONE})*"
    # `In image 1, 2 dogs`: behind one picture a number may count things.
    rf"|(?:{_NOUN}){_SIGN}{_N}(?:(?:{_TIE}{_ONE})+(?!\s+(?!(?:{_GOES_ON})\b)[a-z]))?"
)
_RANK = rf"(?:\d{{1,5}}(?:st|nd|rd|th)|{'|'.join(sorted(ORDINALS))})"
_BY_RANK = rf"(?:the\s+)?{_RANK}(?:{_TIE}(?:the\s+)?{_RANK}){{0,9}}\s+(?P<noun>(?:{_NOUN})s?)\b"
_MENTION = re.compile(rf"(?<![^\W_])(?:{_BY_RANK}|{_BY_NUMBER})", re.IGNORECASE)
_SPAN = re.compile(
    r"(?P<first>\d+)\s*(?:[-\u2010-\u2015]|\b(?:to|through|thru|until|till)\b)\s*(?P<last>\d+)",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<!\d)(?<!\d\.)\d{1,5}(?!\d)")

_SHOWN = re.compile(r"^(picture |<(?:bytes|image|array) )(\d{1,5})(?=>|: | is )")


@dataclass(frozen=True, slots=True)
class Numbering:
    """Which pictures of a program's list are asked about.

    Attributes:
        numbers: in the list, 1-based, in the order in which the policy is given them.
        count: pictures of the list.
    """

    numbers: tuple[int, ...]
    count: int

    @property
    def same(self) -> bool:
        """Whether every number means the same to the program and to the policy."""
        return self.numbers == tuple(range(1, self.count + 1))

    def inward(self, query: str) -> str | None:
        """A question in the policy's numbers; None where that can't be done for sure.

        What was rewritten is read anew, by the planner's own reading of pictures: it must speak of
        the same pictures as before. So `the last one` and `image B`, which are not rewritten, pass
        where they happen to be right, and are never taken for another picture.
        """
        if self.same:
            return query
        place = {number: at for at, number in enumerate(self.numbers, 1)}
        asked, sure = _rewritten(query, place.get, self.count)
        if not sure or len(query) > _READ or self._may_name_more(query):
            return None
        try:
            meant = _named(query, self.count)
            told = _named(asked, len(self.numbers))
        except QueryNotUnderstood:
            return None
        listed = [tuple(self.numbers[at - 1] for at in pictures) for pictures in told]
        return asked if listed == meant else None

    def shown(self, text: str) -> str:
        """A picture's own name, or what begins with it: `<bytes 1>: damaged`, `picture 1: ...`."""
        place = dict(enumerate(self.numbers, 1))
        return _SHOWN.sub(lambda f: f"{f[1]}{place.get(int(f[2]), f[2])}", text)

    def outward(self, text: str) -> str:
        """A policy's words in the numbers of the list; a number that is no picture's stays."""
        place: Mapping[int, int] = dict(enumerate(self.numbers, 1))
        return _rewritten(text, place.get, len(self.numbers))[0]

    def _may_name_more(self, query: str) -> bool:
        """Whether a number is left, outside of all mentions, that a picture of the list has."""
        left = _MENTION.sub(" ", query)
        return any(1 <= int(found) <= self.count for found in _NUMBER.findall(left))


def _named(query: str, count: int) -> list[tuple[int, ...]]:
    """The pictures that a question names by number or rank, mention by mention.

    Raises:
        QueryNotUnderstood: one of them does not exist.
    """
    tokens = [inner for token in tokenise(query) for inner in (token.inner or (token,))]
    stream = Stream(tuple(tokens))
    read_pictures(stream, count)
    return [pictures.images for pictures in pictures_in(stream) if pictures.kind == "named"]


def _rewritten(text: str, place: Callable[[int], int | None], count: int) -> tuple[str, bool]:
    """A text with other numbers of pictures, and whether every mention could be rewritten.

    Args:
        text: words that name pictures (`image 2`, `pictures #1 and #3`, `the last photo`).
        place: the new number of an old one.
        count: pictures that the old numbers count.
    """
    sure = True

    def mention(found: re.Match[str]) -> str:
        nonlocal sure
        words, noun = found.group(0), found.group("noun")
        if noun is not None:
            # `The first and the last photo` are photo 1 and 4.
            words = f"{noun} {re.sub(_RANK, ranked, words[: -len(noun)], flags=re.I).strip()}"
            words = re.sub(r"\bthe\s+", "", words, flags=re.I)
        words = _SPAN.sub(_spanned, words)
        numbers = [place(int(number)) for number in _NUMBER.findall(words)]
        if None in numbers:
            sure = False
            return found.group(0)
        new = iter(numbers)
        return _NUMBER.sub(lambda _: str(next(new)), words)

    def ranked(found: re.Match[str]) -> str:
        word = found.group(0).lower()
        rank = ORDINALS[word] if word in ORDINALS else int(word[:-2])
        return str(rank if rank > 0 else count + 1 + rank)

    return _MENTION.sub(mention, text), sure


def _spanned(found: re.Match[str]) -> str:
    """`2 to 4` as `2, 3 and 4`, since new numbers need not follow each other."""
    first, last = int(found["first"]), int(found["last"])
    if not first < last < first + _READ:
        return found.group(0)
    return f"{', '.join(map(str, range(first, last)))} and {last}"
