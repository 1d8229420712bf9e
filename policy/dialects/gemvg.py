"""Our own dialect: JSON items that name the picture, and a tool's box by its id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..modes import Mode
from .family import FamilyDialect, Prompts

PROMPTS = Prompts(
    system=(
        "You find what a question asks for in several pictures and answer with boxes. "
        'The answer is a JSON list with one item for every box: {"image": k, "bbox_2d": [x1, y1, '
        'x2, y2], "label": "..."}. `image` is the number of the picture or view; the coordinates '
        "are whole numbers from 0 to 1000, relative to its width and height, left and top first. "
        'A box that a tool returned can be named instead: {"id": "b3", "label": "..."}. Give '
        "every box that the question asks for, in every picture, and [] where there is none."
    ),
    think=(
        "First reason step by step between <think> and </think>, then write the JSON list between "
        "<answer> and </answer>."
    ),
    direct="Answer at once: write only the JSON list, between <answer> and </answer>.",
    auto=(
        "If the question needs it, first reason step by step between <think> and </think>; "
        "otherwise answer at once. Write the JSON list between <answer> and </answer>."
    ),
)


@dataclass(frozen=True, slots=True)
class GemvgDialect(FamilyDialect):
    """Our own JSON, relative-1000 boxes or box ids, think and answer tags."""

    name: str = "gemvg"
    prompts: Prompts = PROMPTS
    learned_modes: bool = True
    tool_role: Literal["tool", "user"] = "tool"
    prefills: Mapping[Mode, str] = field(
        default_factory=lambda: {"think": "<think>", "direct": "<answer>"}
    )
