"""Where a question's time goes: arriving, waiting for its turn, in the policy, and the rest."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ...policy.forwarding import ForwardingPolicy
from ...policy.policy import Completion, Request
from ...tools.forwarding import ForwardingTool
from ...tools.tool import ToolContext, ToolResult

if TYPE_CHECKING:
    from ..grounding_agent import GroundingAgent


class Clock:
    """One question's time, seconds; started when it is made.

    Attributes:
        upload: until the whole body had arrived. waited: for a turn.
        away: is held while the question waits for something else.
    """

    def __init__(self, away: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        self.away = away
        self._began = time.perf_counter()
        self.upload = 0.0
        self.waited = 0.0
        self._policy = 0.0
        self._calls = 0
        self._called = 0.0

    @property
    def total(self) -> float:
        """Since the start."""
        return time.perf_counter() - self._began

    @property
    def policy(self) -> float:
        """In the policy; calls that run at once, as those of a poll do, count once."""
        running = time.perf_counter() - self._called if self._calls else 0.0
        return self._policy + running

    @property
    def own(self) -> float:
        """The server's own: all but arriving, waiting for a turn, and the policy.

        Reading and decoding, the agent's loop, tools, and writing the answer; also what waiting for
        a processor or for other questions' work in the event loop adds to them.
        """
        return max(0.0, self.total - self.upload - self.waited - self.policy)

    @contextmanager
    def in_policy(self) -> Generator[None]:
        """One call of the policy."""
        if not self._calls:
            self._called = time.perf_counter()
        self._calls += 1
        try:
            with self.away():
                yield
        finally:
            self._calls -= 1
            if not self._calls:
                self._policy += time.perf_counter() - self._called


clock_of_question: ContextVar[Clock] = ContextVar("clock_of_question")
"""The clock of the question that the running task works for."""


def away() -> AbstractContextManager[None]:
    """To be held while the running question waits for something else."""
    clock = clock_of_question.get(None)
    return nullcontext() if clock is None else clock.away()


def timed(agent: GroundingAgent) -> GroundingAgent:
    """An agent like the given one whose policy's time is kept on the question's clock.

    While its policy or a tool works, the question counts as away.
    """
    twin = agent.wrapped(_TimedPolicy)
    twin.tools = {name: _AwayTool(tool) for name, tool in agent.tools.items()}
    return twin


class _TimedPolicy(ForwardingPolicy):
    """A policy whose calls are timed."""

    async def complete(self, request: Request) -> Completion:
        """See `Policy.complete`."""
        clock = clock_of_question.get(None)
        if clock is None:
            return await self.inner.complete(request)
        with clock.in_policy():
            return await self.inner.complete(request)


class _AwayTool(ForwardingTool):
    """A tool in whose calls the question is away."""

    def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        """See `Tool.call`; total."""
        with away():
            return self.inner.call(arguments, context)
