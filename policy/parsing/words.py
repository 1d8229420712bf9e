"""Labels and pictures of boxes that stand among words: "the red kite(12,40),(90,220)"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from .pictures import Mention, mentions
from .raw import Quad, RawBox

_REF = re.compile(r"<\|object_ref_start\|>|<\|object_ref_end\|>|<ref>|</ref>")
_TOKENS = re.compile(r"<\|(?:box_start|box_end)\|>|</?box>")
_ONLY_BETWEEN = re.compile(r"[\s,;.&()\[\]\-\u2013*]{0,40}(?:and)?[\s(\[]{0,8}")
_BREAK = re.compile(r"[.!?:;\n,)\]](?=\s|[A-Za-z\u0080-\uffff]|$)")
_TAIL = re.compile(
    r"(?:\s{1,3}(?:is|are|was|were|at|in|on|to|by|of|located|lies|with|from|the|as|approximately))"
    r"{1,6}\s{0,3}$",
    re.IGNORECASE,
)
_HEAD = re.compile(
    r"^(?:(?:and|is|are|in|on|from|of|the|it's|it)\b\s{0,3}|中的?|里的?){1,6}", re.IGNORECASE
)
_JOIN = re.compile(r"^\s{0,3}(?:and|or)\s{1,3}", re.IGNORECASE)
_TRAILING = re.compile(
    r"[ \t)\]]{0,4}(?:is |are |located |shown |seen ){0,2}"
    r"(?:in|of|from|on|within)[ \t]{1,3}(?:the[ \t]{1,3})?"
)
"""In lower case and on the same line: "In image 2: ..." opens a new sentence."""
_LABEL_MAX = 120
_REACH = 200


class Span(NamedTuple):
    """A complete box found in a text: where it stands, its numbers, whether they are fractions."""

    start: int
    end: int
    numbers: Quad
    unit: bool


def label_and_place(text: str, spans: Sequence[Span]) -> tuple[RawBox, ...]:
    """Boxes with their labels and the pictures that the words around them name.

    A label is what stands in reference tokens before a box, or words glued to its bracket (that
    is how such an answer looks once special tokens are taken out). It holds for the boxes that
    follow without words between. A picture is named by the words before a box, or right after it
    ("... in the first image"); otherwise by the words before the last box that had one.
    """
    named = images_beside(text, [(span.start, span.end) for span in spans])
    boxes: list[RawBox] = []
    label: str | None = None
    # Answers repeat themselves: the same words between two boxes are looked at once.
    known: dict[str, str | None] = {}
    end = 0
    for span, image in zip(spans, named, strict=True):
        gap = text[end : span.start]
        if not (boxes and _is_only_between(gap)):
            label = known[gap] if gap in known else known.setdefault(gap, _label(_bare(gap)))
        boxes.append(RawBox(span.numbers, label, image, None, span.unit))
        end = span.end
    return tuple(boxes)


def _bare(gap: str) -> str:
    """Words between boxes without box tokens."""
    return _TOKENS.sub("", gap) if "<" in gap else gap


def _is_only_between(gap: str) -> bool:
    """Whether nothing but separators and box tokens stands between two boxes."""
    return not gap or _ONLY_BETWEEN.fullmatch(_bare(gap)) is not None


def images_beside(text: str, spans: Sequence[tuple[int, int]]) -> list[int | None]:
    """The picture that the words before or right after each (start, end) name, or None.

    A picture named at the head of a sentence or in an earlier one ("In image 2: ...") holds for all
    that follow. One named in the middle of a phrase ("the car in the first image(...)") or after
    a box belongs to that box, and to those that follow it without words between.
    """
    found = mentions(text) if spans else []
    images: list[int | None] = []
    heading: int | None = None
    index = last_end = 0
    for number, (start, end) in enumerate(spans):
        gap = text[last_end:start]
        image = images[-1] if number > 0 and _is_only_between(gap) else heading
        while index < len(found) and found[index].end <= start:
            image = found[index].image
            if _is_heading(text, last_end, found[index], start):
                heading = image
            index += 1
        stop = spans[number + 1][0] if number + 1 < len(spans) else len(text)
        if index < len(found) and _follows(text, end, found[index], stop):
            image = found[index].image
            index += 1
        images.append(image)
        last_end = end
    return images


def _is_heading(text: str, left: int, mention: Mention, right: int) -> bool:
    """Whether a mention opens its sentence, or a later sentence begins before the box."""
    if _BREAK.search(text, mention.end, min(right, mention.end + _REACH)):
        return True
    before = text[max(left, mention.start - _REACH) : mention.start]
    breaks = list(_BREAK.finditer(before))
    opening = before[breaks[-1].end() :] if breaks else before
    return not _HEAD.sub("", opening.strip(" \t\n*#-([")).strip()


def _follows(text: str, end: int, mention: Mention, stop: int) -> bool:
    """Whether a mention stands right after a box that ends at `end` and belongs to it."""
    if mention.end > stop or not 0 <= mention.start - end <= 48:
        return False
    if text[mention.end : mention.end + 2].lstrip()[:1] in (":", "："):
        return False
    return _TRAILING.fullmatch(_bare(text[end : mention.start])) is not None


def _label(gap: str) -> str | None:
    """The label at the end of the words before a box."""
    refs = list(_REF.finditer(gap))
    if len(refs) >= 2:
        words = gap[refs[-2].end() : refs[-1].start()].strip()
        return words or None
    words = gap[-4 * _LABEL_MAX :].rstrip("([")
    if not words or words[-1].isspace() or words[-1] in ".,;:=>|":
        return None
    words = words.strip("([)]")
    breaks = list(_BREAK.finditer(words))
    words = words[breaks[-1].end() :] if breaks else words
    words = words.strip(" \t\n*`\"'\u2018\u2019\u201c\u201d()[]-")
    words = _JOIN.sub("", words)
    for mention in mentions(words)[:1]:
        if not _HEAD.sub("", words[: mention.start]).strip():
            words = _HEAD.sub("", words[mention.end :].strip())
    words = _TAIL.sub("", words).strip()
    return words if 0 < len(words) <= _LABEL_MAX and any(c.isalpha() for c in words) else None
