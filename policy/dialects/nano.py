"""The dialect of GeM-VG nano: one token for a picture, a coordinate, a box's id."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ...tools.boxes import Box, GroundedBox
from ...tools.coordinates import CoordinateSpace, Frame, RelativeSpace
from ...tools.tool import AnyTool, ToolResult
from ...tools.views import ViewBook
from ..dialect import ReadContext, Reading
from ..messages import Message, ToolCall, text_message
from ..modes import Mode
from ..parsing.answer import parse_json_first
from ..parsing.raw import MAX_BOXES, TOO_MANY, Parsed, RawBox
from ..policy import Completion
from .family import FamilyDialect, Grids, Prompts, one_step
from .nano_misread import is_misread
from .nano_question import read_question
from .nano_ranking import is_other_choice, true_place
from .nano_rows import RANKS, fact_in_words, fact_token, read_fact, rows
from .nano_tokens import EXTENT, NONE, STEP, UNKNOWN, box_text, coordinate, image_token

NOT_TAUGHT = "the question is of a kind, or has a word, that was not taught"
"""The note of a reading that holds `<unknown>`: another policy may be asked."""

UNKNOWN_TEXT = "The question is of a kind, or has a word, that this model was not taught."

_ITEM = re.compile(
    r"\s{0,4}(?:<image_(\d{1,4})>\s{0,4})?"
    r"(?:<c(\d{1,4})>\s{0,4}<c(\d{1,4})>\s{0,4}<c(\d{1,4})>\s{0,4}<c(\d{1,4})>|<b(\d{1,6})>)"
    r"([^<]{0,200})"
)
_OWN = re.compile(r"<(?:image_|c|b)\d{1,6}>|<none>|<unknown>")
_END = re.compile(r"<\|(?:im_end|endoftext)\|>")
_NUMBERS = re.compile(r"(?:<c\d{1,4}>\s{0,4}){1,16}")
_NAMED = re.compile(r"<b(\d{1,6})>")
_WRITTEN = re.compile(r"\[(\d{1,4}(?:\.\d{1,3})?(?:, ?\d{1,4}(?:\.\d{1,3})?){3})\]")
_FACT_FIRST = re.compile(r"<c(\d{1,4})>([^<]{0,100})")
_QUOTED = re.compile(r'"@(\[[^"]*\])"')
_CALL = re.compile(r"<tool_call>[^\0]*")


@dataclass(frozen=True, slots=True)
class SteppedSpace(RelativeSpace):
    """Relative coordinates of which only every `step`-th has a token."""

    step: int = STEP

    def encode(self, box: Box, frame: Frame) -> tuple[float, float, float, float]:
        """See `CoordinateSpace.encode`; rounded to whole steps, no box left without area."""
        fine, parts = (self.extent / frame.width, self.extent / frame.height), self.extent
        corners: list[tuple[int, int]] = []
        for low, high, scale in ((box.x1, box.x2, fine[0]), (box.y1, box.y2, fine[1])):
            a, b = round(low * scale / self.step), round(high * scale / self.step)
            if a >= b:
                a, b = one_step((low + high) / 2 * scale / self.step, parts // self.step)
            corners.append((a * self.step, b * self.step))
        (x1, x2), (y1, y2) = corners
        return x1, y1, x2, y2

    def spacing(self, frame: Frame) -> tuple[float, float]:
        """See `CoordinateSpace.spacing`."""
        return frame.width * self.step / self.extent, frame.height * self.step / self.extent


def boxes_as_tokens(text: str) -> str:
    """A text whose boxes `[12, 40, 200, 320]` (0 to 1000) are written in coordinate tokens."""

    def written(found: re.Match[str]) -> str:
        corners = [float(v) for v in found[1].split(",")]
        return box_text(corners) if max(corners) <= EXTENT else found[0]

    return _WRITTEN.sub(written, text)


def parse_nano(text: str) -> Parsed:
    """An answer of image, coordinate and id tokens; JSON where there is none of them. Total."""
    end = _END.search(text)
    body = text[: end.start()] if end is not None else text
    if _OWN.search(body) is None:
        return parse_json_first(text)
    boxes: list[RawBox] = []
    rest = body
    at = 0
    while len(boxes) < MAX_BOXES and (found := _ITEM.match(body, at)) is not None:
        boxes.append(_raw(found))
        at = found.end()
        rest = body[at:]
    more = len(boxes) == MAX_BOXES and _ITEM.match(body, at) is not None
    left = rest.strip()
    if boxes:
        # What begins like a further box is one that was cut off or broken.
        damaged = bool(left) and _OWN.match(left) is not None
        return Parsed(tuple(boxes), False, damaged, damaged, None, (TOO_MANY,) if more else (), "")
    if left == NONE:
        return Parsed((), True)
    if left == UNKNOWN:
        return Parsed(text=UNKNOWN_TEXT, notes=(NOT_TAUGHT,))
    return Parsed((), damaged=True)


def _raw(found: re.Match[str]) -> RawBox:
    image, x1, y1, x2, y2, name, words = found.groups()
    label = words.strip() or None
    if name is not None:
        return RawBox(None, label, None, f"b{int(name)}")
    quad = (float(x1), float(y1), float(x2), float(y2))
    return RawBox(quad, label, None if image is None else int(image))


PROMPTS = Prompts(
    system="",
    think="think",
    direct="answer",
    auto="",
    image_reference="<image_{view}>",
    view_reference="<image_{view}>of <image_{image}>",
    tools="<tools>{tools}<tool_call>",
)


@dataclass(frozen=True, slots=True)
class NanoDialect(FamilyDialect):
    """Compact: `<answer><image_2><c10><c31><c64><c90></answer>`, `<b3>`, `<none>`, `<unknown>`.

    A mode is one word after the question. Tools are named, not described: the model has learnt
    them. In tool calls, which are JSON as everywhere, a box is four coordinate tokens. In a tool's
    result a row is picture, facts (see `nano_rows`), label and id: which box is meant is read off,
    not measured, and where it lies is known to the tool by its id.
    """

    name: str = "nano"
    prompts: Prompts = PROMPTS
    space: CoordinateSpace = SteppedSpace(EXTENT)
    learned_modes: bool = True
    tool_role: Literal["tool", "user"] = "tool"
    prefills: Mapping[Mode, str] = field(
        default_factory=lambda: {"think": "<think>", "direct": "<answer>"}
    )

    def opening(
        self, query: str, book: ViewBook, views: Sequence[int], mode: Mode, tools: Sequence[AnyTool]
    ) -> tuple[Message, ...]:
        """See `Dialect.opening`."""
        # No zero-argument super(): a dataclass with slots is a new class.
        turns = FamilyDialect.opening(self, query, book, views, mode, ())
        if not tools or not self.tools_in_prompt:
            return turns
        return (self.tools_turn([tool.name for tool in tools]), *turns)

    def tools_turn(self, names: Sequence[str]) -> Message:
        """The turn that names the tools on offer."""
        listed = " ".join(sorted(names))
        return text_message("system", self.prompts.tools.replace("{tools}", listed))

    def _question(self, query: str, mode: Mode) -> str:
        return FamilyDialect._question(self, boxes_as_tokens(query), mode)

    def parse(self, text: str) -> Parsed:
        """See `parse_nano`."""
        return parse_nano(text)

    def read(self, completion: Completion, context: ReadContext) -> Reading:
        """See `Dialect.read`."""
        if "<tool_call>" in completion.text:
            text = _CALL.sub(lambda m: _as_json(m[0]), completion.text)
            completion = replace(completion, text=text)
        reading = FamilyDialect.read(self, completion, context)
        if _is_misread(reading, context):
            return Reading("unparsable", text=UNKNOWN_TEXT, mode=reading.mode, notes=(NOT_TAUGHT,))
        if not reading.reasoning:
            return reading
        return replace(reading, reasoning=_shown(reading, context))

    def to_tool_call(self, call: ToolCall, context: ReadContext) -> ToolCall:
        """See `Dialect.to_tool_call`; the tokenizer puts a space before every word."""
        arguments = {str(k): _stripped(v) for k, v in call.arguments.items()}
        return FamilyDialect.to_tool_call(self, replace(call, arguments=arguments), context)

    def write_call(self, call: ToolCall, context: ReadContext) -> str:
        """A call of ours as nano writes it: boxes in coordinate tokens, ids as tokens.

        Args:
            call: boxes in pixels of the view that stands beside them.
            context: the views.
        """
        written = json.dumps(
            {"name": call.name, "arguments": self._own(dict(call.arguments), context)}
        )
        text = _QUOTED.sub(lambda found: found[1], written)
        return f"<tool_call>{text}</tool_call>"

    def _own(self, value: Any, context: ReadContext) -> Any:
        """A call's value without what is left open, boxes and ids as `@` and their tokens."""
        if isinstance(value, list):
            return [self._own(v, context) for v in value]
        if not isinstance(value, dict):
            return value
        given = {str(k): self._own(v, context) for k, v in value.items() if v is not None}
        view, box = value.get("view"), value.get("box")
        if isinstance(view, int) and box is not None:
            frame = context.book[view].frame(context.grids.get(view))
            numbers = self.space.encode(Box(*box), frame)
            given["box"] = f"@[{box_text(numbers)}]"
        if isinstance(value.get("id"), str):
            given["id"] = f"<{value['id']}>"
        return given

    def _in_own_numbers(
        self, call: ToolCall, result: ToolResult, book: ViewBook, grids: Grids
    ) -> str:
        """A result's boxes as `rows`; `<none>` where there are none, its words where it failed."""
        if not result.ok:
            return result.text
        shown = " ".join(image_token(view.index) for view in result.views)
        return rows(result.boxes, book.image_count, call) or shown or NONE

    def _item(self, found: GroundedBox, context: ReadContext) -> str:
        numbers = self.written(found, context)
        return image_token(found.image) + "".join(coordinate(round(v)) for v in numbers)

    def write(self, boxes: Sequence[GroundedBox], context: ReadContext) -> str:
        """See `Dialect.write`."""
        if not boxes:
            return NONE
        return "".join(
            self._item(b, context) + (f" {b.label.replace('<', ' ')}" if b.label else "")
            for b in boxes
        )


