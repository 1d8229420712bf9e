"""GeM-VG (arXiv 2601.04777): Qwen2-VL's thousandths, several boxes, think or direct by itself.

The paper's own wording and answer syntax are not public. Known are the output (boxes with 1-based
picture indexes), the base model (Qwen2-VL-7B, thousandths) and the two modes. A JSON list that
names the picture is asked for, and whatever comes is read: JSON, or corners in special tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..modes import Mode
from .family import FamilyDialect, Prompts

_FORM = (
    'a JSON list with one item for every box, {"image": k, "bbox_2d": [x1, y1, x2, y2], '
    '"label": "..."}, coordinates from 0 to 1000, and [] where there is none'
)
PROMPTS = Prompts(
    system="",
    think=f"Think in <think> </think>, then answer in <answer> </answer> with {_FORM}.",
    direct=f"Do not think. Answer in <answer> </answer> with {_FORM}.",
    auto=(
        "Think in <think> </think> first if the question is hard. Answer in <answer> </answer> "
        f"with {_FORM}."
    ),
    image_reference="Image-{view}: ",
    view_reference="Image-{view} (a closer look at Image-{image}): ",
)


@dataclass(frozen=True, slots=True)
class GeMVGDialect(FamilyDialect):
    """JSON that names the picture; the first tag says the mode."""

    name: str = "gem-vg"
    prompts: Prompts = PROMPTS
    learned_modes: bool = True
    prefills: Mapping[Mode, str] = field(
        default_factory=lambda: {"think": "<think>", "direct": "<answer>"}
    )
