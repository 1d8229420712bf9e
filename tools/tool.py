"""What a tool is: validated arguments in, a typed result out, never an exception.

Tools take numbers, words and view indexes; never a path or a URL. Boxes in arguments are pixels of
the named view's raster: the policy's dialect has converted them before they come here.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .boxes import Box, GroundedBox
from .errors import GemvgError
from .text import clean_text
from .views import View, ViewBook

log = logging.getLogger("gemvg.tools")

Coordinate = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]


class ToolArguments(BaseModel):
    """Base of argument models: unknown keys are refused, so that a policy learns of a typo."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Region(ToolArguments):
    """A place to look: a whole view, a box in a view, or a box that a tool returned before.

    Give `view` alone, `view` with `box`, or `id` alone.
    """

    view: int | None = Field(None, description="1-based index of a view.", ge=1, le=10_000)
    box: tuple[Coordinate, Coordinate, Coordinate, Coordinate] | None = Field(
        None, description="x1, y1, x2, y2 in that view; leave out for all of it."
    )
    id: str | None = Field(
        None, description="Id of a box that a tool returned, such as b3.", max_length=12
    )


class BoxRegistry:
    """Every box that a tool returned in this episode, under its short id (b1, b2, ...).

    Args:
        told: boxes of an episode that is gone on with, by id. Ids made anew go on behind them.
    """

    def __init__(self, told: Mapping[str, GroundedBox] | None = None) -> None:
        self._boxes: dict[str, GroundedBox] = dict(told or {})
        self._last = max((int(name[1:]) for name in self._boxes), default=0)
        self._lock = threading.Lock()

    def add(self, box: GroundedBox) -> str:
        """Keep a box; returns its new id."""
        with self._lock:
            self._last += 1
            name = f"b{self._last}"
            self._boxes[name] = box
            return name

    def get(self, name: str) -> GroundedBox | None:
        """The box of an id, or None."""
        return self._boxes.get(name.strip().lower())

    def items(self) -> tuple[tuple[str, GroundedBox], ...]:
        """(id, box) pairs in order of their making."""
        return tuple(self._boxes.items())

    def __len__(self) -> int:
        return len(self._boxes)


@dataclass(slots=True)
class ToolContext:
    """What a tool may touch: the views of this episode and the boxes found so far."""

    book: ViewBook
    boxes: BoxRegistry = field(default_factory=BoxRegistry)
    seed: int = 0


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool found.

    Attributes:
        ok: False where the tool could not do what was asked; `text` then says what to do instead.
        text: for the policy; names every box by id, image and label.
        summary: one short line for people.
        views: the new views that it made, to be shown to the policy.
        boxes: (id, grounded box) of every box that it returned, best first.
        data: further numbers for programs; JSON-compatible.
    """

    ok: bool
    text: str
    summary: str
    views: tuple[View, ...] = ()
    boxes: tuple[tuple[str, GroundedBox], ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def failure(cls, text: str) -> ToolResult:
        """A result that says why nothing was done and what to do instead."""
        return cls(False, text, text.split(". ")[0][:120])


A = TypeVar("A", bound=ToolArguments)


class Tool(Generic[A]):
    """Base of tools. A subclass sets the four class variables and writes `run`.

    `run` may raise GemvgError for an expected failure; `call` turns everything into a result.
    Instances are shared between episodes and threads: what belongs to an episode is in the context.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    arguments: type[A]

    def run(self, arguments: A, context: ToolContext) -> ToolResult:
        """Do it."""
        raise RuntimeError(f"{type(self).__name__} has no run method")

    def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        """Validate raw arguments and run; total: every failure is a result."""
        try:
            parsed = self.arguments.model_validate(dict(arguments))
        except ValidationError as error:
            return ToolResult.failure(f"{self.name}: {explain_validation(error)}")
        except (TypeError, ValueError, RecursionError):
            return ToolResult.failure(f"{self.name}: the arguments are not a JSON object.")
        try:
            return self.run(parsed, context)
        except GemvgError as error:
            return ToolResult.failure(f"{self.name}: {error}")
        except Exception:
            # A policy chooses the arguments, so anything may happen inside a vision library; the
            # episode must go on, and the log keeps the traceback for us.
            log.exception("tool %s failed", self.name)
            return ToolResult.failure(
                f"{self.name}: failed inside. Try other arguments or another tool."
            )

    def schema(self) -> dict[str, Any]:
        """JSON schema of the arguments; shared, so copy it before changing it."""
        return _schema(self.arguments)


@cache
def _schema(arguments: type[ToolArguments]) -> dict[str, Any]:
    """Made once a class: pydantic takes milliseconds, and every question needs it."""
    return arguments.model_json_schema()


AnyTool = Tool[Any]


def explain_validation(error: ValidationError) -> str:
    """A pydantic error as one line that a policy can act on."""
    parts: list[str] = []
    for item in error.errors(include_url=False, include_context=False, include_input=False)[:3]:
        where = ".".join(str(part) for part in item["loc"]) or "arguments"
        parts.append(f"{clean_text(where, 60)}: {clean_text(item['msg'], 120)}")
    return "; ".join(parts) + "."


def resolve_region(region: Region, context: ToolContext) -> tuple[View, Box]:
    """The view that a region names and its box in that view's raster pixels, clipped to it.

    Raises:
        GemvgError: no such view or id, or the box is empty or outside; the text says what exists.
    """
    if region.id is not None:
        found = context.boxes.get(region.id)
        if found is None:
            known = ", ".join(name for name, _ in context.boxes.items()[-8:]) or "none yet"
            raise GemvgError(f"no box {clean_text(region.id, 12)}; the boxes are: {known}.")
        view = context.book[found.image]
        return view, view.from_image(found.box).clip(view.width, view.height)
    index = region.view
    if index is None:
        raise GemvgError("name a view, or a box by its id.")
    if index not in context.book:
        raise GemvgError(f"no view {index}; the views are 1 to {len(context.book)}.")
    view = context.book[index]
    if region.box is None:
        return view, Box(0.0, 0.0, float(view.width), float(view.height))
    box = Box.ordered(*region.box).clip(view.width, view.height)
    if not box.is_valid:
        raise GemvgError(
            f"the box lies outside view {index}, which is {view.width} x {view.height} pixels."
        )
    return view, box


def resolve_views(indexes: tuple[int, ...] | None, context: ToolContext) -> list[View]:
    """The named views, without repeats; all whole pictures where none is named.

    Raises:
        GemvgError: a view that does not exist.
    """
    if indexes is None:
        return list(context.book.views[: context.book.image_count])
    wrong = [i for i in indexes if i not in context.book]
    if wrong:
        # A model may write thousands of digits; they are not said back to it.
        named = f"no view {wrong[0]}" if abs(wrong[0]) < 10**6 else "no such view"
        raise GemvgError(f"{named}; the views are 1 to {len(context.book)}.")
    return [context.book[i] for i in dict.fromkeys(indexes)]


def describe_box(name: str, found: GroundedBox) -> str:
    """One line that tells a policy of a box: `b3: dog, image 2, [34, 50, 200, 310], 0.91`."""
    numbers = ", ".join(str(round(v)) for v in found.box)
    score = f", {found.score:.2f}" if found.score is not None else ""
    return f"{name}: {found.label or 'object'}, image {found.image}, [{numbers}]{score}"
