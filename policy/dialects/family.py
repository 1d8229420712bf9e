"""What all dialects have in common; a family is this class with its own data and answer form."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, Self

from ...tools.boxes import GroundedBox
from ...tools.coordinates import CoordinateSpace, RelativeSpace
from ...tools.tool import AnyTool, ToolResult, describe_box
from ...tools.views import View, ViewBook
from ..dialect import ReadContext, Reading
from ..messages import Message, Part, TextPart, ToolCall, ViewPart
from ..modes import Mode
from ..parsing.answer import parse_json_first
from ..parsing.raw import Parsed
from ..policy import Completion, ToolSpec
from .calling import TEXT_CALL, to_our_call, tool_specs
from .placing import Adjust
from .reading import read_completion
from .safety import plain_words
from .zoom_in import as_zoom, is_zoom_in, zoom_in_spec

Grids = Mapping[int, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Prompts:
    """A family's wording.

    Attributes:
        system: the system prompt, or "" for none.
        think, direct, auto: added to the question, by mode.
        image_reference, view_reference: put before a picture and before a crop; `{view}`,
            `{image}` and `{zero}` (the 0-based view index) stand for numbers.
        tools: put before the list of tools.
    """

    system: str
    think: str
    direct: str
    auto: str
    image_reference: str = "Image {view}: "
    view_reference: str = "View {view} (of image {image}): "
    tools: str = (
        "You may call a tool before you answer. The tools, one JSON schema a line:\n"
        "<tools>\n{tools}\n</tools>\n"
        "To call one, write only\n"
        '<tool_call>{"name": "...", "arguments": {...}}</tool_call>\n'
        "and wait for its result."
    )


@dataclass(frozen=True, slots=True)
class FamilyDialect:
    """A dialect made of data. See `Dialect` for what each member promises.

    Attributes:
        name: of the dialect.
        prompts: its wording.
        space: its coordinate space.
        learned_modes, single_target: see `Dialect`.
        tool_role: the role in which results of calls written as text come back; `user` for chat
            templates that know no tool role (results then stand in `<tool_response>` tags).
        prefills: the text that forces a mode.
        tools_in_prompt: see `Dialect`.
        trained_zoom: the zoom tool is offered as `image_zoom_in_tool`.
    """

    name: str
    prompts: Prompts
    space: CoordinateSpace = field(default_factory=RelativeSpace)
    learned_modes: bool = False
    single_target: bool = False
    tool_role: Literal["tool", "user"] = "user"
    prefills: Mapping[Mode, str] = field(default_factory=dict[Mode, str])
    tools_in_prompt: bool = True
    trained_zoom: bool = False

    coordinate_clause: ClassVar[str] = (
        "numbers from 0 to 1000 relative to the view's width and height"
    )

    @property
    def coordinates(self) -> str:
        """Name of the coordinate space."""
        return self.space.name

    def opening(
        self, query: str, book: ViewBook, views: Sequence[int], mode: Mode, tools: Sequence[AnyTool]
    ) -> tuple[Message, ...]:
        """See `Dialect.opening`."""
        system = self.prompts.system
        if tools and self.tools_in_prompt:
            lines = "\n".join(
                json.dumps(
                    {
                        "type": "function",
                        "function": {
                            "name": s.name,
                            "description": s.description,
                            "parameters": s.parameters,
                        },
                    }
                )
                for s in self.tool_specs(tools)
            )
            described = self.prompts.tools.replace("{tools}", lines)
            system = f"{system}\n\n{described}" if system else described
        parts: list[Part] = []
        for index in views:
            parts += self._shown(book[index])
        parts.append(TextPart(self._question(plain_words(query), mode)))
        user = Message("user", tuple(parts))
        return (Message("system", (TextPart(system),)), user) if system else (user,)

    def _question(self, query: str, mode: Mode) -> str:
        suffix = {
            "think": self.prompts.think,
            "direct": self.prompts.direct,
            "auto": self.prompts.auto,
        }[mode]
        return f"{query}\n{suffix}" if suffix else query

    def _shown(self, view: View) -> list[Part]:
        whole = view.index == view.image and view.shows == f"image {view.image}"
        form = self.prompts.image_reference if whole else self.prompts.view_reference
        words = form.format(view=view.index, image=view.image, zero=view.index - 1)
        return [TextPart(words), ViewPart(view.index), TextPart("\n")]

    def prefill(self, mode: Mode) -> str | None:
        """See `Dialect.prefill`."""
        return self.prefills.get(mode)

    def tool_specs(self, tools: Sequence[AnyTool]) -> tuple[ToolSpec, ...]:
        """See `Dialect.tool_specs`."""
        if not self.trained_zoom:
            return tool_specs(tools, self.coordinate_clause)
        others = tool_specs([t for t in tools if t.name != "zoom"], self.coordinate_clause)
        has_zoom = len(others) < len(tools)
        return (*((zoom_in_spec(self.coordinate_clause),) if has_zoom else ()), *others)

    def to_tool_call(self, call: ToolCall, context: ReadContext) -> ToolCall:
        """See `Dialect.to_tool_call`."""
        if call.error is None and is_zoom_in(call.name):
            call = as_zoom(call, context)
        return to_our_call(call, self.space, context)

    def tool_messages(
        self, call: ToolCall, result: ToolResult, book: ViewBook, grids: Grids | None = None
    ) -> tuple[Message, ...]:
        """See `Dialect.tool_messages`."""
        text = plain_words(self._in_own_numbers(call, result, book, grids or {}))
        shown = [part for view in result.views for part in self._shown(view)]
        if self.tool_role == "user" and call.id.startswith(TEXT_CALL):
            words = TextPart(f"<tool_response>\n{text}\n</tool_response>\n")
            return (Message("user", (words, *shown), call_id=call.id, result=result),)
        reply = Message("tool", (TextPart(text),), call_id=call.id, result=result)
        return (reply, Message("user", tuple(shown))) if shown else (reply,)

    def _in_own_numbers(
        self, call: ToolCall, result: ToolResult, book: ViewBook, grids: Grids
    ) -> str:
        """A result's text, its boxes and the windows of crops in this family's coordinates."""
        boxes = [
            (describe_box(name, found), found.image, found.box) for name, found in result.boxes
        ]
        crops = [(v.shows, v.image, v.window) for v in book.views[book.image_count :]]
        own: dict[str, str] = {}
        for line, image, box in (*crops, *boxes):
            head, bracket, rest = line.rpartition(", [")
            try:
                numbers = self.space.encode(box, book[image].frame(grids.get(image)))
            except ValueError:
                continue
            if bracket and line in result.text:
                written = ", ".join(f"{v:g}" for v in numbers)
                own[line] = f"{head}, [{written}]{rest[rest.find(']') + 1 :]}"
        if not own:
            return result.text
        # All at once: numbers that are written anew must not be taken for another line's.
        lines = "|".join(map(re.escape, sorted(own, key=len, reverse=True)))
        return re.sub(lines, lambda found: own[found[0]], result.text)

    def read(self, completion: Completion, context: ReadContext) -> Reading:
        """See `Dialect.read`."""
        return read_completion(completion, context, self.space, self.parse, self.adjust)

    def parse(self, text: str) -> Parsed:
        """The boxes of an answer part as written."""
        return parse_json_first(text)

    @property
    def adjust(self) -> Adjust | None:
        """A correction of the written numbers, or None."""
        return None

    def write(self, boxes: Sequence[GroundedBox], context: ReadContext) -> str:
        """See `Dialect.write`."""
        items = [
            {"image": b.image, "bbox_2d": self.written(b, context)}
            | ({"label": b.label} if b.label else {})
            for b in boxes
        ]
        return json.dumps(items, ensure_ascii=False)

    def written(self, found: GroundedBox, context: ReadContext) -> list[float]:
        """The four numbers of a box, never an empty box even where it is smaller than a step."""
        frame = context.book[found.image].frame(context.grids.get(found.image))
        x1, y1, x2, y2 = self.space.encode(found.box, frame)
        (step_x, step_y), (middle_x, middle_y) = self.space.spacing(frame), found.box.center
        if x1 >= x2:
            x1, x2 = one_step(middle_x / step_x, round(frame.width / step_x))
        if y1 >= y2:
            y1, y2 = one_step(middle_y / step_y, round(frame.height / step_y))
        return [x1, y1, x2, y2]

    def with_native_tools(self) -> Self:
        """The same dialect for a server that writes the tools into the prompt itself."""
        return replace(self, tools_in_prompt=False)


def one_step(middle: float, limit: int) -> tuple[int, int]:
    """The two neighbouring written values around a middle, within 0 to `limit`."""
    low = min(max(math.floor(middle), 0), limit - 1)
    return low, low + 1
