"""The agent as a part of other programs: a LangChain tool, a graph node, an OpenAI function.

Names are loaded at their first use, so that importing this package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .arguments import GroundingArguments as GroundingArguments
    from .calling import Grounding as Grounding
    from .calling import call_function as call_function
    from .langchain_tool import grounding_tool as grounding_tool
    from .node import GroundingState as GroundingState
    from .node import grounding_node as grounding_node
    from .schema import function_schema as function_schema

__all__ = [
    "Grounding",
    "GroundingArguments",
    "GroundingState",
    "call_function",
    "function_schema",
    "grounding_node",
    "grounding_tool",
]

_HOMES = {
    "Grounding": ".calling",
    "GroundingArguments": ".arguments",
    "GroundingState": ".node",
    "call_function": ".calling",
    "function_schema": ".schema",
    "grounding_node": ".node",
    "grounding_tool": ".langchain_tool",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name], __name__), name)
