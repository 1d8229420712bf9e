"""A server that fails: wait for it, ask one question at a time, and go on when it is back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from ...tools.errors import BackendError, ErrorRecord
from .record import Outcome

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0

OWN_FAULT = 3
"""Failures after which a question is to blame, where the server answers others meanwhile."""

Ask = Callable[[], Awaitable[Outcome]]
Answers = Callable[[ErrorRecord], Awaitable[bool]]


class Outage:
    """Holds all questions back while the server is away.

    Questions take turns in asking whether it is back, so that one that the server can't bear does
    not stand for all. Where none of them brings it back, the server is asked something neutral:
    the last line of a job may be one that it can't bear, and no other would show that.

    Args:
        patience: seconds that the server may be away before the job stops.
        say: shows a message.
        sleep: waits.
        answers: whether the server answers something neutral, given how a question failed.
    """

    def __init__(
        self,
        patience: float,
        say: Callable[[str], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        answers: Answers | None = None,
    ) -> None:
        self._patience, self._say, self._sleep = patience, say, sleep
        self._answers = answers
        self._probing = asyncio.Lock()
        self._down: ErrorRecord | None = None
        self._since = 0.0
        self._waits = 0
        self._answered = 0

    async def run(self, ask: Ask) -> Outcome:
        """The outcome of a question, however long its server is away.

        Args:
            ask: asks once.

        Raises:
            BackendError: the server was away for longer than the patience; nothing is lost.
        """
        failures = 0
        while True:
            before, held = self._answered, self._down is not None
            if not held:
                outcome = await ask()
            else:
                async with self._probing:
                    probed = None if self._down is None else await self._probe(ask, self._down)
                if probed is None:
                    continue
                outcome = probed
            if outcome.kind != "waiting":
                self._back(outcome)
                return outcome
            error: ErrorRecord = outcome.error or {"kind": "backend", "message": ""}
            if held or failures:
                await self._ask_neutral(error, before)
            if self._answered == before:
                self._fails(error)
                continue
            failures += 1
            if failures >= OWN_FAULT:
                return Outcome(outcome.number, "error", outcome.key, error=error)
            await self._sleep(FIRST_WAIT)

    async def _ask_neutral(self, error: ErrorRecord, before: int) -> None:
        """Count an answer to something neutral as one, unless another question brought one."""
        async with self._probing:
            if self._answers is None or self._answered != before:
                return
            if await self._answers(error):
                self._answered += 1
                if self._down is not None:
                    self._down = None
                    self._say("the server answers others.")

    def _fails(self, error: ErrorRecord) -> None:
        if self._down is None:
            self._since, self._waits = time.monotonic(), 0
        self._down = error

    def _back(self, outcome: Outcome) -> None:
        """A question came back; whether the server had a part in that shows in its kind."""
        if outcome.kind != "result":
            return
        self._answered += 1
        if self._down is not None:
            self._down = None
            self._say("the server is back.")

    async def _probe(self, ask: Ask, error: ErrorRecord) -> Outcome:
        """Wait, each time for longer, and ask one question."""
        away = time.monotonic() - self._since
        if away >= self._patience:
            raise BackendError(
                f"{error['message']} It has been away for {away:.0f} s, so the job stops.",
                "Nothing is lost: the same command goes on.",
            )
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2.0**self._waits, self._patience - away)
        self._waits = min(self._waits + 1, 10)
        self._say(f"{error['message']} Waiting {wait:.0f} s before asking again.")
        await self._sleep(wait)
        return await ask()
