"""The loop as a LangGraph graph: prepare, generate, tools, answer.

    prepare -> generate -> tools -> generate ...
                 |  ^
                 v  | asked anew
                answer

A poll asks about every picture in an episode of its own, all at once, and merges:

    prepare -> poll_picture (one a picture) -> merge -> answer

The state (`EpisodeState`) holds ids and boxes; everything heavy is the run's context (`Episode`).
Errors of the policy become part of the state, so that a failed question still has an answer with
its steps. Budgets are checked here and nowhere else.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, Send

from ..policy.dialect import ReadContext, Reading
from ..policy.messages import Message, TextPart, text_message
from ..policy.policy import Completion, Request
from ..tools.errors import ErrorRecord, GemvgError, PolicyError
from ..tools.tool import AnyTool
from .budgets import REPEATS_ALLOWED, StopReason
from .deciding import Decision, choose_mode, choose_strategy, review, wants_logprobs
from .episode import Episode
from .events import EpisodeStarted, ModeDecided, PolicyAnswered, PolicyText
from .finish import better, build_answer
from .polled import PollTask
from .polling import merge, poll_picture, poll_tasks
from .sampling import agreement
from .scores import token_scored
from .state import EpisodeState, Update
from .tool_calls import read_last_turn, run_turn, with_bounded_calls

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

log = logging.getLogger("gemvg.agent")

ANSWER_NOW = "No more tool calls are possible. Answer now with what you have."


async def prepare(state: EpisodeState, runtime: Runtime[Episode]) -> Update:
    """Choose the strategy and, where all pictures are asked about at once, open the conversation.

    A poll opens one conversation a picture, each in an episode of its own.
    """
    episode = runtime.context
    episode.emit(EpisodeStarted(state.query, tuple(episode.images), episode.policy.name))
    chosen: Update = {"strategy": choose_strategy(state, episode)}
    if chosen["strategy"] == "poll":
        return chosen
    return chosen | open_conversation(replace(state, **chosen), episode, choose_mode(episode))


def open_conversation(state: EpisodeState, episode: Episode, decision: Decision) -> Update:
    """A conversation in the decided mode, from its first message."""
    episode.emit(ModeDecided(decision.mode, decision.why, state.strategy))
    update: Update = {"mode": decision.mode, "why": decision.why}
    try:
        update["messages"] = episode.dialect.opening(
            state.query, episode.book, state.views, decision.mode, _offered(episode)
        )
    except GemvgError as error:
        update["error"] = error.as_record()
    except Exception:
        update["error"] = _inside_failure(episode)
    return update


def _offered(episode: Episode) -> tuple[AnyTool, ...]:
    """The tools, where a call could still be followed by an answer."""
    budgets = episode.options.budgets
    usable = budgets.max_steps > 1 and budgets.max_tool_calls > 0
    return tuple(episode.tools.values()) if usable else ()


async def generate(state: EpisodeState, runtime: Runtime[Episode]) -> Update:
    """Call the policy once and read what it said."""
    if state.error:
        return {}
    episode = runtime.context
    closing = state.closing or _last_step(state, episode)
    messages = state.messages
    if closing and state.policy_calls:
        messages = (*messages, text_message("user", ANSWER_NOW))
    began = time.perf_counter()
    said = await _ask_policy(state, episode, messages, with_tools=closing is None)
    spent: Update = {
        "policy_calls": state.policy_calls + 1,
        "policy_seconds": state.policy_seconds + time.perf_counter() - began,
    }
    if not isinstance(said, _Turn):
        return said | spent
    reading = said.reading
    thought = (reading.reasoning,) if reading.reasoning else ()
    turn = Message("assistant", (TextPart(said.completion.text),), reading.calls)
    seconds = spent["policy_seconds"] - state.policy_seconds
    episode.emit(
        PolicyAnswered(
            spent["policy_calls"], reading.mode, reading.reasoning, len(reading.calls), seconds
        )
    )
    return spent | {
        "messages": (*messages, turn),
        "completion": said.completion,
        "reading": reading,
        "used": reading.mode,
        "best": better(state.best, reading),
        "reasonings": (*state.reasonings, *thought),
        "usage": state.usage + said.completion.usage,
        "closing": closing,
    }


def _read_context(state: EpisodeState, episode: Episode, completion: Completion) -> ReadContext:
    """What the dialect needs to read a completion of this turn."""
    return episode.read_context(
        state.query, state.views, completion, target=state.target, turn=state.policy_calls
    )


class _Turn(NamedTuple):
    """What the policy said, raw and read."""

    completion: Completion
    reading: Reading


async def _ask_policy(
    state: EpisodeState, episode: Episode, messages: tuple[Message, ...], *, with_tools: bool
) -> _Turn | Update:
    """One call of the policy; what went wrong, as an update, where it could not answer."""
    limit = asyncio.timeout(episode.remaining)
    try:
        request = _request(state, episode, messages, with_tools=with_tools)
        async with limit:
            completion = await episode.policy.complete(request)
        context = _read_context(state, episode, completion)
        dialect = episode.dialect
        reading = (
            dialect.read(completion, context)
            if with_tools
            else read_last_turn(dialect, completion, context)
        )
        if episode.options.scores == "token-probability":
            reading = token_scored(reading, completion.tokens, episode.dialect, context)
        return _Turn(completion, with_bounded_calls(reading))
    except GemvgError as error:
        return {"error": error.as_record()}
    except TimeoutError:
        return {"stop": "max-seconds"} if limit.expired() else {"error": _inside_failure(episode)}
    except Exception:
        # One question must never stop its siblings; the log keeps the traceback for us.
        return {"error": _inside_failure(episode)}


def _last_step(state: EpisodeState, episode: Episode) -> StopReason | None:
    last = state.policy_calls + 1 >= episode.options.budgets.max_steps
    return "max-steps" if last else None


def _inside_failure(episode: Episode) -> ErrorRecord:
    log.exception("policy %s failed", episode.policy.name)
    return PolicyError("the policy failed inside; the log has the details.").as_record()


def _request(
    state: EpisodeState, episode: Episode, messages: tuple[Message, ...], *, with_tools: bool
) -> Request:
    options = episode.options
    return Request(
        query=state.query,
        messages=messages,
        book=episode.book,
        boxes=episode.context.boxes,
        tools=episode.dialect.tool_specs(_offered(episode)) if with_tools else (),
        mode=state.mode,
        prefill=episode.dialect.prefill(state.mode),
        max_tokens=options.max_tokens,
        temperature=options.temperature,
        seed=options.seed,
        logprobs=wants_logprobs(state, episode),
        on_text=(lambda text: episode.emit(PolicyText(text))) if episode.streaming else None,
    )


async def tools(state: EpisodeState, runtime: Runtime[Episode]) -> Update:
    """Run the calls of the last turn and tell the policy what they gave."""
    episode = runtime.context
    completion, reading = state.completion, state.reading
    if completion is None or reading is None:
        return {}
    if state.closing:
        return {"stop": state.closing}
    context = _read_context(state, episode, completion)
    try:
        turn = await run_turn(state, episode, reading.calls, context)
    except Exception:
        # A dialect is meant to be total; should one fail, the question fails and no sibling does.
        return {"error": _inside_failure(episode)}
    spent = state.tool_calls + len(turn.steps)
    repeats = 0 if turn.fresh else state.repeats + 1
    return {
        "messages": state.messages + turn.messages,
        "steps": state.steps + turn.steps,
        "called": turn.called,
        "found": turn.found,
        "tool_calls": spent,
        "repeats": repeats,
        "stop": "max-seconds" if turn.out_of_time else None,
        "closing": _closing(episode, spent, repeats),
    }


def _closing(episode: Episode, spent: int, repeats: int) -> StopReason | None:
    """Which budget makes the next call of the policy the last one."""
    if spent >= episode.options.budgets.max_tool_calls:
        return "max-tool-calls"
    if repeats >= REPEATS_ALLOWED:
        return "repeated-calls"
    return "max-views" if episode.book.refused else None


async def _accepted(state: EpisodeState, episode: Episode) -> Update:
    """The best answer so far, scored by agreement where that was asked for."""
    best = state.best
    planner = episode.policy.backend == "planner"
    if best is None or planner or episode.options.scores != "agreement":
        return {"reading": best}
    request = _request(state, episode, state.messages[:-1], with_tools=False)
    sampled = await agreement(state, episode, best, request)
    return {
        "reading": sampled.reading,
        "policy_calls": state.policy_calls + sampled.calls,
        "usage": state.usage + sampled.usage,
        "policy_seconds": state.policy_seconds + sampled.seconds,
    }


async def answer(state: EpisodeState, runtime: Runtime[Episode]) -> Update:
    """Write the answer, or have the policy's last word given anew in another mode."""
    episode = runtime.context
    accepted: Update = {}
    if _last_word(state):
        spent_all = state.policy_calls >= episode.options.budgets.max_steps
        decision = None if spent_all else await review(state, episode)
        if decision is not None:
            anew = open_conversation(state, episode, decision)
            return anew | {"escalated": state.escalated + 1, "reading": None, "closing": None}
        accepted = await _accepted(state, episode)
    return accepted | {"answer": build_answer(replace(state, **accepted), episode)}


