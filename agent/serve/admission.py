"""Who is let in: so many answered at once, so many waiting, so many bytes held, no more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from .options import ServeOptions
from .refusal import Refusal


class Admission:
    """The one door of a server; used in its event loop only.

    Attributes:
        taken, done: requests let in, and those of them that have ended, in whatever way.
        running, waiting: right now.
        closed: whether nothing new is let in, because the server is stopping.
    """

    def __init__(self, options: ServeOptions) -> None:
        self._options = options
        self._turns = asyncio.Semaphore(options.running)
        self.taken = 0
        self.done = 0
        self.running = 0
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
        try:
            async with asyncio.timeout(longest):
                await self._turns.acquire()
        except TimeoutError:
            raise Refusal(
                503, "busy", "the question waited too long.", "Try again.", retry_after=5
            ) from None
        self.running += 1

    def leave(self) -> None:
        """Give the turn to the next."""
        self.running -= 1
        self._turns.release()


class Place:
    """One request's place: its bytes, its turn, and how long it waited for it.

    Attributes:
        held: bytes of its body. waited: seconds.
    """

    def __init__(self, admission: Admission, options: ServeOptions) -> None:
        self._admission = admission
        self._options = options
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
        try:
            yield
        finally:
            self._admission.leave()
