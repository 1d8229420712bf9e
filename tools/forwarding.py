"""A tool that is another one, but for what a subclass adds to its calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .tool import AnyTool, Tool, ToolContext, ToolResult


class ForwardingTool(Tool[Any]):
    """Has the name, description and arguments of `inner`, and calls it.

    Args:
        inner: the other tool.
    """

    def __init__(self, inner: AnyTool) -> None:
        self.inner = inner
        # What the base declares for classes stands on the instance: it is the inner tool's.
        self.__dict__.update(
            name=inner.name, description=inner.description, arguments=inner.arguments
        )

    def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        """See `Tool.call`; total."""
        return self.inner.call(arguments, context)
