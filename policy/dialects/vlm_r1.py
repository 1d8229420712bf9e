"""VLM-R1: Qwen2.5-VL's pixels and JSON, thinking in tags, trained on single pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..modes import Mode
from .family import Prompts
from .qwen2_5_vl import Qwen25VLDialect

_FORM = (
    'a JSON list of {"bbox_2d": [x1, y1, x2, y2], "label": "..."} in pixels of the picture, with '
    '"image": k where there are several pictures, or None where there is nothing'
)
PROMPTS = Prompts(
    system="You are a helpful assistant.",
    think=f"Reason in <think> </think> tags, then answer in <answer> </answer> tags with {_FORM}.",
    direct=f"Answer at once in <answer> </answer> tags with {_FORM}.",
    auto=f"Reason in <think> </think> tags, then answer in <answer> </answer> tags with {_FORM}.",
    image_reference="Picture {view}: ",
    view_reference="Picture {view} (a closer look at Picture {image}): ",
)


@dataclass(frozen=True, slots=True)
class VLMR1Dialect(Qwen25VLDialect):
    """Thinks unless it is made to answer at once; asked picture by picture."""

    name: str = "vlm-r1"
    prompts: Prompts = PROMPTS
    single_target: bool = True
    trained_zoom: bool = False
    prefills: Mapping[Mode, str] = field(
        default_factory=lambda: {"think": "<think>", "direct": "<answer>"}
    )
