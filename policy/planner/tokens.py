"""A question as tokens: words, numbers, ordinals, boxes in text, quoted phrases."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ...tools.boxes import Box
from .lexicon import CONTRACTIONS, NUMBERS, ORDINALS

TokenKind = Literal["word", "number", "ordinal", "punctuation", "box", "quote"]

_N = r"[-+]?\d{1,5}(?:\.\d{1,6})?"
_PAIR = rf"[(\[]\s*({_N})\s*,\s*({_N})\s*[)\]]"
_BOX = re.compile(
    rf"(?:<\|box_start\|>|<box>)?\s*(?:{_PAIR}\s*,?\s*(?:-|to|and)?\s*{_PAIR}"
    rf"|[(\[{{]\s*({_N})[\s,]+({_N})[\s,]+({_N})[\s,]+({_N})\s*[)\]}}])"
    r"\s*(?:<\|box_end\|>|</box>)?(\s*(?:px|pixels?)\b)?",
    re.IGNORECASE,
)
_PICTURES_BEFORE = re.compile(
    r"\b(?:image|picture|photo|photograph|pic|frame|shot|snapshot)s\s*$", re.IGNORECASE
)
_QUOTE = re.compile(
    r"<\|object_ref_start\|>(.{1,200}?)<\|object_ref_end\|>|[\"\u201c\u201d\u00ab](.{1,200}?)"
    r"[\"\u201c\u201d\u00bb]|`([^`]{1,200})`"
)
_HANDED = re.compile(
    r"\b(left|right|upper|lower)(?:-hand|[ -]hand(?=[ -](?:side|edge|corner|border|half|part)\b))",
    re.IGNORECASE,
)
"""`right-hand side` is the right side; `right hand` alone may be a hand."""

PLACE = r"<\|?(?:image|img|picture|photo)[\s_-]*(\d{0,3})\s*\|?>"
_PLACES_FIRST = re.compile(rf"^\s*(?:{PLACE}[\s,;]*){{2,}}", re.IGNORECASE)
"""Where chat templates put the pictures themselves; it says nothing of where to look."""

_PLACE_NAMED = re.compile(PLACE, re.IGNORECASE)
_TAG = re.compile(r"<\|?/?[a-z_]{1,30}\|?>", re.IGNORECASE)
_WORD = re.compile(
    r"\x00(\d+)\x00|\d{1,6}(?:st|nd|rd|th)\b|\d{1,6}|[^\W\d_]+(?:'[^\W\d_]+)*|[#&.,;:?!()/]|\S"
)


@dataclass(frozen=True, slots=True)
class Token:
    """One token.

    Attributes:
        text: lower case, contractions opened.
        raw: as the user wrote it.
        kind: what it is.
        value: of a number; of an ordinal its rank, negative ones from the end.
        box: of a box, the four numbers as written. pixels: whether the user said pixels.
        inner: of a quote, its tokens.
    """

    text: str
    raw: str
    kind: TokenKind
    value: int = 0
    box: Box | None = None
    pixels: bool = False
    inner: tuple[Token, ...] = ()


def word_token(text: str) -> Token:
    """A word that a rule puts in, in lower case."""
    return Token(text, text, "word")


def tokenise(query: str) -> tuple[Token, ...]:
    """The tokens of a question, at most 2,000 characters of it."""
    held: list[Token] = []

    def hold(token: Token) -> str:
        held.append(token)
        return f" \x00{len(held) - 1}\x00 "

    def hold_box(found: re.Match[str]) -> str:
        if _PICTURES_BEFORE.search(found.string[: found.start()]):
            # `In images (1, 2, 3, 4)`: these are pictures.
            return found.group(0)
        groups = found.groups()
        numbers = [float(v) for v in (groups[:4] if groups[0] is not None else groups[4:8])]
        # A box of no size stays a box, so that the plan can say what is wrong with it.
        box = Box.ordered(*numbers)
        return hold(Token("<box>", found.group(0), "box", box=box, pixels=groups[8] is not None))

    def hold_quote(found: re.Match[str]) -> str:
        text = next(group for group in found.groups() if group is not None)
        return hold(Token("<quote>", text, "quote", inner=tokenise(_TAG.sub(" ", text))))

    text = query.replace("\x00", " ").replace("\u2019", "'").replace("\u2018", "'")[:2000]
    text = re.sub(r"\bw/o\b", "without", re.sub(r"\bw/(?!o\b)", "with ", text))
    text = _BOX.sub(hold_box, text)
    text = _HANDED.sub(r"\1", text)
    text = _PLACE_NAMED.sub(_named_place, _PLACES_FIRST.sub(" ", text))
    text = _TAG.sub(" ", _QUOTE.sub(hold_quote, text))
    text = re.sub(r"(?<=[^\W_])_+(?=[^\W_])", " ", text)
    text = re.sub(r"(?<=[^\W\d_])[-\u2010-\u2015](?=[^\W_])", " ", text)
    text = re.sub(r"(?<=[^\W\d_])(?=\d)", " ", text)
    text = re.sub(r"(?<=\d)\s*[\u2010-\u2015]\s*(?=\d)", " - ", text)
    # `Image 2's dog` is image 2, dog.
    text = re.sub(r"(?<=\d)'s\b", " ", text)
    tokens: list[Token] = []
    for found in _WORD.finditer(text):
        if found.group(1) is not None and int(found.group(1)) < len(held):
            tokens.append(held[int(found.group(1))])
        else:
            tokens.extend(_word_tokens(found.group(0)))
    return tuple(tokens)


def _named_place(found: re.Match[str]) -> str:
    """`In <image2>` names a picture; a placeholder without a number names none."""
    return f" image {found.group(1)} " if found.group(1) else " "


def _word_tokens(raw: str) -> list[Token]:
    """One written word as one or more tokens."""
    lower = raw.lower()
    if lower in CONTRACTIONS:
        return [_one(word, raw) for word in CONTRACTIONS[lower].split()]
    if lower.endswith("'s") and len(lower) > 3:
        return [_one(lower[:-2], raw), Token("'s", "'s", "word")]
    return [_one(lower.strip("'") or lower, raw)]


def _one(word: str, raw: str) -> Token:
    if word.isdecimal():
        return Token(word, raw, "number", int(word))
    ordinal = re.fullmatch(r"(\d+)(?:st|nd|rd|th)", word)
    if ordinal:
        return Token(word, raw, "ordinal", int(ordinal.group(1)))
    if word in ORDINALS:
        return Token(word, raw, "ordinal", ORDINALS[word])
    if word in NUMBERS:
        return Token(word, raw, "number", NUMBERS[word])
    if word[0].isalnum():
        return Token(word, raw, "word")
    return Token(word, raw, "punctuation")
