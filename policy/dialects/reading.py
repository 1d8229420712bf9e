"""A completion read: parts, calls, boxes, and the one status that says how it went."""

from __future__ import annotations

from collections.abc import Callable

from ...tools.coordinates import CoordinateSpace
from ...tools.text import clean_text
from ..dialect import ReadContext, Reading, ReadingStatus
from ..messages import ToolCall
from ..modes import UsedMode
from ..parsing.nothing import says_nothing
from ..parsing.raw import Parsed
from ..parsing.tags import Parts, split_parts
from ..parsing.tool_text import OPEN as OPEN_CALL
from ..policy import Completion
from .calling import calls_in_text
from .placing import Adjust, Placed, place_boxes

Parser = Callable[[str], Parsed]
ViewChooser = Callable[[str, ReadContext], tuple[int | None, str | None]]
REASONING_LIMIT = 65_536


def read_completion(
    completion: Completion,
    context: ReadContext,
    space: CoordinateSpace,
    parse: Parser,
    choose_view: ViewChooser,
    adjust: Adjust | None = None,
) -> Reading:
    """Read a completion; total.

    Args:
        completion: text and the calls that the backend recognised.
        context: see `ReadContext`.
        space: of the written numbers.
        parse: the family's parser of an answer part.
        choose_view: gives the view of boxes that name none, and a note where that is a guess.
        adjust: correction of the written numbers, or None.
    """
    parts = split_parts(completion.text)
    mode: UsedMode = "think" if parts.reasoning else "direct"
    reasoning = parts.reasoning or None
    if reasoning is not None:
        reasoning = clean_text(reasoning, REASONING_LIMIT, multiline=True) or None
    answer = parts.answer or ""
    calls = completion.tool_calls or _text_calls(completion.text, parts, context.turn)
    if calls:
        return Reading("unparsable", (), None, reasoning, mode, calls)
    parsed = parse(answer)
    view, guess = choose_view(answer, context) if parsed.boxes else (None, None)
    placed = place_boxes(parsed.boxes, space, context, view, adjust)
    if guess is not None and any(b.image is None and b.id is None for b in parsed.boxes):
        placed.notes[guess] = None
    status = _status(completion, parts, parsed, placed)
    words = clean_text(parsed.text, multiline=True) if parsed.text else None
    if words is None and status in ("unparsable", "none") and answer.strip():
        words = clean_text(answer.strip(), multiline=True) or None
    notes = (*parsed.notes, *placed.notes)
    return Reading(status, tuple(placed.boxes), words, reasoning, mode, (), notes)


def _text_calls(text: str, parts: Parts, turn: int) -> tuple[ToolCall, ...]:
    """Calls outside the think part; in it only where it never ends (the call ended the turn)."""
    where = text if parts.answer is None else text[parts.start :]
    return calls_in_text(where, turn) if OPEN_CALL in where else ()


def _status(completion: Completion, parts: Parts, parsed: Parsed, placed: Placed) -> ReadingStatus:
    cut = completion.finish_reason == "length"
    if placed.boxes:
        unsure = parsed.cut or parsed.damaged or placed.lost > 0
        return "partial" if unsure or (cut and not parts.closed) else "ok"
    if parts.answer is None:
        return "truncated"
    if placed.lost or parsed.damaged:
        return "truncated" if cut else "unparsable"
    if parsed.cut:
        return "truncated"
    if parsed.none or (not parsed.boxes and says_nothing(parts.answer)):
        return "none"
    return "truncated" if cut else "unparsable"
