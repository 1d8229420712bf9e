"""Messages between the agent and a policy: text, views by index, tool calls and their results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..tools.tool import ToolResult

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class TextPart:
    """A piece of text."""

    text: str


@dataclass(frozen=True, slots=True)
class ViewPart:
    """A picture in the conversation: the view of this 1-based index in the episode's ViewBook."""

    view: int


Part = TextPart | ViewPart


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A policy's wish to call a tool.

    Attributes:
        id: unique in the episode; pairs the call with its result.
        name: as the policy wrote it.
        arguments: the decoded JSON object, as the policy wrote it (its names, its coordinates).
        error: what was wrong with the call's syntax, or None; a call with an error is not run but
            answered with the error's text, and counts in the budget.
    """

    id: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One turn.

    Attributes:
        tool_calls: of an assistant turn.
        call_id, result: of a tool turn: which call it answers, and the structured result behind
            its text (backends send the text; the planner reads the result).
    """

    role: Role
    parts: tuple[Part, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    call_id: str | None = None
    result: ToolResult | None = None

    @property
    def text(self) -> str:
        """All text parts, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))

    @property
    def views(self) -> tuple[int, ...]:
        """Indexes of the views in it, in order."""
        return tuple(part.view for part in self.parts if isinstance(part, ViewPart))


def text_message(role: Role, text: str) -> Message:
    """A turn of text alone."""
    return Message(role, (TextPart(text),))
