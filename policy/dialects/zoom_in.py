"""The zoom tool under the name and arguments that Qwen models were trained with.

`image_zoom_in_tool` takes `bbox_2d` in the family's coordinates (thousandths for Qwen3-VL), a
`label`, and `img_idx`, the 0-based index over all pictures shown so far, crops included. Models
leave `img_idx` out at times: then the one picture is meant where there is only one (a crop's box
is still given in the picture), else the picture that is being polled, else the last view shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..dialect import ReadContext
from ..messages import ToolCall
from ..policy import ToolSpec
from .calling import whole_number

ZOOM_IN = "image_zoom_in_tool"
_NAMES = frozenset((ZOOM_IN, "image_zoom_in", "zoom_in"))


def zoom_in_spec(coordinates: str) -> ToolSpec:
    """The tool as the model knows it; `coordinates` is a clause on the numbers of a box."""
    return ToolSpec(
        ZOOM_IN,
        "Look closer at a part of a picture: returns the part enlarged, as a new picture.",
        {
            "type": "object",
            "properties": {
                "bbox_2d": {
                    "type": "array",
                    "items": {"type": "number"},
                    "minItems": 4,
                    "maxItems": 4,
                    "description": f"The part, as [x1, y1, x2, y2] in {coordinates}.",
                },
                "label": {"type": "string", "description": "What is looked for in it."},
                "img_idx": {
                    "type": "integer",
                    "description": "Which picture, counted from 0 over all pictures shown so far.",
                },
            },
            "required": ["bbox_2d", "label", "img_idx"],
        },
    )


def is_zoom_in(name: str) -> bool:
    """Whether a call is the trained zoom tool."""
    return name in _NAMES


def as_zoom(call: ToolCall, context: ReadContext) -> ToolCall:
    """The call as our `zoom`, its box still in the family's coordinates."""
    arguments = call.arguments
    box = arguments.get("bbox_2d", arguments.get("bbox"))
    if not isinstance(box, (list, tuple)):
        return _wrong(call, "bbox_2d is missing; give four numbers [x1, y1, x2, y2].")
    view = _view(arguments, context)
    if view is None:
        return _wrong(call, f"no such picture; img_idx runs from 0 to {len(context.book) - 1}.")
    region = {"view": view, "box": list(box)}
    # The model chose the window itself: no margin is added.
    return ToolCall(call.id, "zoom", {"regions": [region], "padding": 0.0})


def _view(arguments: Mapping[str, Any], context: ReadContext) -> int | None:
    index = whole_number(arguments.get("img_idx"))
    if index is None:
        if context.book.image_count == 1:
            return 1
        return context.default_view or len(context.book)
    if isinstance(index, bool) or not isinstance(index, int):
        return None
    return index + 1 if index + 1 in context.book else None


def _wrong(call: ToolCall, why: str) -> ToolCall:
    return ToolCall(call.id, call.name, call.arguments, f"{call.name}: {why}")
