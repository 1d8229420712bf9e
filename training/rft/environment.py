"""Tool episodes in training: the agent's own tools as the methods of a TRL environment.

TRL makes one environment per rollout, calls `reset` with the row, offers every public method as a
tool and appends what it returns to the conversation. The tools, their argument checks, the box ids,
the budgets and the words in which the policy is told of them are those of inference; only the
calling convention differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from ...policy.dialect import Dialect, ReadContext
from ...policy.messages import Message, ToolCall, ViewPart
from ...tools.coordinates import ResizedPixelSpace
from ...tools.images import picture_from_image
from ...tools.tool import AnyTool, ToolContext
from ...tools.views import ViewBook
from ..chat import GridOf

Blocks = list[dict[str, Any]]


class GroundingEnvironment:
    """One rollout's episode; a subclass with the offered tools is made by `offering`.

    Settings are class attributes because TRL calls the factory without arguments. All but `reset`
    and the tools is private: TRL would offer it to the policy.
    """

    _tools: ClassVar[Mapping[str, AnyTool]] = {}
    _dialect: ClassVar[Dialect]
    _max_calls: ClassVar[int] = 8
    _max_views: ClassVar[int] = 16
    _grid_of: ClassVar[GridOf | None] = None

    def __init__(self) -> None:
        self._tool_context = ToolContext(ViewBook([]))
        self._calls = 0
        self._refused = 0

    @classmethod
    def offering(
        cls,
        tools: Mapping[str, AnyTool],
        dialect: Dialect,
        max_calls: int = 8,
        max_views: int = 16,
        grid_of: GridOf | None = None,
    ) -> type[GroundingEnvironment]:
        """The environment class that offers these tools and no other.

        Args:
            tools: by name.
            dialect: in which the policy calls them and is told of their results.
            max_calls: of an episode; further ones are refused.
            max_views: that tools may add to the pictures in an episode.
            grid_of: of the model's processor, for dialects that write pixels of the resized view.
        """

        def method(tool: AnyTool) -> Callable[..., Blocks]:
            # Takes any arguments, so that wrong ones are refused by the tool itself, and counted.
            def call(self: GroundingEnvironment, **arguments: Any) -> Blocks:
                return self._call(tool.name, arguments)

            call.__name__ = tool.name
            call.__doc__ = tool.description
            return call

        body: dict[str, Any] = {name: method(tool) for name, tool in tools.items()}
        body |= {
            "_tools": dict(tools),
            "_dialect": dialect,
            "_max_calls": max_calls,
            "_max_views": max_views,
            "_grid_of": staticmethod(grid_of) if grid_of is not None else None,
        }
        return type("OfferedTools", (cls,), body)

    def reset(self, images: Sequence[Any] = (), **_row: Any) -> None:
        """Begin an episode about the row's pictures (PIL images, upright)."""
        pictures = [picture_from_image(image, f"image {k}") for k, image in enumerate(images, 1)]
        self._tool_context = ToolContext(ViewBook(pictures, self._max_views))
        self._calls = 0
        self._refused = 0

    def _context(self) -> ReadContext:
        """What the dialect needs to read this episode's answer."""
        return ReadContext(self._tool_context.book, self._grids(), self._tool_context.boxes)

    def _grids(self) -> dict[int, tuple[float, float]]:
        """What the processor makes of every view so far, by view index."""
        resize, book = type(self)._grid_of, self._tool_context.book
        if resize is None or self._dialect.coordinates != ResizedPixelSpace().name:
            return {}
        return {view.index: resize(*book.raster(view.index).size) for view in book.views}

    def _call(self, name: str, arguments: Mapping[str, Any]) -> Blocks:
        """Run a tool; the first block is its text, the rest shows its new views."""
        self._calls += 1
        if self._calls > self._max_calls:
            return self._refuse("No tool calls are left. Answer with what you have.")
        call = ToolCall(f"call_{self._calls}", name, dict(arguments))
        ours = self._dialect.to_tool_call(call, self._context())
        if ours.error is not None:
            return self._refuse(ours.error)
        result = self._tools[name].call(ours.arguments, self._tool_context)
        self._refused += not result.ok
        book = self._tool_context.book
        return [
            block
            for message in self._dialect.tool_messages(call, result, book, self._grids())
            for block in _blocks(message, book)
        ]

    def _refuse(self, text: str) -> Blocks:
        self._refused += 1
        return [{"type": "text", "text": text}]


def _blocks(message: Message, book: ViewBook) -> Blocks:
    return [
        {"type": "image", "image": book.raster(part.view)}
        if isinstance(part, ViewPart)
        else {"type": "text", "text": part.text}
        for part in message.parts
    ]


def as_turns(tool_message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A tool message as the turns of inference: the text, then a user turn that shows new views."""
    content = tool_message.get("content")
    if not isinstance(content, list) or len(content) < 2:
        return [dict(tool_message)]
    blocks: Blocks = content
    return [{**tool_message, "content": blocks[:1]}, {"role": "user", "content": blocks[1:]}]
