"""Running the tool calls of one turn: budgets, repeated calls, and what the policy is told."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ..policy.dialect import Dialect, ReadContext, Reading
from ..policy.messages import Message, ToolCall, text_message
from ..policy.parsing.tags import split_parts
from ..policy.parsing.tool_text import MAX_CALLS, without_calls
from ..policy.policy import Completion
from ..tools.text import clean_text
from ..tools.tool import ToolResult
from .answer import AnswerBox, Step
from .episode import Episode
from .events import NewView, ToolFinished, ToolStarted
from .state import EpisodeState
from .work_threads import in_work_thread

CALLS_CUT = f"Only the first {MAX_CALLS} tool calls of a turn are looked at."
CALLS_LEFT = "tool calls beside the last answer were not made"


class TurnOutcome(NamedTuple):
    """What the calls of one turn came to.

    Attributes:
        messages: the results, as turns for the policy.
        steps: one a call that the budget allowed. called: the calls made so far, with this turn's.
        found: ids of the boxes of the last call that found any (of this turn, else as before).
        fresh: whether any call of the turn was new.
        out_of_time: whether the time budget ended in one of them.
    """

    messages: tuple[Message, ...]
    steps: tuple[Step, ...]
    called: dict[str, str]
    found: tuple[str, ...]
    fresh: bool
    out_of_time: bool


def call_key(name: str, arguments: Mapping[str, Any]) -> str:
    """The canonical form by which a repeated call is recognised."""
    try:
        written = json.dumps(arguments, sort_keys=True, default=str)
    except (TypeError, ValueError, RecursionError):
        written = repr(sorted(arguments))
    return f"{name.strip().lower()} {written}"


def plain_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as they stand in the answer: JSON, cleaned of control characters, bounded."""

    def clean(value: Any, depth: int = 0) -> Any:
        if isinstance(value, str):
            return clean_text(value, 200)
        if depth < 6 and isinstance(value, Mapping):
            items = list(value.items())[:32]
            return {clean_text(str(k), 60): clean(v, depth + 1) for k, v in items}
        if depth < 6 and isinstance(value, (list, tuple)):
            return [clean(v, depth + 1) for v in list(value)[:64]]
        if value is None or isinstance(value, (bool, int)):
            return value
        if isinstance(value, float):
            return round(value, 2) if abs(value) < 1e12 else clean_text(str(value), 40)
        return clean_text(str(value), 200)

    return clean(arguments)


def with_bounded_calls(reading: Reading) -> Reading:
    """A turn with at most `MAX_CALLS` calls, and a note where there were more.

    Calls in the text are bounded as they are read; a server may send any number of its own, and
    each would be repeated, with its result, in every request that follows.
    """
    if len(reading.calls) <= MAX_CALLS:
        return reading
    return replace(reading, calls=reading.calls[:MAX_CALLS], notes=(*reading.notes, CALLS_CUT))


def read_last_turn(dialect: Dialect, completion: Completion, context: ReadContext) -> Reading:
    """A turn after which no call can be made: an answer in it counts, calls beside it do not.

    In any other turn a call says that the answer beside it is not the last word. Where calls are
    all there is, they stay, so that the policy's turn is read as what it is.
    """
    reading = dialect.read(completion, context)
    if not reading.calls:
        return reading
    parts = split_parts(completion.text)
    if not parts.tagged:
        return reading
    text = completion.text[: parts.start] + without_calls(completion.text[parts.start :])
    alone = dialect.read(replace(completion, text=text, tool_calls=()), context)
    if alone.status not in ("ok", "partial", "none"):
        return reading
    return replace(alone, notes=(*alone.notes, CALLS_LEFT))


async def run_turn(
    state: EpisodeState, episode: Episode, calls: tuple[ToolCall, ...], context: ReadContext
) -> TurnOutcome:
    """Run the calls of one turn in order; total: every failure is a result for the policy."""
    messages: list[Message] = []
    steps: list[Step] = []
    called, found, fresh = dict(state.called), state.found, False
    allowed = episode.options.budgets.max_tool_calls - state.tool_calls
    for number, call in enumerate(calls):
        if number >= allowed:
            refused = ToolResult.failure("No tool calls are left. Answer with what you have.")
            messages.extend(episode.dialect.tool_messages(call, refused, episode.book))
            continue
        ours = call if call.error else episode.dialect.to_tool_call(call, context)
        began = time.perf_counter()
        result, new = await _result(ours, called, episode)
        fresh = fresh or new
        if result is not None and result.boxes:
            found = tuple(name for name, _ in result.boxes)
        told = result or ToolResult.failure("Cut off: the time for the question is over.")
        steps.append(_step(ours, told, time.perf_counter() - began))
        _tell(episode, steps[-1], told)
        if result is None:
            return TurnOutcome(tuple(messages), tuple(steps), called, found, fresh, True)
        messages.extend(episode.dialect.tool_messages(call, result, episode.book, context.grids))
    if state.reading is not None and CALLS_CUT in state.reading.notes:
        messages.append(text_message("user", CALLS_CUT))
    return TurnOutcome(tuple(messages), tuple(steps), called, found, fresh, False)


async def _result(
    call: ToolCall, called: dict[str, str], episode: Episode
) -> tuple[ToolResult | None, bool]:
    """What a call gives (None when the time budget ended in it), and whether it was new."""
    name, key = clean_text(call.name, 40), call_key(call.name, call.arguments)
    if key in called and not call.error:
        return ToolResult.failure(
            f"{name}: you have made this same call already; it gave: {called[key]}. Use that, "
            "change the arguments, or answer."
        ), False
    episode.emit(ToolStarted(name, plain_arguments(call.arguments)))
    result = await _run(call, episode)
    if result is not None:
        called[key] = clean_text(result.summary, 200)
    return result, True


def _step(call: ToolCall, result: ToolResult, seconds: float) -> Step:
    return Step(
        tool=clean_text(call.name, 40),
        arguments=plain_arguments(call.arguments),
        ok=result.ok,
        summary=clean_text(result.summary, 200),
        seconds=round(seconds, 4),
    )


async def _run(call: ToolCall, episode: Episode) -> ToolResult | None:
    """One call, in a worker thread; None when the time budget ended first."""
    if call.error:
        return ToolResult.failure(call.error)
    tool = episode.tools.get(call.name)
    if tool is None:
        known = ", ".join(episode.tools) or "none"
        return ToolResult.failure(
            f"There is no tool {clean_text(call.name, 40) or '(unnamed)'}. The tools are: {known}."
        )
    try:
        async with asyncio.timeout(episode.remaining):
            return await in_work_thread(tool.call, call.arguments, episode.context)
    except TimeoutError:
        # The thread can't be stopped; its result is dropped and the episode ends now.
        return None


def _tell(episode: Episode, step: Step, result: ToolResult) -> None:
    episode.emit(
        ToolFinished(
            step,
            tuple(NewView.of(view) for view in result.views),
            tuple((name, AnswerBox.of(box)) for name, box in result.boxes),
        )
    )
