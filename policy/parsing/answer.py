"""An answer part in whatever syntax it was written: the family's own first, then the others."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from .json_boxes import parse_json_boxes
from .lists import parse_lists
from .nothing import says_nothing
from .pictures import Mention, mentions
from .points import parse_points
from .raw import Parsed, RawBox

_END_TOKENS = re.compile(r"<\|(?:im_end|endoftext)\|>")
_BOXES_AND_TOKENS = re.compile(r"[(\[][\d\s.,+\-()\[\]]{1,200}[)\]]|<\|?/?[a-z_]{1,24}\|?>")
_LETTERS = re.compile(r"[^\W\d_]{2}")
_PLACED = re.compile(r"\b(?:in|of|from|on|within)\s{1,3}(?:the\s{1,3})?$|[^\w\s]\s{0,3}$")
_PROSE_WORDS = 6
Parser = Callable[[str], Parsed]


def parse_json_first(text: str) -> Parsed:
    """An answer of a family that writes JSON. Total, linear."""
    return _parse(text, (parse_json_boxes, parse_points, parse_lists))


def parse_points_first(text: str) -> Parsed:
    """An answer of a family that writes two corners. Total, linear."""
    return _parse(text, (parse_points, parse_json_boxes, parse_lists))


def _parse(text: str, parsers: tuple[Parser, ...]) -> Parsed:
    """The first parser that finds a box or an explicit nothing; else what the others noticed."""
    end = _END_TOKENS.search(text)
    body = (text[: end.start()] if end is not None else text).strip()
    seen: list[Parsed] = []
    for parse in parsers:
        parsed = parse(body)
        if parsed.boxes or parsed.none:
            return _with_words(_by_labels(parsed), body)
        seen.append(parsed)
    cut = any(p.cut for p in seen)
    damaged = any(p.damaged for p in seen)
    notes = tuple(dict.fromkeys(note for p in seen for note in p.notes))
    none = not cut and not damaged and says_nothing(body)
    words = body if body[:1] not in ("[", "{", "`") and _LETTERS.search(body) else None
    return Parsed((), none, cut, damaged, words, notes)


def _by_labels(parsed: Parsed) -> Parsed:
    """JSON items without a picture whose label names one ("the dog in image 2") put there."""
    if parsed.syntax != "json" or all(b.image is not None or not b.label for b in parsed.boxes):
        return parsed
    return replace(parsed, boxes=tuple(map(_by_label, parsed.boxes)))


def _by_label(box: RawBox) -> RawBox:
    if box.image is not None or box.id is not None or not box.label:
        return box
    label = box.label[:400]
    named = {mention.image for mention in mentions(label) if _is_place(label, mention)}
    return box._replace(image=named.pop(), in_label=True) if len(named) == 1 else box


def _is_place(label: str, mention: Mention) -> bool:
    """Whether a label puts its box in a picture: "dog in image 2", "image 2: dog".

    A "picture frame 2" or a "front view 2" is a thing.
    """
    before = label[: mention.start].lower()
    return before.strip() in ("", "the") or _PLACED.search(before) is not None


def _with_words(parsed: Parsed, body: str) -> Parsed:
    """Keep an explanation that stands beside the boxes; a label or two is none."""
    if parsed.text is not None or parsed.syntax == "json" or len(body) > 16_000:
        return parsed
    labels = sum(len(b.label.split()) for b in parsed.boxes if b.label)
    words = _BOXES_AND_TOKENS.sub(" ", body).split()
    return replace(parsed, text=body) if len(words) - labels >= _PROSE_WORDS else parsed
