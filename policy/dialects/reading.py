"""A completion read: parts, calls, boxes, and the one status that says how it went."""

from __future__ import annotations

from collections.abc import Callable

from ...tools.coordinates import CoordinateSpace
from ...tools.text import clean_text
from ..dialect import ReadContext, Reading, ReadingStatus
from ..messages import ToolCall
from ..modes import UsedMode
from ..parsing.pictures import asked_picture, mentions, resolve
from ..parsing.raw import Parsed
from ..parsing.tags import Parts, split_parts
from ..parsing.tool_text import OPEN as OPEN_CALL
from ..policy import Completion
from .calling import calls_in_text
from .placing import Adjust, Placed, place_boxes

Parser = Callable[[str], Parsed]
_CONCLUSION = 2000
REASONING_LIMIT = 65_536
FROM_REASONING = "picture taken from the reasoning"
UNCLEAR = "picture unclear: taken to be image 1"


def read_completion(
    completion: Completion,
    context: ReadContext,
    space: CoordinateSpace,
    parse: Parser,
    adjust: Adjust | None = None,
) -> Reading:
    """Read a completion; total.

    Args:
        completion: text and the calls that the backend recognised.
        context: see `ReadContext`.
        space: of the written numbers.
        parse: the family's parser of an answer part.
        adjust: correction of the written numbers, or None.
    """
    parts = split_parts(completion.text)
    mode: UsedMode = "think" if parts.reasoning else "direct"
    reasoning = parts.reasoning or None
    if reasoning is not None:
        reasoning = clean_text(reasoning, REASONING_LIMIT, multiline=True) or None
    calls = completion.tool_calls or _text_calls(completion.text, parts, context.turn)
    if calls:
        return Reading("unparsable", (), None, reasoning, mode, calls)
    parsed = parse(parts.answer or "")
    view = guess = None
    if any(b.image is None and b.id is None for b in parsed.boxes):
        view, guess = unnamed_view(context, reasoning or "")
    placed = place_boxes(parsed.boxes, space, context, view, adjust)
    if guess is not None:
        placed.notes[guess] = None
    status = _status(completion, parts, parsed, placed)
    words = clean_text(parsed.text, multiline=True) if parsed.text else None
    notes = (*parsed.notes, *placed.notes)
    return Reading(status, tuple(placed.boxes), words or None, reasoning, mode, (), notes)


def unnamed_view(context: ReadContext, reasoning: str) -> tuple[int, str | None]:
    """The view of boxes for which the answer names no picture, and a note where that is a guess.

    The caller's `default_view` where it sets one (it polled that picture); else the only picture;
    else the picture in which the question asks to look; else the last one that the reasoning names
    (UniVG-R1 says it there and nowhere else); else, as a guess, image 1.
    """
    if context.default_view is not None:
        return context.default_view, None
    count = context.book.image_count
    if count == 1:
        return 1, None
    asked = asked_picture(context.query, count)
    if asked is not None:
        return asked, None
    named = [resolve(m.image, count) for m in mentions(reasoning[-_CONCLUSION:])]
    named = [image for image in named if 1 <= image <= count]
    return (named[-1], FROM_REASONING) if named else (1, UNCLEAR)


def _text_calls(text: str, parts: Parts, turn: int) -> tuple[ToolCall, ...]:
    """Calls outside the think part; in it only where it never ends (the call ended the turn)."""
    where = text if parts.answer is None else text[parts.start :]
    return calls_in_text(where, turn) if OPEN_CALL in where else ()


def _status(completion: Completion, parts: Parts, parsed: Parsed, placed: Placed) -> ReadingStatus:
    cut = completion.finish_reason == "length"
    if placed.boxes:
        whole = parts.closed and parts.tagged
        broken = parsed.cut or parsed.damaged or placed.lost > 0
        # Text that ran into its limit may have had more boxes to come, unless a tag or the end of
        # the JSON shows that the answer was over.
        unfinished = cut and not whole and parsed.syntax != "json"
        return "partial" if broken or unfinished else "ok"
    if parts.answer is None:
        return "truncated"
    if parsed.cut and not parsed.boxes:
        return "truncated"
    if placed.lost or parsed.damaged:
        return "truncated" if cut else "unparsable"
    if parsed.none:
        return "none"
    return "truncated" if cut else "unparsable"
