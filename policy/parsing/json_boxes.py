"""Boxes written as JSON: our own answers, Qwen's `bbox_2d` lists, and their near relations.

A whole JSON value is read by the `json` module; the usual form (a list of flat objects) has a
short way through, since rewards read tens of thousands of answers a second, and every other form
is walked. Text that is not valid JSON goes to `salvage`, which looks for boxes one by one.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any, cast

from .json_walk import Walk
from .pictures import mentions
from .raw import MAX_BOXES, TOO_MANY, Parsed, RawBox
from .salvage import salvage
from .tool_text import strip_fence

FENCE = "```"
MAX_BLOCKS = 100
_LANGUAGE = re.compile(r"\s{0,8}(?:json\b|[A-Za-z0-9_+-]{1,20}[ \t]{0,8}\n)", re.IGNORECASE)
"""What may stand right behind an opening fence."""

_HEADING = 400
_HUGE = 10_000_000


def parse_json_boxes(text: str) -> Parsed:
    """The boxes of an answer part. Total, linear in the length of the text."""
    body = text.strip()
    if FENCE in body:
        blocks = _fenced(body)
        if blocks is not None:
            return blocks
        if body.startswith(FENCE) and not _after_fence(body):
            body = strip_fence(body)
    if body[:1] in ("[", "{"):
        value = _decoded(body)
        if value is not None:
            return _flat_items(value) or Walk().run(value)
        return salvage(body)
    begin, end = _json_span(body)
    if begin >= 0:
        value = _decoded(body[begin:end]) if end > begin else None
        # Salvage sees the words before the structure too: they may name the picture.
        return salvage(body) if value is None else _under_heading(Walk().run(value), body[:begin])
    return Parsed()


def _fenced(body: str) -> Parsed | None:
    """The boxes of all fenced blocks together, each under the words before it.

    None where a block is not valid JSON, or where more than words stands between them.
    """
    parts = body.split(FENCE, 2 * MAX_BLOCKS)
    between, blocks = parts[::2], [_LANGUAGE.sub("", block, count=1) for block in parts[1::2]]
    values = [_decoded(block.strip()) for block in blocks]
    if len(parts) % 2 == 0 or not values or any(type(v) not in (list, dict) for v in values):
        return None
    if any(_SPAN.search(words) for words in between):
        return None
    found = [
        _under_heading(_flat_items(value) or Walk().run(value), words)
        for value, words in zip(values, between, strict=False)
    ]
    boxes = tuple(box for parsed in found for box in parsed.boxes)
    notes = dict.fromkeys(note for parsed in found for note in parsed.notes)
    if len(boxes) > MAX_BOXES:
        notes[TOO_MANY] = None
    return Parsed(
        boxes[:MAX_BOXES],
        all(parsed.none for parsed in found),
        damaged=TOO_MANY in notes or any(parsed.damaged for parsed in found),
        text=next((parsed.text for parsed in found if parsed.text), None),
        notes=tuple(notes),
        syntax="json",
    )


def _after_fence(body: str) -> str:
    """What stands behind the fenced block with which a text begins; empty where nothing does."""
    parts = body.split(FENCE, 2)
    return parts[2].strip() if len(parts) > 2 else ""


_JSON_NEXT = re.compile(r"[\W_]{0,20}(?:json)?[\W_]{0,20}")


def _under_heading(parsed: Parsed, words: str) -> Parsed:
    """Boxes without a picture put in the one picture that the words before the JSON name."""
    words = words[-_HEADING:]
    found = mentions(words)
    # Of several, the one right before the JSON is its heading ("..., in picture 2: [...]").
    leads = bool(found) and _JSON_NEXT.fullmatch(words, found[-1].end) is not None
    one = len({mention.image for mention in found}) == 1
    if not (leads or one) or not any(b.image is None and b.id is None for b in parsed.boxes):
        return parsed
    image = found[-1].image
    return replace(
        parsed,
        boxes=tuple(b if b.image is not None else b._replace(image=image) for b in parsed.boxes),
    )


def _decoded(body: str) -> Any:
    """The JSON value, or None where it is none (a bare `null` is no answer in this syntax)."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


_SPAN = re.compile(r"\[\s{0,40}[\[{]|\{\s{0,40}[\"']|\[\s{0,40}\]|```\s{0,4}json")


def _json_span(text: str) -> tuple[int, int]:
    """Where a structure may begin and end among words; (-1, -1) where none begins."""
    found = _SPAN.search(text)
    if found is None:
        return -1, -1
    begin = found.end() if found[0].startswith("`") else found.start()
    end = max(text.rfind("]"), text.rfind("}")) + 1
    return begin, end


def _flat_items(value: Any) -> Parsed | None:
    """The usual answer: a list of objects with four whole numbers; None for any other form."""
    if type(value) is not list or len(value) > MAX_BOXES:
        return None
    boxes: list[RawBox] = []
    for item in cast("list[Any]", value):
        if type(item) is not dict:
            return None
        quad = item.get("bbox_2d")
        if type(quad) is not list or len(quad) != 4:
            return None
        a, b, c, d = quad
        if not (type(a) is type(b) is type(c) is type(d) is int):
            return None
        if not (-_HUGE < a < _HUGE and -_HUGE < b < _HUGE and -_HUGE < c < _HUGE > d > -_HUGE):
            return None
        image, label = item.get("image"), item.get("label")
        if type(image) is not int or image < 0 or not (label is None or type(label) is str):
            return None
        boxes.append(RawBox((a, b, c, d), label, image))
    return Parsed(tuple(boxes), not boxes, syntax="json")
