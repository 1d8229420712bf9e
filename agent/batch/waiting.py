"""What a question waits for others under way, so that its measured time is its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ...policy.forwarding import ForwardingPolicy
from ...policy.policy import Completion, Policy, Request
from ...tools.detect import Detect
from ...tools.forwarding import ForwardingTool
from ...tools.tool import ToolContext, ToolResult
from ..answer import Answer

if TYPE_CHECKING:
    from ..grounding_agent import GroundingAgent

ONE_AT_A_TIME = frozenset({"numpy"})
"""Backends that do one call after another: what is asked meanwhile waits."""


class Turns:
    """Sums the time in which a question waits and nothing of it is worked on. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting = self._working = 0
        self._seconds = 0.0
        self._since = 0.0

    @property
    def waited(self) -> float:
        """Seconds so far."""
        with self._lock:
            self._count(0, 0)
            return self._seconds

    @contextmanager
    def waits(self) -> Generator[None]:
        """Held while something of the question waits; the parts of a poll do so side by side."""
        self.change(1, 0)
        try:
            yield
        finally:
            self.change(-1, 0)

    @contextmanager
    def works(self) -> Generator[None]:
        """Held while something of the question is worked on."""
        self.change(0, 1)
        try:
            yield
        finally:
            self.change(0, -1)

    def change(self, waiting: int, working: int) -> None:
        """So many more (or fewer) parts of the question wait and are worked on from now on."""
        with self._lock:
            self._count(waiting, working)

    def _count(self, waiting: int, working: int) -> None:
        now = self._clock()
        if self._waiting and not self._working:
            self._seconds += now - self._since
        self._since = now
        self._waiting += waiting
        self._working += working


turns_of_question: ContextVar[Turns] = ContextVar("turns_of_question")
"""Those of the question that the running task or thread works for."""


def turns() -> Turns:
    """Those of the running question; new ones, that nobody reads, where none runs."""
    return turns_of_question.get(None) or Turns()


def take_turns(agent: GroundingAgent, tools: int) -> GroundingAgent:
    """An agent like the given one whose questions know how long they waited for each other.

    Args:
        agent: of a job.
        tools: calls of tools that may work at once; more would only make each other slower. Those
            of `detect` queue in their own way.
    """
    twin = agent.wrapped(_in_turn)
    room = threading.Semaphore(tools)
    twin.tools = _tools_in_turn(agent.tools, room)
    return twin


def without_waiting(answer: Answer, waited: float) -> Answer:
    """An answer whose seconds are its own, and what it waited beside them.

    Args:
        answer: as the agent gave it.
        waited: seconds of its question's turns.
    """
    seconds = max(0.0, round(answer.seconds - waited, 4))
    usage = answer.usage | {"waited_seconds": round(waited, 4)}
    return answer.model_copy(update={"seconds": seconds, "usage": usage})


def _in_turn(policy: Policy) -> Policy:
    return _PolicyInTurn(policy) if policy.backend in ONE_AT_A_TIME else policy


def _tools_in_turn(tools: Mapping[str, Any], room: threading.Semaphore) -> dict[str, Any]:
    return {
        name: tool if isinstance(tool, Detect) else _ToolInTurn(tool, room)
        for name, tool in tools.items()
    }


class _PolicyInTurn(ForwardingPolicy):
    """A policy that is called by one question after another."""

    def __init__(self, inner: Policy) -> None:
        super().__init__(inner)
        self._one = asyncio.Lock()

    async def complete(self, request: Request) -> Completion:
        """See `Policy.complete`."""
        mine = turns()
        mine.change(1, 0)
        try:
            await self._one.acquire()
        finally:
            mine.change(-1, 0)
        try:
            with mine.works():
                return await self.inner.complete(request)
        finally:
            self._one.release()


class _ToolInTurn(ForwardingTool):
    """A tool that so many questions may call at once."""

    def __init__(self, inner: Any, room: threading.Semaphore) -> None:
        super().__init__(inner)
        self._room = room

    def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        """See `Tool.call`; total."""
        mine = turns()
        with mine.waits():
            self._room.acquire()
        try:
            with mine.works():
                return self.inner.call(arguments, context)
        finally:
            self._room.release()
