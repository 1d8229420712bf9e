"""A limit on what is worked on at once, and on what may wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from ...tools.errors import GemvgError


class Busy(GemvgError):
    """Too much is asked at once."""

    kind = "busy"


class Line:
    """Lets `running` calls work, and `waiting` more wait; used in one event loop."""

    def __init__(self, running: int = 4, waiting: int = 32) -> None:
        self._turns = asyncio.Semaphore(running)
        self._most = running + waiting
        self._here = 0

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait for a turn. Raises Busy where too many wait already."""
        if self._here >= self._most:
            raise Busy("too many calls are waiting.", "Try again later.")
        self._here += 1
        try:
            async with self._turns:
                yield
        finally:
            self._here -= 1
