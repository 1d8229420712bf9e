"""What happens in an episode, as it happens: the typed events of `GroundingAgent.stream`.

Every event is a small frozen dataclass with a `kind`, so that a server can send it as JSON
(`event_record`) and a program can match on its class. No event ever carries pixels: a tool's new
views are told by index, image and window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from pydantic import BaseModel

from ..policy.modes import Mode, UsedMode, UsedStrategy
from ..tools.views import View
from .answer import Answer, AnswerBox, ImageInfo, Step


@dataclass(frozen=True, slots=True)
class EpisodeStarted:
    """The pictures are loaded; the question is taken."""

    kind: ClassVar[str] = "started"
    query: str
    images: tuple[ImageInfo, ...]
    policy: str


@dataclass(frozen=True, slots=True)
class ModeDecided:
    """How the policy will be asked next, and why; comes again when an answer is asked over."""

    kind: ClassVar[str] = "mode"
    mode: Mode
    why: str
    strategy: UsedStrategy


@dataclass(frozen=True, slots=True)
class PolicyText:
    """A new piece of the policy's text, while it streams (untrusted, raw)."""

    kind: ClassVar[str] = "text"
    text: str


@dataclass(frozen=True, slots=True)
class PolicyAnswered:
    """One call of the policy is done: what it thought and how many tool calls it wants."""

    kind: ClassVar[str] = "policy"
    step: int
    mode: UsedMode
    reasoning: str | None
    tool_calls: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """A tool begins; arguments in our names, boxes in the named view's pixels."""

    kind: ClassVar[str] = "tool-started"
    tool: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NewView:
    """A view that a tool made: its index, the picture, and the window in picture pixels."""

    index: int
    image: int
    window: tuple[float, float, float, float]
    shows: str

    @classmethod
    def of(cls, view: View) -> NewView:
        """From a view."""
        x1, y1, x2, y2 = view.window.rounded()
        return cls(view.index, view.image, (x1, y1, x2, y2), view.shows)


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """A tool is done: the step as it will stand in the answer, what it found, what it shows."""

    kind: ClassVar[str] = "tool"
    step: Step
    views: tuple[NewView, ...]
    boxes: tuple[tuple[str, AnswerBox], ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """The end: the answer. Always the last event."""

    kind: ClassVar[str] = "answer"
    answer: Answer


Event = (
    EpisodeStarted
    | ModeDecided
    | PolicyText
    | PolicyAnswered
    | ToolStarted
    | ToolFinished
    | Answered
)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, NewView):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value


def event_record(event: Event) -> dict[str, Any]:
    """An event as JSON-compatible data, `kind` first."""
    return {"kind": event.kind} | {f.name: _plain(getattr(event, f.name)) for f in fields(event)}