def in_words(thought: str) -> str:
    """A thought as people read it: boxes in numbers, a fact that a box is told by in words."""
    fact, rest = _fact_of(thought)
    if fact is not None:
        return fact_in_words(*fact) + (f": {rest}" if rest else "")
    return _NUMBERS.sub(lambda found: f"[{_plain_numbers(found)}]", thought)


def _fact_of(thought: str | None) -> tuple[tuple[int, int] | None, str]:
    """The fact with which a thought begins, and what stands behind it."""
    lone = _FACT_FIRST.fullmatch((thought or "").strip())
    return (None, "") if lone is None else (read_fact(int(lone[1])), lone[2].strip())


def _is_misread(reading: Reading, context: ReadContext) -> bool:
    """Whether a call or an answer is not about what the question asks."""
    count = context.book.image_count
    if any(is_misread(call, context.query, count) for call in reading.calls):
        return True
    told = _detected(context)
    if not told and reading.status == "none" and not reading.calls:
        # There always was another, where it was taught to look for the same thing again.
        return "same" in read_question(context.query, count).words
    if not told or not (_is_found(reading) or reading.status == "none"):
        return False
    return is_other_choice(reading.boxes, told, read_question(context.query, count))


def _shown(reading: Reading, context: ReadContext) -> str | None:
    """A thought as people read it, with the box's own rank: the thought's is often wrong."""
    fact, rest = _fact_of(reading.reasoning)
    if fact is None or fact[0] >= RANKS or not _is_found(reading):
        return in_words(reading.reasoning or "")
    asked = read_question(context.query, context.book.image_count)
    place = true_place(fact, reading.boxes, _detected(context), asked)
    return None if place is None else in_words(fact_token(*place) + rest)


def _is_found(reading: Reading) -> bool:
    """Whether an answer names boxes that a detector found, and nothing else."""
    return bool(reading.boxes) and all(b.score_kind == "detector" for b in reading.boxes)


def _detected(context: ReadContext) -> list[tuple[str, GroundedBox]]:
    return [pair for pair in context.boxes.items() if pair[1].score_kind == "detector"]


def _as_json(call: str) -> str:
    """Coordinate and id tokens in a call as JSON knows them: `8, 16, 24, 32` and `b3`."""
    return _NAMED.sub(r"b\1", _NUMBERS.sub(_plain_numbers, call))


def _plain_numbers(found: re.Match[str]) -> str:
    return ", ".join(re.findall(r"\d+", found[0]))


def _stripped(value: Any, depth: int = 0) -> Any:
    """A JSON value whose strings have no space around them; deeper than calls go, as it is."""
    if isinstance(value, str):
        return value.strip()
    if depth > 8:
        return value
    if isinstance(value, list):
        return [_stripped(v, depth + 1) for v in value]
    if isinstance(value, dict):
        return {str(k): _stripped(v, depth + 1) for k, v in value.items()}
    return value
