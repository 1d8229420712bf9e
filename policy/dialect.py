"""What a dialect is: how one model family is asked and how its answers are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from ..tools.boxes import GroundedBox
from ..tools.tool import AnyTool, BoxRegistry, ToolResult
from ..tools.views import ViewBook
from .messages import Message, ToolCall
from .modes import Mode, UsedMode

if TYPE_CHECKING:
    from .policy import Completion, ToolSpec

ReadingStatus = Literal["ok", "none", "partial", "truncated", "unparsable"]
"""ok: boxes; none: said that nothing is there; partial: complete boxes saved from damaged or cut
text; truncated: cut before any box; unparsable: no readable answer. Never mixed up. A reading with
tool calls has no answer yet: its status is unparsable and says nothing."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a completion says, read.

    Attributes:
        boxes: in picture pixels, clipped, corners ordered.
        text: an answer in words beside the boxes (a count, an explanation), or None.
        reasoning: what stood in the think part, or None.
        mode: what the policy did, by its tags.
        calls: tool calls in the dialect's own form, to be translated by `Dialect.to_tool_call`.
        notes: what was mended on the way ("corners ordered", "clamped", "y stretched 1.05/1.10").
    """

    status: ReadingStatus
    boxes: tuple[GroundedBox, ...] = ()
    text: str | None = None
    reasoning: str | None = None
    mode: UsedMode = "direct"
    calls: tuple[ToolCall, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadContext:
    """What a dialect needs to know to read: the views, their grids, the boxes tools returned.

    Attributes:
        book: all views. grids: size after the processor's resize, by view index.
        boxes: for answers that name box ids.
        default_view: the picture that was shown alone (1-based), as in polling; None where all
            were shown. Boxes that name no picture, or one that was not shown, lie in it.
        alone: whether `default_view`, where given, is the only view that was shown; where others
            were shown beside it, a box that names one of them lies there.
        query: the user's question (some families answer about the picture that it names).
        turn: number of the completion in the episode, which makes the ids of calls in text unique.
    """

    book: ViewBook
    grids: Mapping[int, tuple[float, float]] = field(default_factory=dict[int, tuple[float, float]])
    boxes: BoxRegistry = field(default_factory=BoxRegistry)
    default_view: int | None = None
    query: str = ""
    turn: int = 0
    alone: bool = True


class Dialect(Protocol):
    """One family's way of writing. Stateless; safe to share."""

    @property
    def name(self) -> str:
        """Such as `qwen2.5-vl` or `gemvg`."""
        ...

    @property
    def coordinates(self) -> str:
        """Name of the coordinate space, for the answer."""
        ...

    @property
    def learned_modes(self) -> bool:
        """True where the model was trained to choose think or direct by its first tag."""
        ...

    @property
    def single_target(self) -> bool:
        """True where the model is known to give one box only, so `auto` polls."""
        ...

    def opening(
        self, query: str, book: ViewBook, views: Sequence[int], mode: Mode, tools: Sequence[AnyTool]
    ) -> tuple[Message, ...]:
        """The first messages: system prompt, the views with their references, the question."""
        ...

    def prefill(self, mode: Mode) -> str | None:
        """The text that forces a mode, or None where the prompt alone does it."""
        ...

    def tool_specs(self, tools: Sequence[AnyTool]) -> tuple[ToolSpec, ...]:
        """The tools as this family is told of them (its names, its coordinates)."""
        ...

    def to_tool_call(self, call: ToolCall, context: ReadContext) -> ToolCall:
        """A call in the family's names and coordinates to ours (view pixels); errors in `error`."""
        ...

    @property
    def tools_in_prompt(self) -> bool:
        """True where `opening` itself describes the tools; a backend then sends no tool list."""
        ...

    def tool_messages(
        self,
        call: ToolCall,
        result: ToolResult,
        book: ViewBook,
        grids: Mapping[int, tuple[float, float]] | None = None,
    ) -> tuple[Message, ...]:
        """A result as turns: the text, then a user turn that shows and names any new views.

        The first message carries `call_id` and `result`. Its role is `tool`, except for calls that
        stood in the text of families whose chat template knows no tool role: there it is one user
        turn. Boxes in the text are in the family's coordinates (resized pixels need `grids`).
        """
        ...

    def write(self, boxes: Sequence[GroundedBox], context: ReadContext) -> str:
        """The answer part that the family would give, without tags; `read` reads it back.

        A box smaller than a step of the coordinate space is written one step wide.

        Raises:
            ValueError: resized pixels without the processor's grid of a view.
        """
        ...

    def read(self, completion: Completion, context: ReadContext) -> Reading:
        """Read an answer; total: never raises, never hangs."""
        ...
