"""Tool episodes in training: the agent's own tools as the methods of a TRL environment.

TRL makes one environment per rollout, calls `reset` with the row, offers every public method as a
tool and appends what it returns to the conversation. The tools, their argument checks, the box ids
and the budgets are those of inference; only the calling convention differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ...policy.dialect import Dialect, ReadContext
from ...policy.messages import ToolCall, ViewPart
from ...tools.images import picture_from_image
from ...tools.tool import AnyTool, ToolContext
from ...tools.views import ViewBook

Blocks = list[dict[str, Any]]


class GroundingEnvironment:
    """One rollout's episode. Made by `environment_factory`; see the module's text.

    Class attributes are set by `environment_factory` on a subclass, because TRL calls the factory
    without arguments.
    """

    _tools: ClassVar[Mapping[str, AnyTool]] = {}
    _dialect: ClassVar[Dialect]
    _max_calls: ClassVar[int] = 8
    _max_views: ClassVar[int] = 16

    def __init__(self) -> None:
        self._tool_context = ToolContext(ViewBook([]))
        self._calls = 0
        self._refused = 0

    def reset(self, images: Sequence[Any] = (), **_row: Any) -> None:
        """Begin an episode about the row's pictures (PIL images, upright)."""
        pictures = [picture_from_image(image, f"image {k}") for k, image in enumerate(images, 1)]
        self._tool_context = ToolContext(ViewBook(pictures))
        self._calls = 0
        self._refused = 0

    def zoom(self, regions: list[dict[str, Any]], padding: float = 0.1) -> Blocks:
        """Look closer at parts of a picture or view; each becomes a new view.

        Args:
            regions: Where to look: {"view": k, "box": [x1, y1, x2, y2]} or {"id": "b3"}.
            padding: Margin added on every side, as a fraction of the region.

        Returns:
            The new views.
        """
        return self._call("zoom", {"regions": regions, "padding": padding})

    def detect(self, labels: list[str], views: list[int] | None = None) -> Blocks:
        """Find all objects of the named kinds.

        Args:
            labels: Names of objects; an empty list finds everything that is known.
            views: Indexes of views to look at; all pictures when left out.

        Returns:
            One line for each box, with its id.
        """
        return self._call("detect", {"labels": labels, "views": views})

    def match(self, source: dict[str, Any], views: list[int] | None = None) -> Blocks:
        """Find where the content of a region occurs in other pictures.

        Args:
            source: The region: {"view": k}, {"view": k, "box": [...]} or {"id": "b3"}.
            views: Views to search; every other picture when left out.

        Returns:
            One line for each place found, with its id.
        """
        return self._call("match", {"source": source, "views": views})

    def compare(self, first: int, second: int, report: str = "second") -> Blocks:
        """Find what changed between two nearly aligned pictures.

        Args:
            first: Index of the first view.
            second: Index of the second view.
            report: Which picture the boxes are given in: "first", "second" or "both".

        Returns:
            One line for each changed region, with its id.
        """
        return self._call("compare", {"first": first, "second": second, "report": report})

    def _context(self) -> ReadContext:
        """What the dialect needs to read this episode's answer."""
        return ReadContext(self._tool_context.book, boxes=self._tool_context.boxes)

    def _call(self, name: str, arguments: Mapping[str, Any]) -> Blocks:
        self._calls += 1
        book = self._tool_context.book
        if name not in self._tools:
            return self._refuse(f"{name} is not offered here. Answer, or use another tool.")
        if self._calls > self._max_calls or len(book) - book.image_count >= self._max_views:
            return self._refuse("No tool calls are left. Answer now with what you have.")
        given = {key: value for key, value in arguments.items() if value is not None}
        call = ToolCall(f"call_{self._calls}", name, given)
        ours = self._dialect.to_tool_call(call, self._context())
        if ours.error is not None:
            return self._refuse(ours.error)
        result = self._tools[name].call(ours.arguments, self._tool_context)
        self._refused += not result.ok
        blocks: Blocks = []
        for message in self._dialect.tool_messages(call, result, book):
            for part in message.parts:
                if isinstance(part, ViewPart):
                    blocks.append({"type": "image", "image": book.raster(part.view)})
                else:
                    blocks.append({"type": "text", "text": part.text})
        return blocks

    def _refuse(self, text: str) -> Blocks:
        self._refused += 1
        return [{"type": "text", "text": text}]


def environment_factory(
    tools: Mapping[str, AnyTool], dialect: Dialect, max_calls: int = 8, max_views: int = 16
) -> type[GroundingEnvironment]:
    """The environment class for a set of tools; TRL offers only the methods of offered tools."""
    hidden = {name: None for name in ("zoom", "detect", "match", "compare") if name not in tools}
    body = {
        **hidden,
        "_tools": dict(tools),
        "_dialect": dialect,
        "_max_calls": max_calls,
        "_max_views": max_views,
    }
    return type("OfferedTools", (GroundingEnvironment,), body)
