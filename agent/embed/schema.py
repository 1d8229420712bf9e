"""The OpenAI function schema of a question, strict, from the same pydantic model as all others."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from .arguments import DESCRIPTION, NAME, GroundingArguments

_DROPPED = ("title", "default", "minLength", "maxLength", "maxItems", "minItems")
"""What strict schemas do not take (lengths) or do not need; the model itself still checks them."""


def function_schema(name: str = NAME, description: str = DESCRIPTION) -> dict[str, Any]:
    """A tool as the OpenAI chat completions API takes it, with `strict` set.

    In a strict schema every property is required and no other is allowed, so the model's arguments
    always fit; give them to `call_function`.

    Args:
        name: under which the model calls it.
        description: what the model is told.
    """
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": description,
            "strict": True,
            "parameters": strict_schema(GroundingArguments.model_json_schema()),
        },
    }


def strict_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON schema in its strict form: every property required, nothing else allowed."""
    return _strict(copy.deepcopy(dict(schema)))


def _strict(schema: dict[str, Any]) -> dict[str, Any]:
    for key in _DROPPED:
        schema.pop(key, None)
    properties: dict[str, dict[str, Any]] | None = schema.get("properties")
    if properties is not None:
        schema["properties"] = {name: _strict(inner) for name, inner in properties.items()}
        schema["required"] = list(properties)
        schema["additionalProperties"] = False
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        if key in schema:
            schema[key] = [_strict(inner) for inner in schema[key]]
    if isinstance(schema.get("items"), dict):
        schema["items"] = _strict(schema["items"])
    if "$defs" in schema:
        schema["$defs"] = {name: _strict(inner) for name, inner in schema["$defs"].items()}
    return schema
