"""Boxes written as JSON: our own answers, Qwen's `bbox_2d` lists, and their near relations.

A whole JSON value is read by the `json` module and walked without recursion. Text that is not
valid JSON (cut, Python quotes, trailing commas, words around it) goes to `salvage`, which looks
for complete boxes one by one.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from .raw import Parsed, Quad, RawBox
from .salvage import salvage
from .tool_text import strip_fence

BOX_KEYS = ("bbox_2d", "bbox", "box", "box_2d", "bounding_box")
LABEL_KEYS = ("label", "name", "class", "category", "object", "description")
IMAGE_KEYS = ("image", "view", "image_id", "image_index", "picture")
LIST_KEYS = ("answer", "boxes", "objects", "detections", "results", "items")
MAX_VALUES = 20_000
_ID = re.compile(r"\s*[bB](\d{1,6})\s*")
_INDEX = re.compile(r"[^\d]{0,24}(\d{1,6})[^\d]{0,8}")
_NUMBER = re.compile(r"[-+]?\d{1,15}(?:\.\d{0,15})?")


def parse_json_boxes(text: str) -> Parsed:
    """The boxes of an answer part. Total, linear in the length of the text."""
    body = strip_fence(text.strip())
    if body[:1] in ("[", "{"):
        try:
            value: Any = json.loads(body)
        except (ValueError, RecursionError):
            pass
        else:
            return _Walk().run(value)
    return salvage(body)


class _Walk:
    """One walk over a decoded JSON value."""

    def __init__(self) -> None:
        self.boxes: list[RawBox] = []
        self.damaged = False
        self.text: str | None = None
        self.notes: dict[str, None] = {}

    def run(self, root: Any) -> Parsed:
        """Collect everything under a root value."""
        none = root == [] or root is None
        if isinstance(root, dict) and not _box_value(root):
            none = self._object(root)
        elif isinstance(root, list):
            self._values(root)
        elif isinstance(root, dict):
            self._item(root)
        none = none and not self.boxes and not self.damaged
        return Parsed(
            tuple(self.boxes), none, False, self.damaged, self.text, tuple(self.notes), "json"
        )

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
                return inner is None or inner == [] or is_nothing(inner)
        if "id" in root or "box_id" in root:
            self._item(root)
            return False
        for label, inner in root.items():
            if isinstance(inner, list) and key_is_label(label):
                self._box(inner, label, None)
        return False

    def _values(self, values: list[Any]) -> None:
        if len(values) == 4 and all(type(v) in (int, float) for v in values):
            self._box(values, None, None)
            return
        for value in values[:MAX_VALUES]:
            if type(value) is dict:
                self._item(value)
            elif isinstance(value, list):
                self._box(value, None, None)
            elif isinstance(value, str) and (found := _ID.fullmatch(value)):
                self.boxes.append(RawBox(None, None, None, f"b{int(found[1])}"))
            else:
                self.damaged = True
        if len(values) > MAX_VALUES:
            self.damaged = True

    def _item(self, item: Mapping[str, Any]) -> None:
        label = _first(item, LABEL_KEYS)
        image = _image_index(_first(item, IMAGE_KEYS))
        box = _box_value(item)
        if box is not None:
            self._box(box, label if isinstance(label, str) else None, image)
            return
        name = item.get("id", item.get("box_id"))
        found = _ID.fullmatch(name) if isinstance(name, str) else None
        if found is None:
            self.damaged = True
            return
        words = label if isinstance(label, str) else None
        self.boxes.append(RawBox(None, words, None, f"b{int(found[1])}"))

    def _box(self, value: Any, label: str | None, image: int | None) -> None:
        """A box value: four numbers, two points, a list of such, an object or a string."""
        quad = to_quad(value)
        if quad is not None:
            self.boxes.append(RawBox(quad, label, image))
            return
        if isinstance(value, list) and value and all(isinstance(v, list) for v in value):
            quads = [to_quad(v) for v in value[:MAX_VALUES]]
            for quad in quads:
                if quad is None:
                    self._bad(None)
                else:
                    self.boxes.append(RawBox(quad, label, image))
            return
        self._bad(value)

    def _bad(self, value: Any) -> None:
        self.damaged = True
        if isinstance(value, list) and any(
            isinstance(v, float) and not math.isfinite(v) for v in value
        ):
            self.notes["a box with numbers that are not finite dropped"] = None


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


def _finite(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def is_nothing(value: Any) -> bool:
    """Whether a field says in a word that nothing is there."""
    return isinstance(value, str) and value.strip().lower().rstrip(".") in ("none", "null", "[]")


def key_is_label(key: str) -> bool:
    """Whether a key with a list of numbers is the object's name (`{"dog": [1, 2, 3, 4]}`)."""
    return key not in ("point", "point_2d", "points", "score", "confidence")


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
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and (found := _INDEX.fullmatch(value.strip())):
        return int(found[1])
    return None
