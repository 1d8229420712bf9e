"""Boxes on a picture, readable on a picture of any size (supervision's annotators)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ...tools.boxes import Box
from ...tools.text import clean_text
from ..colors import PALETTE

if TYPE_CHECKING:
    from PIL import Image

    from ..answer import AnswerBox

MAX_SIDE = 2560
MIN_SIDE = 480
MAX_GROWTH = 8.0
LABEL_LENGTH = 40


class Marked(NamedTuple):
    """A box to draw: its 0-based number in the answer (its colour) and the answer's box."""

    number: int
    found: AnswerBox


def drawing_scale(width: int, height: int) -> float:
    """How much a picture is resized to be drawn on: huge ones shrink, tiny ones grow."""
    side = max(width, height)
    if side > MAX_SIDE:
        return MAX_SIDE / side
    return min(MAX_GROWTH, MIN_SIDE / side) if side < MIN_SIDE else 1.0


def annotate(
    image: Image.Image, marked: Sequence[Marked], scale: float | None = None
) -> Image.Image:
    """A copy of a picture with boxes and labels on it.

    Args:
        image: the upright RGB picture.
        marked: boxes in its pixels.
        scale: size of the copy relative to the picture; chosen for readability where None.
    """
    factor = drawing_scale(*image.size) if scale is None else scale
    scene = _resized(image, factor)
    if not marked:
        return scene
    import numpy as np
    import supervision as sv

    sx, sy = scene.width / image.width, scene.height / image.height
    boxes = [Box(*m.found.box).scale(sx, sy) for m in marked]
    colors = np.array([m.number % len(PALETTE) for m in marked])
    detections = sv.Detections(
        xyxy=np.array([_visible(box, scene.size) for box in boxes], dtype=np.float64),
        class_id=colors,
    )
    palette = sv.ColorPalette([sv.Color(*rgb) for rgb in PALETTE])
    size = max(11, round(min(max(scene.size), 1.6 * min(scene.size)) / 55))
    boxer = sv.BoxAnnotator(color=palette, thickness=max(2, round(size / 6)))
    labeler = sv.RichLabelAnnotator(
        color=palette,
        font_size=size,
        text_padding=max(2, size // 4),
        smart_position=True,
    )
    scene = boxer.annotate(scene, detections)
    return labeler.annotate(scene, detections, labels=[caption(m) for m in marked])


def caption(marked: Marked) -> str:
    """`2 dog 0.91`: the number in the answer, the label, the score where there is one.

    A label in a script that the built-in font can't draw is left to the table and the JSON.
    """
    found = marked.found
    words = [str(marked.number + 1)]
    if found.label and found.label.isprintable() and max(found.label) <= "\u017f":
        words.append(clean_text(found.label, LABEL_LENGTH))
    if found.score is not None:
        words.append(f"{found.score:.2f}")
    return " ".join(words)


def _resized(image: Image.Image, factor: float) -> Image.Image:
    """A copy at a factor; no side ever below one pixel."""
    if factor == 1.0:
        return image.copy()
    from PIL import Image as PILImage

    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    method = PILImage.Resampling.NEAREST if factor > 1.0 else PILImage.Resampling.LANCZOS
    return image.resize(size, method, reducing_gap=3.0 if factor < 1.0 else None)


def _visible(box: Box, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """The box with its outline inside the scene, at least two pixels wide and high."""
    x1, y1 = min(box.x1, size[0] - 2), min(box.y1, size[1] - 2)
    return (
        max(0, x1),
        max(0, y1),
        min(max(box.x2, x1 + 2), size[0]),
        min(max(box.y2, y1 + 2), size[1]),
    )