def _last_word(state: EpisodeState) -> bool:
    """Whether the policy has come to its own end: no budget, no failure, no merged poll."""
    ended = state.error or state.stop or state.polled
    return not ended and state.reading is not None


def after_prepare(state: EpisodeState) -> str | list[Send]:
    """One task a picture in a poll, or the one question."""
    return poll_tasks(state) if state.strategy == "poll" else "generate"


def after_generate(state: EpisodeState) -> str:
    """To the tools where any were called, else to the answer."""
    if state.error or state.stop or state.reading is None:
        return "answer"
    return "tools" if state.reading.calls else "answer"


def after_tools(state: EpisodeState) -> str:
    """Back to the policy, unless a budget has ended the episode."""
    return "answer" if state.stop or state.error else "generate"


def after_answer(state: EpisodeState) -> str:
    """The end; back to the policy where the answer is to be given anew."""
    return "generate" if state.answer is None else END


Node = Callable[[EpisodeState, Runtime[Episode]], Awaitable[Update]]
Route = Callable[[EpisodeState], str | list[Send]]


def routed(node: Node, route: Route) -> Callable[..., Awaitable[Command[str]]]:
    """A node that says itself where to go next, from the state as it leaves it.

    A conditional edge would say the same, but LangGraph runs it as a traced step of its own, with
    the state read once more for it.
    """

    async def run(state: EpisodeState, runtime: Runtime[Episode]) -> Command[str]:
        update = await node(state, runtime)
        return Command(update=update, goto=route(replace(state, **update)))

    return run


@cache
def episode_graph() -> CompiledStateGraph[EpisodeState, Episode, EpisodeState, EpisodeState]:
    """The compiled graph, one a process; it has no checkpointer of its own."""
    graph = StateGraph(EpisodeState, context_schema=Episode)
    for node, route, targets in (
        (prepare, after_prepare, ("generate", "poll_picture")),
        (generate, after_generate, ("tools", "answer")),
        (tools, after_tools, ("generate", "answer")),
        (answer, after_answer, ("generate", END)),
    ):
        graph.add_node(node.__name__, routed(node, route), destinations=targets)
    graph.add_node("poll_picture", poll_picture, input_schema=PollTask)
    graph.add_node("merge", merge)
    graph.add_edge(START, "prepare")
    graph.add_edge("poll_picture", "merge")
    graph.add_edge("merge", "answer")
    return graph.compile()
