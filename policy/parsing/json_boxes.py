"""Boxes written as JSON: our own answers, Qwen's `bbox_2d` lists, and their near relations.

A whole JSON value is read by the `json` module; the usual form (a list of flat objects) has a
short way through, since rewards read tens of thousands of answers a second, and every other form
is walked. Text that is not valid JSON goes to `salvage`, which looks for boxes one by one.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from .pictures import mentions
from .raw import MAX_BOXES, TOO_MANY, Parsed, Quad, RawBox
from .salvage import salvage
from .tool_text import strip_fence

BOX_KEYS = ("bbox_2d", "bbox", "box", "box_2d", "bounding_box")
LABEL_KEYS = ("label", "name", "class", "category", "object", "description")
IMAGE_KEYS = ("image", "view", "image_id", "image_index", "picture")
LIST_KEYS = ("answer", "boxes", "bboxes", "objects", "detections", "results", "items")
_NOT_LABELS = frozenset(("point", "point_2d", "points", "score", "confidence", "text"))
_ID = re.compile(r"\s{0,8}[bB](\d{1,6})\s{0,8}")
_INDEX = re.compile(r"[^\d]{0,24}(\d{1,6})[^\d]{0,8}")
_NUMBER = re.compile(r"[-+]?\d{1,15}(?:\.\d{0,15})?")
_PICTURE_KEY = re.compile(
    r"(?:(?:image|picture|view|photo|frame|img)[\s_#-]{0,3})?(\d{1,4})", re.IGNORECASE
)
_HEADING = 400
_DEPTH = 3
_HUGE = 10_000_000
NOT_FINITE = "a box with numbers that are not finite dropped"


def parse_json_boxes(text: str) -> Parsed:
    """The boxes of an answer part. Total, linear in the length of the text."""
    body = text.strip()
    if body[:3] == "```":
        body = strip_fence(body)
    if body[:1] in ("[", "{"):
        value = _decoded(body)
        if value is not None:
            return _flat_items(value) or _Walk().run(value)
        return salvage(body)
    begin, end = _json_span(body)
    if begin >= 0:
        value = _decoded(body[begin:end]) if end > begin else None
        # Salvage sees the words before the structure too: they may name the picture.
        return salvage(body) if value is None else _under_heading(_Walk().run(value), body[:begin])
    return Parsed()


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


class _Walk:
    """One walk over a decoded JSON value, a few levels deep and no deeper."""

    def __init__(self) -> None:
        self.boxes: list[RawBox] = []
        self.damaged = False
        self.text: str | None = None
        self.notes: dict[str, None] = {}

    def run(self, root: Any) -> Parsed:
        """Collect everything under a root value."""
        # A list in which no box was found and none was damaged holds empty lists only.
        none = isinstance(root, list)
        if isinstance(root, list):
            self._values(root)
        elif isinstance(root, dict) and _box_value(root) is None:
            none = self._object(root)
        elif isinstance(root, dict):
            self._item(root)
        boxes = tuple(self.boxes[:MAX_BOXES])
        if len(self.boxes) > MAX_BOXES:
            self._note(TOO_MANY)
        none = none and not boxes and not self.damaged
        return Parsed(boxes, none, False, self.damaged, self.text, tuple(self.notes), "json")

    def _note(self, note: str) -> None:
        self.damaged = True
        self.notes[note] = None

    def _object(self, root: Mapping[str, Any]) -> bool:
        """An object that is no box itself; returns whether it says that nothing is there."""
        words = root.get("text")
        self.text = words if isinstance(words, str) and words.strip() else None
        for key in LIST_KEYS:
            if key in root:
                inner = root[key]
                if isinstance(inner, list):
                    self._values(inner)
                elif isinstance(inner, dict):
                    self._item(inner)
                return inner is None or inner == [] or _is_nothing(inner)
        if "id" in root or "box_id" in root:
            self._item(root)
            return False
        return self._by_keys(root)

    def _by_keys(self, root: Mapping[str, Any]) -> bool:
        """Boxes under the names of pictures or objects; whether every picture is empty."""
        empty: list[bool] = []
        for key, inner in list(root.items())[:MAX_BOXES]:
            if not isinstance(inner, list) or key in _NOT_LABELS:
                continue
            picture = _PICTURE_KEY.fullmatch(key)
            if picture is not None:
                empty.append(not inner)
                self._values(inner, int(picture[1]), 1)
            else:
                self._box(inner, key, None)
        return bool(empty) and all(empty)

    def _values(self, values: list[Any], image: int | None = None, depth: int = 0) -> None:
        if len(values) in (2, 4) and to_quad(values) is not None:
            self._box(values, None, image)
            return
        for value in values[:MAX_BOXES]:
            if isinstance(value, dict):
                self._item(value, image, depth)
            elif isinstance(value, list) and depth < _DEPTH and not _may_be_boxes(value):
                self._values(value, image, depth + 1)
            elif isinstance(value, list):
                self._box(value, None, image)
            elif isinstance(value, str) and (found := _ID.fullmatch(value)):
                self.boxes.append(RawBox(None, None, None, f"b{int(found[1])}"))
            elif isinstance(value, str) and (quad := to_quad(value)):
                self.boxes.append(RawBox(quad, unit=_are_fractions(value, quad)))
            else:
                self.damaged = True
        if len(values) > MAX_BOXES:
            self._note(TOO_MANY)

    def _item(self, item: Mapping[str, Any], image: int | None = None, depth: int = 0) -> None:
        label = _first(item, LABEL_KEYS)
        words = label if isinstance(label, str) else None
        own = _image_index(_first(item, IMAGE_KEYS))
        image = image if own is None else own
        box = _box_value(item)
        if box is not None:
            self._box(box, words, image)
            return
        name = item.get("id", item.get("box_id"))
        found = _ID.fullmatch(name) if isinstance(name, str) else None
        inner = _first(item, LIST_KEYS)
        if found is None and isinstance(inner, list) and depth < _DEPTH:
            self._values(inner, image, depth + 1)
            return
        if found is None:
            self.damaged = True
            return
        self.boxes.append(RawBox(None, words, None, f"b{int(found[1])}"))

    def _box(self, value: Any, label: str | None, image: int | None) -> None:
        """A box value: four numbers, two points, a list of such, an object or a string."""
        quad = to_quad(value)
        if quad is not None:
            self.boxes.append(RawBox(quad, label, image, None, _are_fractions(value, quad)))
            return
        inner = value if isinstance(value, list) else []
        if inner and all(isinstance(v, list) for v in inner):
            for one in inner[:MAX_BOXES]:
                quad = to_quad(one)
                if quad is None:
                    self._bad(one)
                else:
                    self.boxes.append(RawBox(quad, label, image, None, _are_fractions(one, quad)))
            return
        self._bad(value)

    def _bad(self, value: Any) -> None:
        self.damaged = True
        if isinstance(value, list) and any(
            isinstance(v, float) and not math.isfinite(v) for v in value[:8]
        ):
            self.notes[NOT_FINITE] = None


def _may_be_boxes(value: list[Any]) -> bool:
    """Whether a list inside a list is a box or a list of boxes, rather than a list of objects."""
    return bool(value) and not isinstance(value[0], dict)


def to_quad(value: Any) -> Quad | None:
    """Four finite numbers out of a list, two points, an x1..y2 object or a string; else None."""
    if isinstance(value, str):
        value = _NUMBER.findall(value[:200])
    elif isinstance(value, dict):
        value = [value.get(key) for key in ("x1", "y1", "x2", "y2")]
    if not isinstance(value, list):
        return None
    if len(value) == 2 and all(isinstance(v, list) and len(v) == 2 for v in value):
        value = [*value[0], *value[1]]
    if len(value) != 4:
        return None
    a, b, c, d = (_finite(v) for v in value)
    return None if a is None or b is None or c is None or d is None else (a, b, c, d)


def _are_fractions(value: Any, quad: Quad) -> bool:
    """Whether four numbers from 0 to 1 were written with a point (see `numbers.written_quad`)."""
    if not all(0.0 <= v <= 1.0 for v in quad):
        return False
    if isinstance(value, str):
        return "." in value
    if isinstance(value, dict):
        value = [value.get(key) for key in ("x1", "y1", "x2", "y2")]
    flat = [x for v in value for x in (v if isinstance(v, list) else (v,))]
    return any(isinstance(v, float) or (isinstance(v, str) and "." in v) for v in flat)


def _finite(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _is_nothing(value: Any) -> bool:
    """Whether a field says in a word that nothing is there."""
    return isinstance(value, str) and value.strip().lower().rstrip(".") in ("", "none", "null")


def _first(item: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    for key in keys:
        if key in item:
            return item[key]
    return None


def _box_value(item: Mapping[str, Any]) -> Any:
    found = _first(item, BOX_KEYS)
    if found is None and "x1" in item and "y2" in item:
        return dict(item)
    return found


def _image_index(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int):
        # A negative number is no picture; it must not be taken for `pictures.LAST`.
        return max(0, value)
    if isinstance(value, str) and (found := _INDEX.fullmatch(value.strip())):
        return int(found[1])
    return None
