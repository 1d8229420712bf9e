"""What the routes share: the agent, the limits, the door, the counters, and how one is answered."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Generator
from typing import TYPE_CHECKING, Any, TypeVar, cast

from starlette.requests import ClientDisconnect, Request

from ...tools.errors import UsageError
from ..answer import Answer
from ..deciding import can_poll
from ..embed.public_text import public_answer, public_name
from ..events import Answered, EpisodeStarted, Event, ToolFinished, event_record
from ..grounding_agent import checked_query
from ..pictures import Fetcher
from .admission import Admission, Place
from .body import read_body
from .intake import Question
from .metrics import Metrics
from .options import ServeOptions
from .refusal import Refusal
from .timing import Clock, clock_of_question, timed

if TYPE_CHECKING:
    from ...tools.images import Picture
    from ..grounding_agent import GroundingAgent

T = TypeVar("T")


class Asked:
    """One request that was let in, with its body, while it is answered."""

    def __init__(self, request: Request, place: Place, clock: Clock, body: bytes) -> None:
        self.request = request
        self.place = place
        self.clock = clock
        self.body = body


class Service:
    """One server's heart.

    Args:
        agent: who answers.
        options: the limits.
        fetch: gets pictures from addresses, or None where that is not allowed.
    """

    def __init__(
        self, agent: GroundingAgent, options: ServeOptions, fetch: Fetcher | None = None
    ) -> None:
        self.agent = timed(agent)
        self.options = options
        self.fetch = fetch
        self.admission = Admission(options)
        self.metrics = Metrics(self.admission)
        self.name = public_name(agent.policy.name)
        self._tools = frozenset(agent.tools)

    @contextlib.asynccontextmanager
    async def let_in(self, request: Request) -> AsyncGenerator[Asked]:
        """A place in the line and the body of a request. Raises Refusal, ClientDisconnect."""
        async with self.admission.place() as place:
            clock = Clock(place.away)
            clock_of_question.set(clock)
            body = await read_body(request, place, self.options)
            clock.upload = clock.total
            try:
                yield Asked(request, place, clock, body)
            finally:
                self._measure(clock, place)

    def _measure(self, clock: Clock, place: Place) -> None:
        clock.waited = place.waited
        self.metrics.seconds.observe(clock.total)
        self.metrics.upload.observe(clock.upload)
        self.metrics.waited.observe(clock.waited)
        self.metrics.policy.observe(clock.policy)
        self.metrics.own.observe(clock.own)

    def check(self, question: Question) -> None:
        """Before a stream begins: what the agent would refuse at its first event, in its words.

        Raises:
            UsageError: an empty question, a tool that is not there, a strategy that can't be.
        """
        checked_query(question.query)
        unknown = [name for name in question.tools or () if name not in self._tools]
        if unknown:
            raise UsageError(
                f"this agent has no tool {unknown[0]!r}.",
                f"It has: {', '.join(self.agent.tools) or 'none'}.",
            )
        if question.strategy == "poll" and not can_poll(self.agent.policy):
            raise UsageError(
                "the strategy poll is not available with this policy.", "Use one-shot."
            )

    async def answer(self, asked: Asked, question: Question, pictures: list[Picture]) -> Answer:
        """The answer of a question whose turn it is; a caller who leaves ends it.

        Raises:
            GemvgError: a question that can't be asked.
            Refusal: 503 when it takes longer than the server allows.
            ClientDisconnect: the caller has gone.
        """
        with self._time_limit():
            async with asyncio.timeout(self.options.max_seconds):
                answer = await unless_gone(
                    asked.request,
                    self.agent.aask(question.query, pictures, **_choices(question)),
                )
        return self._finished(answer)

    async def events(self, question: Question, pictures: list[Picture]) -> AsyncIterator[Event]:
        """The steps of a question as they happen. Raises like `answer`."""
        stream = cast(
            AsyncGenerator[Event],
            self.agent.astream(question.query, pictures, **_choices(question)),
        )
        with self._time_limit():
            async with asyncio.timeout(self.options.max_seconds), contextlib.aclosing(stream):
                async for event in stream:
                    if isinstance(event, Answered):
                        event = Answered(self._finished(event.answer))
                    yield self._public(event)

    def _public(self, event: Event) -> Event:
        """An event for a remote caller."""
        if isinstance(event, EpisodeStarted):
            return EpisodeStarted(event.query, event.images, self.name)
        if isinstance(event, ToolFinished):
            from ..embed.public_text import public_text

            step = event.step.model_copy(update={"summary": public_text(event.step.summary, 200)})
            return ToolFinished(step, event.views, event.boxes)
        return event

    def _finished(self, answer: Answer) -> Answer:
        self.metrics.tool_seconds.observe(answer.usage.get("tool_seconds", 0.0))
        self.metrics.count_answer(answer, self._tools)
        return public_answer(answer)

    @contextlib.contextmanager
    def _time_limit(self) -> Generator[None]:
        try:
            yield
        except TimeoutError:
            raise Refusal(
                503, "timeout", "the question took longer than the server allows."
            ) from None


def _choices(question: Question) -> dict[str, Any]:
    return {
        "mode": question.mode,
        "strategy": question.strategy,
        "tools": question.tools,
        "seed": question.seed,
    }


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Await work, and cancel it when the caller goes away. Raises ClientDisconnect then."""
    task = asyncio.ensure_future(work)
    watch = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait((task, watch), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientDisconnect
    finally:
        watch.cancel()
        if not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task


async def _gone(request: Request) -> None:
    """Returns when the caller has closed the connection; the body was read before."""
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            return


def record_of(event: Event) -> dict[str, Any]:
    """An event as JSON; the answer's own shape is that of every other entry point."""
    return event_record(event)
