"""Tool calls between a family's names and coordinates and ours."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any
from zlib import crc32

from ...tools.coordinates import CoordinateSpace, UnitSpace
from ...tools.tool import AnyTool
from ..dialect import ReadContext
from ..messages import ToolCall
from ..parsing.json_walk import are_fractions
from ..parsing.tool_text import parse_tool_calls
from ..policy import ToolSpec

TEXT_CALL = "text-"
"""Ids of calls that stood in the text begin with it; a backend's own calls keep their ids."""

_MAX_DEPTH = 12
_UNIT = UnitSpace()


def calls_in_text(text: str, turn: int) -> tuple[ToolCall, ...]:
    """Every call in a text, under ids made of the turn, the text and the call's place in it."""
    stamp = crc32(text.encode("utf-8", "replace"))
    return tuple(
        ToolCall(f"{TEXT_CALL}{turn}-{stamp:08x}-{k}", call.name, call.arguments, call.error)
        for k, call in enumerate(parse_tool_calls(text), 1)
    )


def tool_specs(tools: Sequence[AnyTool], coordinates: str) -> tuple[ToolSpec, ...]:
    """The tools with plain schemas in which boxes are described in the family's coordinates.

    Args:
        tools: ours.
        coordinates: a clause on the numbers of a box, such as `integers from 0 to 1000 ...`.
    """
    return tuple(
        ToolSpec(tool.name, tool.description, _plain_once(tool.schema(), coordinates))
        for tool in tools
    )


_made: dict[tuple[int, str], tuple[Mapping[str, Any], dict[str, Any]]] = {}
"""Plain schemas by the identity of what they were made from, which is kept so that it stays."""

_MOST_MADE = 256


def _plain_once(schema: Mapping[str, Any], coordinates: str) -> dict[str, Any]:
    """`plain_schema`, shared between questions: it was a quarter of what a question costs."""
    key = (id(schema), coordinates)
    made = _made.get(key)
    if made is None or made[0] is not schema:
        if len(_made) >= _MOST_MADE:
            _made.clear()
        made = _made[key] = (schema, plain_schema(schema, coordinates))
    return made[1]


def plain_schema(schema: Mapping[str, Any], coordinates: str) -> dict[str, Any]:
    """A pydantic schema without references, titles and null alternatives; boxes described."""
    root = copy.deepcopy(dict(schema))
    definitions: dict[str, Any] = root.pop("$defs", {})
    return _plain(root, definitions, coordinates, 0)


def _plain(node: Any, definitions: Mapping[str, Any], coordinates: str, depth: int) -> Any:
    if isinstance(node, list):
        return [_plain(v, definitions, coordinates, depth + 1) for v in node]
    if not isinstance(node, dict) or depth > _MAX_DEPTH:
        return node
    reference = node.get("$ref")
    if isinstance(reference, str):
        target = definitions.get(reference.rsplit("/", 1)[-1], {})
        beside = {k: v for k, v in node.items() if k != "$ref"}
        return _plain({**target, **beside}, definitions, coordinates, depth + 1)
    options = node.get("anyOf")
    if isinstance(options, list):
        real = [o for o in options if o != {"type": "null"}]
        if len(real) == 1:
            beside = {k: v for k, v in node.items() if k not in ("anyOf", "default")}
            return _plain({**real[0], **beside}, definitions, coordinates, depth + 1)
    plain: dict[str, Any] = {}
    for key, value in node.items():
        if key == "title" and isinstance(value, str):
            continue
        if key == "properties" and isinstance(value, dict):
            plain[key] = {
                name: _box_schema(coordinates)
                if name == "box"
                else _plain(v, definitions, coordinates, depth + 1)
                for name, v in value.items()
            }
        else:
            plain[key] = _plain(value, definitions, coordinates, depth + 1)
    return plain


def _box_schema(coordinates: str) -> dict[str, Any]:
    return {
        "type": "array",
        "items": {"type": "number"},
        "minItems": 4,
        "maxItems": 4,
        "description": f"x1, y1, x2, y2 in that view, {coordinates}; leave out for all of it.",
    }


def to_our_call(call: ToolCall, space: CoordinateSpace, context: ReadContext) -> ToolCall:
    """A call with its boxes converted to view pixels; what is wrong stands in its `error`."""
    if call.error is not None:
        return call
    try:
        arguments = _convert(dict(call.arguments), space, context, 0)
    except ValueError as error:
        return ToolCall(call.id, call.name, call.arguments, f"{call.name}: {error}")
    return ToolCall(call.id, call.name, arguments)


def _convert(value: Any, space: CoordinateSpace, context: ReadContext, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise ValueError("the arguments are nested too deeply.")
    if isinstance(value, list):
        return [_convert(v, space, context, depth + 1) for v in value]
    if not isinstance(value, dict):
        return value
    region = _as_region(value)
    if isinstance(region.get("box"), (list, tuple)):
        return _convert_region(region, space, context)
    return {k: _convert(v, space, context, depth + 1) for k, v in value.items()}


def whole_number(value: Any) -> Any:
    """A view's index that was written as "2" or 2.0 as a number; any other value as it is."""
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 8:
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


_OTHER_NAMES = (("bbox_2d", "box"), ("bbox", "box"), ("image", "view"))


def _as_region(value: dict[str, Any]) -> dict[str, Any]:
    """A region whose keys a model wrote as in its answers, under our names."""
    if "bbox_2d" not in value and "bbox" not in value and "box" not in value:
        return value
    region = dict(value)
    for theirs, own in _OTHER_NAMES:
        if theirs in region and own not in region:
            region[own] = region.pop(theirs)
    return region


def _convert_region(
    region: Mapping[str, Any], space: CoordinateSpace, context: ReadContext
) -> dict[str, Any]:
    view = whole_number(region.get("view"))
    if view is None:
        view = 1 if context.book.image_count == 1 else context.default_view
    count = len(context.book)
    if isinstance(view, bool) or not isinstance(view, int) or view not in context.book:
        named = "a box needs its view" if view is None else "no such view"
        raise ValueError(f"{named}; the views are 1 to {count}.")
    numbers = region["box"]
    if len(numbers) != 4 or not all(type(n) in (int, float) and abs(n) < 1e7 for n in numbers):
        raise ValueError("a box is four numbers x1, y1, x2, y2.")
    shown = context.book[view]
    # As in answers (see `placing`): on the family's own grid fractions would be less than a step.
    a, b, c, d = map(float, numbers)
    used = _UNIT if are_fractions(list(numbers), (a, b, c, d)) else space
    box = used.decode((a, b, c, d), shown.frame(context.grids.get(view)))
    inside = type(box).ordered(*box).clip(shown.width, shown.height)
    if not inside.is_valid:
        raise ValueError(f"the box {list(numbers)} is empty or lies outside view {view}.")
    return {**region, "view": view, "box": list(inside)}
