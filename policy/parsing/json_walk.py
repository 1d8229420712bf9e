"""The walk over a decoded JSON value that finds its boxes, in whatever objects they stand."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .pictures import mentions, picture_named
from .raw import MAX_BOXES, TOO_MANY, Parsed, Quad, RawBox

BOX_KEYS = ("bbox_2d", "bbox", "box", "box_2d", "bounding_box")
LABEL_KEYS = ("label", "name", "class", "category", "object", "description")
IMAGE_KEYS = ("image", "view", "image_id", "image_index", "picture")
LIST_KEYS = ("answer", "boxes", "bboxes", "objects", "detections", "results", "items")
ID_KEYS = ("id", "box_id")
_POINTS = ("point", "point_2d", "points")
_NOT_LABELS = frozenset((*_POINTS, "score", "confidence", "text"))
_GROUPS = frozenset(("images", "pictures", "photos", "views", "frames", "per_image", "by_image"))
"""Names of lists with an object for each picture."""

_ID = re.compile(r"\s{0,8}[bB](\d{1,6})\s{0,8}")
_INDEX = re.compile(r"[^\d]{0,24}(\d{1,6})[^\d]{0,8}")
_NUMBER = re.compile(r"[-+]?\d{1,15}(?:\.\d{0,15})?")
_PICTURE_KEY = re.compile(
    r"(?:(?:image|picture|view|photo|frame|img)[\s_#-]{0,3})?(\d{1,4})", re.IGNORECASE
)
_LONGEST_NAME = 80
_DEPTH = 3
NOT_FINITE = "a box with numbers that are not finite dropped"


class Walk:
    """One walk over a decoded JSON value, a few levels deep and no deeper."""

    def __init__(self) -> None:
        self.boxes: list[RawBox] = []
        self.damaged = False
        self.text: str | None = None
        self.notes: dict[str, None] = {}

    def run(self, root: Any) -> Parsed:
        """Collect everything under a root value."""
        # A list in which no box was found and none was damaged holds empty values only.
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
        image, label = image_index(_first(root, IMAGE_KEYS)), _label(root)
        if lists := _lists(root):
            return self._under_each(lists, image, label, 0)
        if any(key in root for key in ID_KEYS):
            self._item(root)
            return _is_empty_item(root)
        return self._by_keys(root, image, label, 0) or _is_empty_item(root)

    def _under_each(
        self, lists: Sequence[Any], image: int | None, label: str | None, depth: int
    ) -> bool:
        """What stands under names of lists; returns whether all say that nothing is there."""
        found, groups, nothing = self.boxes, list[list[RawBox]](), True
        for inner in lists:
            self.boxes = []
            nothing = self._under(inner, image, label, depth) and nothing
            groups.append(self.boxes)
        found.extend(_once(groups) if len(groups) > 1 else groups[0])
        self.boxes = found
        return nothing

    def _under(self, inner: Any, image: int | None, label: str | None, depth: int) -> bool:
        """What stands under a key; returns whether it says that nothing is there."""
        before = len(self.boxes)
        if isinstance(inner, list):
            self._values(inner, image, depth, label)
            return len(self.boxes) == before
        if isinstance(inner, dict) and inner:
            if _is_item(inner):
                self._item(inner, image, depth, label)
                return len(self.boxes) == before
            own = image_index(_first(inner, IMAGE_KEYS))
            return self._by_keys(inner, image if own is None else own, label, depth)
        return _is_empty(inner)

    def _by_keys(
        self, root: Mapping[str, Any], image: int | None, label: str | None, depth: int
    ) -> bool:
        """Boxes under the names of pictures or objects; whether every picture is empty."""
        if depth > _DEPTH:
            self.damaged = True
            return False
        empty: list[bool] = []
        for key, inner in list(root.items())[:MAX_BOXES]:
            picture = picture_key(key)
            if picture is not None:
                empty.append(self._under(inner, picture, label, depth + 1))
            elif isinstance(inner, (list, dict)) and key not in _NOT_LABELS:
                grouped = key.lower() in _GROUPS
                nothing = self._under(inner, image, label if grouped else key, depth + 1)
                # An empty list of dogs says something of them alone, unless a picture is named.
                if grouped or image is not None:
                    empty.append(nothing)
        return bool(empty) and all(empty)

    def _values(
        self,
        values: list[Any],
        image: int | None = None,
        depth: int = 0,
        label: str | None = None,
    ) -> None:
        if len(values) in (2, 4) and to_quad(values) is not None:
            self._box(values, label, image)
            return
        for value in values[:MAX_BOXES]:
            if isinstance(value, dict):
                self._item(value, image, depth, label)
            elif isinstance(value, list) and depth < _DEPTH and not _may_be_boxes(value):
                self._values(value, image, depth + 1, label)
            elif isinstance(value, list):
                self._box(value, label, image)
            elif isinstance(value, str) and (found := _ID.fullmatch(value)):
                self.boxes.append(RawBox(None, label, None, f"b{int(found[1])}"))
            elif isinstance(value, str) and (quad := to_quad(value)):
                self.boxes.append(RawBox(quad, label, image, None, are_fractions(value, quad)))
            else:
                self.damaged = True
        if len(values) > MAX_BOXES:
            self._note(TOO_MANY)

    def _item(
        self,
        item: Mapping[str, Any],
        image: int | None = None,
        depth: int = 0,
        label: str | None = None,
    ) -> None:
        words = _label(item) or label
        own = image_index(_first(item, IMAGE_KEYS))
        image = image if own is None else own
        box = _box_value(item)
        if box is not None:
            self._box(box, words, image)
            return
        name = _first(item, ID_KEYS)
        found = _ID.fullmatch(name) if isinstance(name, str) else None
        if found is not None:
            self.boxes.append(RawBox(None, words, None, f"b{int(found[1])}"))
            return
        lists = _lists(item)
        if any(isinstance(inner, (list, dict)) for inner in lists) and depth < _DEPTH:
            self._under_each(lists, image, words, depth + 1)
        elif any(picture_key(key) is not None for key in item):
            before = len(self.boxes)
            nothing = self._by_keys(item, image, words, depth + 1)
            self.damaged = self.damaged or not (nothing or len(self.boxes) > before)
        else:
            self.damaged = self.damaged or not _is_empty_item(item)

    def _box(self, value: Any, label: str | None, image: int | None) -> None:
        """A box value: four numbers, two points, a list of such, an object or a string."""
        quad = to_quad(value)
        if quad is not None:
            self.boxes.append(RawBox(quad, label, image, None, are_fractions(value, quad)))
            return
        inner = value if isinstance(value, list) else []
        if inner and all(isinstance(v, list) for v in inner):
            for one in inner[:MAX_BOXES]:
                quad = to_quad(one)
                if quad is None:
                    self._bad(one)
                else:
                    self.boxes.append(RawBox(quad, label, image, None, are_fractions(one, quad)))
            return
        self._bad(value)

    def _bad(self, value: Any) -> None:
        self.damaged = True
        if isinstance(value, list) and any(
            isinstance(v, float) and not math.isfinite(v) for v in value[:8]
        ):
            self.notes[NOT_FINITE] = None


def image_index(value: Any) -> int | None:
    """The picture that a field names: a number, or words with one; None where it names none."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int):
        # A negative number is no picture; it must not be taken for `pictures.LAST`.
        return max(0, value)
    if not isinstance(value, str):
        return None
    found = _INDEX.fullmatch(value.strip())
    return int(found[1]) if found is not None else picture_named(value[:_LONGEST_NAME])


