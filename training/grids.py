"""The size that a model's own processor gives a picture, for dialects that write its pixels."""

from __future__ import annotations

from functools import cache
from typing import Any

from ..policy.backends.hf_prompt import processor_grid
from .chat import GridOf


def grid_of_processor(processor: Any) -> GridOf | None:
    """How a Qwen-VL processor resizes; None for a tokenizer or a processor of another kind.

    Training hands pictures to the processor as they are, so this is the processor's own rule with
    its own bounds, not the plan that inference makes before it.
    """
    pictures = getattr(processor, "image_processor", None)
    if pictures is None or not hasattr(pictures, "merge_size"):
        return None
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

    grid = processor_grid(processor)

    @cache
    def resized(width: int, height: int) -> tuple[float, float]:
        down, across = smart_resize(
            height, width, factor=grid.factor, min_pixels=grid.min_pixels,
            max_pixels=grid.max_pixels,
        )  # fmt: skip
        return float(across), float(down)

    return resized
