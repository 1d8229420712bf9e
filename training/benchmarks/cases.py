"""The best and worst cases of a run, drawn: small pictures with true and predicted boxes."""

from __future__ import annotations

import base64
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from ...tools.errors import GemvgError
from ...tools.images import Picture
from .item import Item, PictureSource, Space, scale_to
from .outcome import FoundBox, Outcome

SIDE = 320
"""Longest side of an embedded picture, pixels."""
MAX_PANELS = 6
MAX_WORDS = 600


@dataclass(frozen=True, slots=True)
class Mark:
    """A rectangle in a panel's own units: true or predicted, with its words."""

    x: float
    y: float
    width: float
    height: float
    true: bool
    words: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture of a case.

    Attributes:
        title: such as `Image 2`.
        width, height: of its units (the small picture's pixels; 320 x 240 where it is not here).
        data: the picture as a data URI, or None where it is not here.
        marks: truth first.
    """

    title: str
    width: float
    height: float
    data: str | None
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One item and its answer, ready to be shown."""

    id: str
    task: str
    query: str
    score: float
    status: str
    said: str
    panels: tuple[Panel, ...]
    note: str = ""


def pick_cases(
    outcomes: Sequence[Outcome], metric: str, count: int
) -> tuple[list[Outcome], list[Outcome]]:
    """(worst, best) by the item score, spread over tasks: the first of each task come first.

    Ties go by a finer score where there is one (IoU or F1), then by order.
    """

    def key(outcome: Outcome) -> tuple[float, float]:
        finer = outcome.scores.get("iou", outcome.scores.get("f1", 0.0))
        return outcome.scores.get(metric, 0.0), finer

    ranked = sorted(outcomes, key=key)
    half = [o for o in ranked if key(o)[0] < 0.5]
    rest = [o for o in reversed(ranked) if key(o)[0] >= 0.5]
    return _spread(half, count), _spread(rest, count)


def _spread(ranked: Sequence[Outcome], count: int) -> list[Outcome]:
    """The first `count`, taking turns between tasks."""
    turns: dict[str, int] = {}
    numbered: list[tuple[int, int, Outcome]] = []
    for index, outcome in enumerate(ranked):
        turn = turns.get(outcome.task, 0)
        turns[outcome.task] = turn + 1
        numbered.append((turn, index, outcome))
    return [o for _, _, o in sorted(numbered, key=lambda row: row[:2])[:count]]


def draw_case(item: Item, outcome: Outcome, metric: str) -> Case:
    """A case with its pictures; pictures that are not here become empty frames."""
    involved = {t.image for t in item.truth} | {b.image for b in outcome.boxes}
    numbers = list(range(1, len(item.pictures) + 1))
    if len(numbers) > MAX_PANELS:
        numbers = sorted(involved & set(numbers))[:MAX_PANELS] or numbers[:MAX_PANELS]
    panels = tuple(_panel(item, outcome, k) for k in numbers)
    left = len(item.pictures) - len(panels)
    note = f"{left} more pictures without boxes" if left else ""
    said = " ".join((outcome.raw or outcome.text or "").split())
    return Case(
        item.id, item.task, item.query, outcome.scores.get(metric, 0.0), outcome.status,
        said[:MAX_WORDS] + ("..." if len(said) > MAX_WORDS else ""), panels, note,
    )  # fmt: skip


def _panel(item: Item, outcome: Outcome, number: int) -> Panel:
    source = item.pictures[number - 1]
    opened = _opened(source)
    width, height = opened.size if opened else _size(item, outcome, number)
    factor = SIDE / max(width, height)
    sx, sy = scale_to(item.space, width, height)
    marks = [
        _mark(t.box, factor / sx, factor / sy, True, t.label or "")
        for t in item.truth
        if t.image == number
    ]
    marks += [
        _mark(b.box, factor / sx, factor / sy, False, _words(b))
        for b in outcome.boxes
        if b.image == number
    ]
    data = _data_uri(opened) if opened else None
    return Panel(f"Image {number}", width * factor, height * factor, data, tuple(marks))


def _size(item: Item, outcome: Outcome, number: int) -> tuple[float, float]:
    """The size of a picture that is not here: as recorded, or a guess that only frames."""
    if number <= len(outcome.sizes):
        return outcome.sizes[number - 1]
    if item.space != "pixels":
        return 4.0, 3.0
    ends = [b.box for b in (*item.truth, *outcome.boxes) if b.image == number]
    # At least a pixel: a box may be none, or lie outside.
    right = [b.x2 for b in ends if math.isfinite(b.x2)]
    down = [b.y2 for b in ends if math.isfinite(b.y2)]
    return max(max(right, default=4.0), 1.0), max(max(down, default=3.0), 1.0)


def _opened(source: PictureSource) -> Picture | None:
    try:
        return source.open()
    except GemvgError:
        return None


def _data_uri(picture: Picture) -> str | None:
    try:
        small = picture.pixels.copy()
    except GemvgError:
        return None
    small.thumbnail((SIDE, SIDE), Image.Resampling.BICUBIC)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


def _words(found: FoundBox) -> str:
    label = re.sub(r"\s+", " ", found.label or "")[:40]
    return f"{label} {found.score:.2f}".strip() if found.score is not None else label


def _mark(box: Sequence[float], sx: float, sy: float, true: bool, words: str) -> Mark:
    x1, y1, x2, y2 = box
    return Mark(
        round(x1 * sx, 1), round(y1 * sy, 1), max(0.0, round((x2 - x1) * sx, 1)),
        max(0.0, round((y2 - y1) * sy, 1)), true, words[:60],
    )  # fmt: skip


__all__ = ["Case", "Mark", "Panel", "Space", "draw_case", "pick_cases"]
