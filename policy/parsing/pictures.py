"""Pictures named in words: "the second image", "Image-2", "2th picture", "the last frame"."""

from __future__ import annotations

import re
from typing import NamedTuple

_WORDS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
    "thirteenth fourteenth fifteenth sixteenth"
)
_CARDINALS = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen"
)
ORDINALS: dict[str, int] = {word: k for k, word in enumerate(_WORDS.split(), 1)}
_NUMBERS: dict[str, int] = {word: k for k, word in enumerate(_CARDINALS.split(), 1)}
_CHINESE: dict[str, int] = {c: k for k, c in enumerate("一二三四五六七八九十", 1)}
_STEM = re.compile(
    r"[Ii](?:mage|mg|MAGE|MG)|[Pp](?:ic|hoto|IC|HOTO)|[Ff](?:rame|RAME)|[Vv](?:iew|IEW)|图"
)
"""Where a mention may stand: a cheap pattern, so that long texts are looked through quickly."""

_NOUN = r"(?:images?|pictures?|photos?|photographs?|frames?|views?|pics?|imgs?)"
_NUMBERED = re.compile(
    rf"{_NOUN}\s{{0,2}}(?:-|\#|no\.|number)?\s{{0,2}}"
    rf"(?:(?P<k>\d{{1,3}})(?![\d.]\d)|(?P<word>{'|'.join(_NUMBERS)})\b)"
    r"|图(?:片|像)?\s?(?P<zk>\d{1,3})(?!\d)",
    re.IGNORECASE,
)
_WHOLE = re.compile(rf"{_NOUN}\b|图(?:片|像)?", re.IGNORECASE)
_BEFORE = re.compile(
    rf"\b(?:(?P<ordinal>{'|'.join(ORDINALS)}|last|final|source)"
    r"|(?P<nth>\d{1,3})\s?-?(?:st|nd|rd|th))\s{1,3}$"
    r"|第(?P<zh>[一二三四五六七八九十]|\d{1,3})[张幅个]?$",
    re.IGNORECASE,
)
_LONGEST_BEFORE = 16
ORDINAL_WORDS = tuple(ORDINALS)
MAX_MENTIONS = 2000
LAST = -1
"""Stands for "the last image" until the number of pictures is known."""


class Mention(NamedTuple):
    """A picture named in a text.

    Attributes:
        start, end: of the words.
        image: 1-based index, or `LAST`.
    """

    start: int
    end: int
    image: int


def mentions(text: str) -> list[Mention]:
    """Mentions in order, at most `MAX_MENTIONS`. "The source image" is the first picture."""
    found: list[Mention] = []
    end = 0
    for stem in _STEM.finditer(text):
        start = stem.start()
        if start < end or (start > 0 and text[start - 1].isascii() and text[start - 1].isalpha()):
            continue
        mention = _mention_at(text, start, max(end, start - _LONGEST_BEFORE))
        if mention is not None:
            found.append(mention)
            end = mention.end
            if len(found) == MAX_MENTIONS:
                break
    return found


def _mention_at(text: str, start: int, left: int) -> Mention | None:
    """The mention whose noun begins at `start` and whose words don't reach before `left`."""
    before = _BEFORE.search(text, left, start)
    if before is not None and (whole := _WHOLE.match(text, start)) is not None:
        return Mention(before.start(), whole.end(), _place_before(before))
    numbered = _NUMBERED.match(text, start)
    if numbered is None:
        return None
    word = numbered["word"]
    image = _NUMBERS[word.lower()] if word else int(numbered["k"] or numbered["zk"])
    return Mention(start, numbered.end(), image)


def _place_before(match: re.Match[str]) -> int:
    """The index that an ordinal before the noun says."""
    if match["ordinal"] is not None:
        word = match["ordinal"].lower()
        return 1 if word == "source" else ORDINALS.get(word, LAST)
    if match["nth"] is not None:
        return int(match["nth"])
    return _CHINESE.get(match["zh"]) or int(match["zh"])


_BARE = re.compile(
    rf"(?:the\s)?(?:(?P<ordinal>{'|'.join(ORDINALS)}|last|final)"
    rf"|(?P<nth>\d{{1,3}})(?:st|nd|rd|th)|(?P<word>{'|'.join(_NUMBERS)}))(?:\sone)?",
    re.IGNORECASE,
)


def picture_named(words: str) -> int | None:
    """The one picture that a field's words name: "the last image", "second"; `LAST` for the last.

    None where they name none, or several.
    """
    if (bare := _BARE.fullmatch(words.strip())) is not None:
        return _NUMBERS[bare["word"].lower()] if bare["word"] else _place_before(bare)
    named = {mention.image for mention in mentions(words)}
    return named.pop() if len(named) == 1 else None


def ordinal_words(image: int) -> str:
    """`second` for 2; `23rd` style numbers beyond the sixteenth."""
    if 1 <= image <= len(ORDINAL_WORDS):
        return ORDINAL_WORDS[image - 1]
    tail = {1: "st", 2: "nd", 3: "rd"}.get(image % 10, "th")
    return f"{image}{'th' if image % 100 in (11, 12, 13) else tail}"


def resolve(image: int, count: int) -> int:
    """A mention's index where `count` pictures were given: the last for `LAST`."""
    return count if image == LAST else image


_ASKED = re.compile(
    r"\b(?:find|locate|detect|localize|localise|identify|ground|mark|box|point|give|show|where|"
    r"search|spot|recognize|recognise|coordinates?|difference|boxes|occurs?|appears?)\b"
    r"(?:[\s,]{1,2}[\w']{1,20}){0,8}?[\s,]{1,2}"
    r"(?:in|within|inside|from|on|of)\s{1,2}(?:the\s{1,2}|both\s{1,2})?$",
    re.IGNORECASE,
)
_ASIDE = re.compile(
    r"\b(?:shown|marked|seen|present|presented|given|highlighted|boxed|circled|pictured|depicted|"
    r"object|objects|one|that|which|box|region|area|person|scene)\s{1,2}"
    r"(?:is\s{1,2}|are\s{1,2})?(?:in|on|from|of)\s{1,2}(?:the\s{1,2})?$",
    re.IGNORECASE,
)
_REACH = 100
_QUERY, _MENTIONS = 4000, 12


def asked_picture(query: str, count: int) -> int | None:
    """The picture in which a question asks to find something, or None where it names none.

    The last mention that a word of finding leads to ("locate it in the 2th image") wins; then the
    last one that is not an aside ("the object in image 1"); then the last of all.
    """
    query = query[-_QUERY:]
    found = [m for m in mentions(query) if 1 <= resolve(m.image, count) <= count][-_MENTIONS:]
    if not found:
        return None
    chosen = found[-1]
    aside = [bool(_ASIDE.search(query[max(0, m.start - 48) : m.start])) for m in found]
    asked = [bool(_ASKED.search(query[max(0, m.start - _REACH) : m.start])) for m in found]
    ranked = (
        [m for m, a, s in zip(found, asked, aside, strict=True) if a and not s],
        [m for m, s in zip(found, aside, strict=True) if not s],
    )
    for group in ranked:
        if group:
            chosen = group[-1]
            break
    return resolve(chosen.image, count)
