"""Qwen3-VL: JSON in thousandths of the picture, and a zoom tool that it was trained with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .family import FamilyDialect, Prompts

_FORM = (
    'a JSON list with one item for every box: {"image": k, "bbox_2d": [x1, y1, x2, y2], '
    '"label": "..."}, where image is the number of the picture and the coordinates run from 0 to '
    "1000 over its width and height. If there is none, write []."
)
PROMPTS = Prompts(
    system="",
    think=(
        "Reason step by step between <think> and </think>, then write the answer between <answer> "
        f"and </answer>: {_FORM}"
    ),
    direct=f"Answer with nothing but {_FORM}",
    auto=f"Answer with {_FORM}",
    image_reference="Picture {view}: ",
    view_reference="Picture {view} (img_idx {zero}, a closer look at Picture {image}): ",
)


@dataclass(frozen=True, slots=True)
class Qwen3VLDialect(FamilyDialect):
    """Thousandths of the view; zoom goes by its trained name, whose picture index is 0-based."""

    name: str = "qwen3-vl"
    prompts: Prompts = PROMPTS
    tool_role: Literal["tool", "user"] = "tool"
    trained_zoom: bool = True
