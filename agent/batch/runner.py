"""The course of a job: lines in, a bounded number under way, results on disk."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from ...tools.errors import AccessRefused, GemvgError, ImageError
from .engine import Engine
from .feed import Feed, grouped
from .ledger import Known, Ledger
from .line import BadLine, BatchLine
from .outage import Outage
from .record import DATA_ERROR, ErrorLine, Outcome
from .witness import Witness


@dataclass(slots=True)
class Summary:
    """How a job stands.

    Attributes:
        read: lines of the input so far.
        answered: written in this run. known: found answered (or failed) by an earlier run.
        failed_before: those of `known` that failed.
        failed: errors written in this run.
        failures: lines of the output's errors in all.
        shared, looked: pictures that were at hand already, and pictures in all.
        stopped: it was interrupted before the end.
    """

    read: int = 0
    answered: int = 0
    known: int = 0
    failed_before: int = 0
    failed: int = 0
    failures: int = 0
    shared: int = 0
    looked: int = 0
    stopped: bool = False


class Watcher(Protocol):
    """Is told how a job goes."""

    def update(self, summary: Summary) -> None:
        """Something has changed. Must not block."""
        ...

    def say(self, message: str) -> None:
        """A message for the user."""
        ...


class _Writer:
    """Collects outcomes while the last ones are being synced, and writes them together."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._pending: list[tuple[str, Outcome]] = []
        self._bad: list[ErrorLine] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._wake = asyncio.Event()

    async def put(self, custom_id: str, outcome: Outcome) -> None:
        """Returns when the outcome is on disk. Raises OutputError where it can't be."""
        self._pending.append((custom_id, outcome))
        await self._written()

    async def put_error(self, failed: ErrorLine) -> None:
        """As `put`, for a line that is no question."""
        self._bad.append(failed)
        await self._written()

    def _written(self) -> asyncio.Future[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self._wake.set()
        return done

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._write()

    async def _write(self) -> None:
        outcomes, self._pending = self._pending, []
        bad, self._bad = self._bad, []
        waiting, self._waiting = self._waiting, []
        try:
            await asyncio.to_thread(self._write_now, outcomes, bad)
        except Exception as error:
            for done in waiting:
                if not done.done():
                    done.set_exception(error)
            return
        for done in waiting:
            if not done.done():
                done.set_result(None)

    def _write_now(self, outcomes: list[tuple[str, Outcome]], bad: list[ErrorLine]) -> None:
        self._ledger.write(outcomes)
        self._ledger.write_errors(bad)

    async def drain(self) -> None:
        """Write what is left."""
        if self._pending or self._bad:
            await self._write()


class BatchRunner:
    """Runs one job in the running event loop.

    Args:
        lines: the input.
        engine: answers.
        ledger: knows and keeps results.
        watcher: is told how it goes.
        patience: seconds that a server may be away before the job stops.
        window: lines put in order at a time.
        lists: whether the policy's server lists its models; None where it has none.
    """

    def __init__(
        self,
        lines: Iterable[BatchLine | BadLine],
        engine: Engine,
        ledger: Ledger,
        watcher: Watcher,
        *,
        patience: float,
        window: int,
        lists: Callable[[], bool] | None = None,
    ) -> None:
        self._feed = Feed(lines, max(window, engine.in_flight))
        self._engine, self._ledger, self._watcher = engine, ledger, watcher
        self._witness = Witness(engine, lists)
        self._outage = Outage(patience, watcher.say, answers=self._witness.answers)
        self._writer = _Writer(ledger)
        self._slots = asyncio.Semaphore(engine.in_flight)
        self._tasks: set[asyncio.Task[None]] = set()
        self._trouble: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.summary = Summary()

    def stop(self) -> None:
        """End now: what is on disk counts, what is under way is dropped."""
        self.summary.stopped = True
        if not self._trouble.done():
            self._trouble.set_result(None)

    async def run(self) -> Summary:
        """Answer every line.

        Raises:
            GemvgError: the job can't go on (full disk, vanished pictures, a server away for too
                long or with another key); what is on disk counts, and the same command goes on.
        """
        writing = asyncio.create_task(self._writer.run())
        reading = asyncio.create_task(self._read())
        try:
            await asyncio.wait({reading, self._trouble}, return_when=asyncio.FIRST_COMPLETED)
            if self._trouble.done():
                self._trouble.result()
            else:
                await reading
        finally:
            self._feed.stop()
            await _cancel({reading, *self._tasks})
            await _cancel({writing})
            with contextlib.suppress(GemvgError):
                await self._writer.drain()
            # Marked as seen: the first trouble is the one that is told.
            if self._trouble.done() and not self._trouble.cancelled():
                self._trouble.exception()
            self.summary.failures = self._ledger.failures
        return self.summary

    async def _read(self) -> None:
        async for window in self._feed.windows():
            # Before they are put in order: of two lines with one custom_id the later is wrong.
            wrong = {line.number: self._wrong(line) for line in window}
            for line in grouped(window):
                await self._slots.acquire()
                task = asyncio.create_task(self._one(line, wrong[line.number]))
                self._tasks.add(task)
                task.add_done_callback(self._ended)
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._slots.release()
        error = None if task.cancelled() else task.exception()
        if error is not None and not self._trouble.done():
            self._trouble.set_exception(error)

    async def _one(self, line: BatchLine | BadLine, bad: ErrorLine | None) -> None:
        """From a line to its place on disk; `bad` is why it is no question."""
        self.summary.read += 1
        if isinstance(line, BadLine) or bad is not None:
            await self._keep_error(bad)
        else:
            known = self._ledger.known(line.custom_id)
            outcome = await self._outage.run(lambda: self._engine.answer(line, known))
            await self._keep(line, outcome, known)
        self._watcher.update(self.summary)

    def _wrong(self, line: BatchLine | BadLine) -> ErrorLine | None:
        """Why a line is no question of its own."""
        if isinstance(line, BadLine):
            message, key = line.message, line.digest
        elif self._ledger.admit(line.custom_id):
            return None
        else:
            key = None
            message = f"line {line.number}: the custom_id stands on an earlier line already."
        return ErrorLine(line.number, line.custom_id, key, {"kind": DATA_ERROR, "message": message})

    async def _keep(self, line: BatchLine, outcome: Outcome, known: Known) -> None:
        summary = self.summary
        summary.shared += outcome.shared
        summary.looked += outcome.looked
        if outcome.kind == "known":
            self._ledger.settle(line.custom_id, outcome.key)
            summary.known += 1
            if outcome.key is not None and outcome.key[:32] == known.result:
                self._witness.saw(line, now=False)
            else:
                summary.failed_before += 1
        elif outcome.kind == "result":
            await self._writer.put(line.custom_id, outcome)
            summary.answered += 1
            self._witness.saw(line, now=True)
        elif outcome.kind == "gone":
            message = outcome.error["message"] if outcome.error else "the pictures have vanished."
            raise ImageError(message, "Nothing is lost: the same command goes on.")
        elif outcome.kind == "barred":
            message = outcome.error["message"] if outcome.error else "the server takes no question."
            raise AccessRefused(message, "Nothing is lost: the same command goes on.")
        elif outcome.error is not None:
            number, key, error = line.number, outcome.key, outcome.error
            await self._keep_error(ErrorLine(number, line.custom_id, key, error, line.question))

    async def _keep_error(self, failed: ErrorLine | None) -> None:
        if failed is None:
            return
        if self._ledger.holds(failed):
            self.summary.known += 1
            self.summary.failed_before += 1
            return
        await self._writer.put_error(failed)
        self.summary.failed += 1


async def _cancel(tasks: set[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
