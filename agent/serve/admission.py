"""Who is let in: so many answered at once, so many waiting, so many bytes held, no more."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

from .options import ServeOptions
from .refusal import Refusal

SOON = 0.005
"""Seconds of waiting for something else after which a question lets the next one begin."""


class Admission:
    """The one door of a server; used in its event loop only.

    Several questions are under way at once so that they wait at the same time for policies, tools
    and other servers. The server's own work is done in one interpreter: to do it for two questions
    at once makes both late and neither sooner. So a question begins when those under way all wait.

    Attributes:
        taken, done: requests let in, and those of them that have ended, in whatever way.
        running, waiting: right now.
        busy: of the running, those that wait for nothing else.
        closed: whether nothing new is let in, because the server is stopping.
    """

    def __init__(self, options: ServeOptions) -> None:
        self._options = options
        self._line: deque[asyncio.Future[None]] = deque()
        self.taken = 0
        self.done = 0
        self.running = 0
        self.busy = 0
        self.bytes_held = 0
        self.closed = False

    @property
    def waiting(self) -> int:
        """Requests that were let in and are not being answered now."""
        return self.taken - self.done - self.running

    def close(self) -> None:
        """Let nothing new in; what was let in is finished."""
        self.closed = True

    @asynccontextmanager
    async def place(self) -> AsyncGenerator[Place]:
        """A place in the line.

        Raises:
            Refusal: 503 when the server is stopping, 429 when the line is full.
        """
        if self.closed:
            raise Refusal(503, "stopping", "the server is stopping.", retry_after=10)
        if self.taken - self.done >= self._options.running + self._options.waiting:
            raise Refusal(
                429, "busy", "too many questions are waiting.", "Try again.", retry_after=1
            )
        self.taken += 1
        place = Place(self, self._options)
        try:
            yield place
        finally:
            self.bytes_held -= place.held
            self.done += 1

    async def enter(self, longest: float) -> None:
        """Wait for a turn. Raises Refusal (503) when it takes too long."""
        turn = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        self.admit()
        try:
            async with asyncio.timeout(longest):
                await turn
        except BaseException as error:
            if turn in self._line:
                self._line.remove(turn)
            elif turn.done() and not turn.cancelled():
                # It was this one's turn already when its caller went away.
                self.leave(busy=True)
            if not isinstance(error, TimeoutError):
                raise
            raise Refusal(
                503, "busy", "the question waited too long.", "Try again.", retry_after=5
            ) from None

    def admit(self) -> None:
        """Let the next begin where there is room and nothing else is worked at."""
        while self._line and self.running < self._options.running and not self.busy:
            turn = self._line.popleft()
            if not turn.done():
                self.running += 1
                self.busy += 1
                turn.set_result(None)

    def leave(self, *, busy: bool) -> None:
        """Give the turn to the next; `busy` says whether the one that leaves was."""
        self.running -= 1
        self.busy -= busy
        self.admit()


class Place:
    """One request's place: its bytes, its turn, and how long it waited for it.

    Attributes:
        held: bytes of its body. waited: seconds.
    """

    def __init__(self, admission: Admission, options: ServeOptions) -> None:
        self._admission = admission
        self._options = options
        self._loop = asyncio.get_running_loop()
        self._running = self._busy = False
        self._waits_for = 0
        self._timer: asyncio.TimerHandle | None = None
        self.held = 0
        self.waited = 0.0

    def hold(self, count: int) -> None:
        """Count bytes that are kept in memory. Raises Refusal (429) when there are too many."""
        if self._admission.bytes_held + count > self._options.max_bytes_held:
            raise Refusal(
                429, "busy", "too many pictures are waiting.", "Try again.", retry_after=1
            )
        self.held += count
        self._admission.bytes_held += count

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Be answered, when it is this one's turn."""
        began = time.perf_counter()
        await self._admission.enter(self._options.max_wait)
        self.waited = time.perf_counter() - began
        self._running = self._busy = True
        try:
            yield
        finally:
            self._running = False
            self._admission.leave(busy=self._busy)

    @contextmanager
    def away(self) -> Generator[None]:
        """While the question waits for a policy, a tool or another server, in any thread."""
        self._loop.call_soon_threadsafe(self._went)
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._came)

    def _went(self) -> None:
        self._waits_for += 1
        if self._waits_for == 1:
            self._timer = self._loop.call_later(SOON, self._step_aside)

    def _step_aside(self) -> None:
        self._timer = None
        if self._running and self._busy:
            self._busy = False
            self._admission.busy -= 1
            self._admission.admit()

    def _came(self) -> None:
        self._waits_for -= 1
        if self._waits_for:
            return
        if self._timer is not None:
            self._timer.cancel()
            # It knows the context, in which the question's pictures are, and that knows this place.
            self._timer = None
        if self._running and not self._busy:
            self._busy = True
            self._admission.busy += 1
