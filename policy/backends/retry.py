"""Asking again: exponential backoff with jitter, Retry-After honoured, inside a time limit."""

from __future__ import annotations

import asyncio
import email.utils
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from ...tools.errors import BackendError, BackendTimeout

T = TypeVar("T")


class Transient(Exception):
    """A failure that may pass: the error to raise should it not, and the server's own wish.

    Args:
        error: raised once the attempts are spent.
        retry_after: seconds that the server asks to wait, or None.
    """

    def __init__(self, error: BackendError, retry_after: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how soon a call is made again.

    Attributes:
        attempts: in all, the first included.
        first: seconds before the second attempt, doubled each time, each drawn between half of it
            and all of it, so that many clients don't come back at once.
        longest: seconds between attempts at most, also where the server asks for more.
        seconds: for all attempts together.
        sleep: waits.
    """

    attempts: int = 5
    first: float = 0.5
    longest: float = 30.0
    seconds: float = 300.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def run(self, call: Callable[[], Awaitable[T]], who: str) -> T:
        """The result of the first attempt that gives one.

        Args:
            call: one attempt; raises Transient for what may pass.
            who: whom a message blames, such as the server's address.

        Raises:
            BackendError: every attempt failed. BackendTimeout: the time is up.
        """
        limit = asyncio.timeout(self.seconds)
        try:
            async with limit:
                return await self._attempts(call)
        except TimeoutError:
            if not limit.expired():
                raise
            raise BackendTimeout(
                f"{who} did not answer within {self.seconds:g} seconds.",
                "Give it more time (GEMVG_TIMEOUT), or ask for fewer tokens.",
            ) from None

    async def _attempts(self, call: Callable[[], Awaitable[T]]) -> T:
        for attempt in range(1, self.attempts + 1):
            try:
                return await call()
            except Transient as failure:
                if attempt == self.attempts:
                    raise failure.error from None
                wait = failure.retry_after
            await self.sleep(self.wait(attempt) if wait is None else min(wait, self.longest))
        raise BackendError("no attempt was allowed.")

    def wait(self, attempt: int) -> float:
        """Seconds after the n-th failed attempt."""
        full = min(self.longest, self.first * 2.0 ** (attempt - 1))
        return full * random.uniform(0.5, 1.0)


def parse_retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header, given as a number or as a date; None where it is neither."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return max(0.0, seconds) if seconds == seconds and seconds < 1e9 else None
