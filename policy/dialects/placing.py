"""From boxes as written to boxes in picture pixels: the one place where spaces are applied."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ...tools.boxes import Box, GroundedBox
from ...tools.coordinates import CoordinateSpace, UnitSpace
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
    placed = Placed()
    seen: set[GroundedBox] = set()
    for item in raw:
        found = _named(item, context, placed) if item.numbers is None else None
        if item.numbers is not None:
            numbers = item.numbers if adjust is None or item.unit else adjust(item.numbers)
            found = _written(item, numbers, space, context, default_view, placed)
        if found is None:
            continue
        if found in seen:
            placed.notes["repeated box merged"] = None
            continue
        seen.add(found)
        placed.boxes.append(found)
    return placed


def label_of(words: str | None) -> str | None:
    """A label made safe, or None where nothing is left of it."""
    return (clean_text(words, LABEL_LIMIT) or None) if words else None


def _named(item: RawBox, context: ReadContext, placed: Placed) -> GroundedBox | None:
    found = context.boxes.get(item.id or "")
    if found is None:
        placed.lose(f"no box {item.id}: dropped")
        return None
    label = label_of(item.label)
    return found.with_label(label) if label else found


def _written(
    item: RawBox,
    numbers: Quad,
    space: CoordinateSpace,
    context: ReadContext,
    default_view: int | None,
    placed: Placed,
) -> GroundedBox | None:
    index = default_view if item.image is None else resolve(item.image, context.book.image_count)
    if index is None:
        placed.lose("a box that names no picture dropped")
        return None
    if index not in context.book:
        placed.lose(f"no picture {index}: its box dropped")
        return None
    view = context.book[index]
    if item.unit:
        placed.notes["fractions of the picture read"] = None
    try:
        used = _UNIT if item.unit else space
        box = used.decode(numbers, view.frame(context.grids.get(index)))
    except ValueError as error:
        placed.lose(f"box of picture {index} not converted: {error}")
        return None
    final = to_picture(box, view, placed.notes)
    if final is None:
        placed.lose("an empty box dropped")
        return None
    return GroundedBox(view.image, final, label_of(item.label))


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