def picture_key(key: str) -> int | None:
    """The picture that a key names, with nothing beside it."""
    if found := _PICTURE_KEY.fullmatch(key):
        return int(found[1])
    words = key.strip().replace("_", " ")[:_LONGEST_NAME]
    one = mentions(words)
    whole = len(one) == 1 and words[: one[0].start].lower() in ("", "the ", "in ", "in the ")
    return one[0].image if whole and one[0].end == len(words) else None


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


def are_fractions(value: Any, quad: Quad) -> bool:
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


def _is_empty(value: Any) -> bool:
    """Whether a field's value says that nothing is there."""
    return value is None or value in ([], {}) or _is_nothing(value)


def _is_empty_item(item: Mapping[str, Any]) -> bool:
    """Whether an object has fields for boxes, and nothing in any of them."""
    held = [item[key] for key in (*BOX_KEYS, *LIST_KEYS) if key in item]
    # A point, or a name that is no box id, says of something that it is there.
    other = isinstance(_first(item, ID_KEYS), str) or any(key in item for key in _POINTS)
    return bool(held) and not other and all(map(_is_empty, held))


def _first(item: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    for key in keys:
        if key in item:
            return item[key]
    return None


def _box_value(item: Mapping[str, Any]) -> Any:
    found = next((item[k] for k in BOX_KEYS if k in item and not _is_empty(item[k])), None)
    if found is None and "x1" in item and "y2" in item:
        return dict(item)
    return found


def _label(item: Mapping[str, Any]) -> str | None:
    label = _first(item, LABEL_KEYS)
    return label if isinstance(label, str) else None


def _is_item(item: Mapping[str, Any]) -> bool:
    """Whether an object is a box, or holds a list of them under a name for such lists."""
    return _box_value(item) is not None or any(k in item for k in (*ID_KEYS, *BOX_KEYS, *LIST_KEYS))


def _lists(item: Mapping[str, Any]) -> list[Any]:
    """What stands under the names for lists, in order; of all but the first name only boxes."""
    first = next((key for key in LIST_KEYS if key in item), None)
    return [
        inner
        for key, inner in item.items()
        if key == first or (key in LIST_KEYS and _may_hold_boxes(inner))
    ]


def _may_hold_boxes(value: Any) -> bool:
    """Whether a value is more than words or numbers that stand beside the boxes of another list."""
    if not isinstance(value, list):
        return isinstance(value, dict)
    return not value or to_quad(value) is not None or any(map(_may_be_box, value[:MAX_BOXES]))


def _may_be_box(value: Any) -> bool:
    if isinstance(value, dict):
        return _is_item(value) or any(picture_key(key) is not None for key in value)
    if isinstance(value, str):
        return _ID.fullmatch(value) is not None or to_quad(value) is not None
    return isinstance(value, list)


def _once(groups: Sequence[Sequence[RawBox]]) -> list[RawBox]:
    """The boxes of several lists, in order, without those that another list gave as well."""
    placed = {(b.numbers, b.id) for boxes in groups for b in boxes if b.image is not None}
    seen: set[tuple[Quad | None, str | None, int | None]] = set()
    kept: list[RawBox] = []
    for boxes in groups:
        kept += [
            b
            for b in boxes
            if (b.numbers, b.id, b.image) not in seen
            and (b.image is not None or (b.numbers, b.id) not in placed)
        ]
        seen.update((b.numbers, b.id, b.image) for b in boxes)
    return kept
