"""Qwen2.5-VL: JSON in pixels of the picture as the processor resized it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ...tools.coordinates import CoordinateSpace, ResizedPixelSpace
from .family import FamilyDialect, Prompts

_FORM = (
    'a JSON list with one item for every box: {"image": k, "bbox_2d": [x1, y1, x2, y2], '
    '"label": "..."}, where image is the number of the picture and the coordinates are its pixels. '
    "If there is none, write []."
)
PROMPTS = Prompts(
    system="You are a helpful assistant.",
    think=(
        "Reason step by step between <think> and </think>, then write the answer between <answer> "
        f"and </answer>: {_FORM}"
    ),
    direct=f"Answer with nothing but {_FORM}",
    auto=f"Answer with {_FORM}",
    image_reference="Picture {view}: ",
    view_reference="Picture {view} (a closer look at Picture {image}): ",
)


@dataclass(frozen=True, slots=True)
class Qwen25VLDialect(FamilyDialect):
    """Boxes are read in the grid that the processor reports; without it they are not read."""

    name: str = "qwen2.5-vl"
    prompts: Prompts = PROMPTS
    space: CoordinateSpace = field(default_factory=ResizedPixelSpace)
    trained_zoom: bool = True

    coordinate_clause: ClassVar[str] = "pixels of the view as you see it"
