"""From boxes as written to boxes in picture pixels: the one place where spaces are applied."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ...tools.boxes import Box, GroundedBox
from ...tools.coordinates import CoordinateSpace, Frame, UnitSpace
from ...tools.text import clean_text
from ...tools.views import View
from ..dialect import ReadContext
from ..parsing.pictures import resolve
from ..parsing.raw import Quad, RawBox

LABEL_LIMIT = 200
_UNIT = UnitSpace()
Adjust = Callable[[Quad], Quad]


@dataclass(slots=True)
class Placed:
    """Boxes in picture pixels, how many were lost, and what was mended."""

    boxes: list[GroundedBox] = field(default_factory=list[GroundedBox])
    lost: int = 0
    notes: dict[str, None] = field(default_factory=dict[str, None])

    def lose(self, why: str) -> None:
        """Count a box that could not be placed."""
        self.lost += 1
        self.notes[why] = None


def place_boxes(
    raw: Iterable[RawBox],
    space: CoordinateSpace,
    context: ReadContext,
    default_view: int | None,
    adjust: Adjust | None = None,
) -> Placed:
    """Written boxes to picture pixels: corners ordered, clipped, exact repeats merged.

    Args:
        raw: as the parsers give them.
        space: in which their numbers are written.
        context: the views, the processor's grids and the boxes that tools returned.
        default_view: the view of boxes that name none; None drops them with a note.
        adjust: applied to the written numbers first (Migician's stretch), or None.
    """
    placing = _Placing(space, context, default_view, adjust)
    seen: set[tuple[int, Box, str | None]] = set()
    placed = placing.placed
    for item in raw:
        found = placing.named(item) if item.numbers is None else placing.written(item, item.numbers)
        if found is None:
            continue
        key = (found.image, found.box, found.label)
        if key in seen:
            placed.notes["repeated box merged"] = None
            continue
        seen.add(key)
        placed.boxes.append(found)
    return placed


class _Placing:
    """What placing the boxes of one answer needs; frames and labels are made once."""

    def __init__(
        self,
        space: CoordinateSpace,
        context: ReadContext,
        default_view: int | None,
        adjust: Adjust | None,
    ) -> None:
        self.placed = Placed()
        self._space, self._context, self._adjust = space, context, adjust
        self._default = default_view
        self._frames: dict[int, Frame] = {}
        self._labels: dict[str | None, str | None] = {None: None}

    def named(self, item: RawBox) -> GroundedBox | None:
        """A box that a tool returned, by its id."""
        found = self._context.boxes.get(item.id or "")
        if found is None:
            self.placed.lose(f"no box {item.id}: dropped")
            return None
        label = self._label(item.label)
        return found.with_label(label) if label else found

    def written(self, item: RawBox, numbers: Quad) -> GroundedBox | None:
        """A box written in numbers."""
        placed, book = self.placed, self._context.book
        index = self._default if item.image is None else self._shown(item, item.image)
        if index is None:
            placed.lose("a box that names no picture dropped")
            return None
        if index not in book:
            placed.lose(f"no picture {index}: its box dropped")
            return None
        view = book[index]
        try:
            box = self._decoded(item, numbers, index, view)
        except ValueError as error:
            placed.lose(f"box of picture {index} not converted: {error}")
            return None
        final = to_picture(box, view, placed.notes)
        if final is None:
            placed.lose("an empty box dropped")
            return None
        return GroundedBox(view.image, final, self._label(item.label))

    def _shown(self, item: RawBox, image: int) -> int:
        """The view that a model means by a picture's number.

        A model that was shown one picture alone may count it as the first, from 1 or from 0,
        whatever its number; and labels number things, "picture 3" on a wall.
        """
        count = self._context.book.image_count
        index = resolve(image, count)
        alone = 1 if count == 1 else self._context.default_view if self._context.alone else None
        if alone is None or index == alone:
            return index
        if not 0 <= index <= count and (not item.in_label or index in self._context.book):
            return index
        self.placed.notes[f"only image {alone} was shown: a box in image {index} put there"] = None
        return alone

    def _decoded(self, item: RawBox, numbers: Quad, index: int, view: View) -> Box:
        frame = self._frames.get(index)
        if frame is None:
            frame = self._frames[index] = view.frame(self._context.grids.get(index))
        if item.unit:
            self.placed.notes["fractions of the picture read"] = None
            return _UNIT.decode(numbers, frame)
        return self._space.decode(self._adjust(numbers) if self._adjust else numbers, frame)

    def _label(self, words: str | None) -> str | None:
        """A label made safe, or None where nothing is left of it."""
        if words not in self._labels:
            self._labels[words] = clean_text(words, LABEL_LIMIT) or None if words else None
        return self._labels[words]


def to_picture(box: Box, view: View, notes: dict[str, None]) -> Box | None:
    """A box in view pixels, corners in any order, to picture pixels; None where nothing is left."""
    x1, y1, x2, y2 = box
    if x1 > x2 or y1 > y2:
        notes["corners ordered"] = None
        x1, y1, x2, y2 = min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)
    width, height = view.width, view.height
    # Beyond rounding only: encoding and decoding may leave a corner a hair outside.
    slack = 1e-6 * (width + height)
    if x1 < -slack or y1 < -slack or x2 > width + slack or y2 > height + slack:
        notes["clamped to the picture"] = None
    x1, x2 = min(max(x1, 0.0), width), min(max(x2, 0.0), width)
    y1, y2 = min(max(y1, 0.0), height), min(max(y2, 0.0), height)
    if not (x1 < x2 and y1 < y2):
        return None
    window = view.window
    sx, sy = window.width / width, window.height / height
    return Box(
        max(x1 * sx + window.x1, window.x1),
        max(y1 * sy + window.y1, window.y1),
        min(x2 * sx + window.x1, window.x2),
        min(y2 * sy + window.y1, window.y2),
    )
