"""Several processes of this machine, each with its own agent, fed line by line.

A process that dies (out of memory, a decoder that crashes) is started again and its lines are
given out anew; a line that was at hand at several deaths is taken to be their cause.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from ...tools.errors import ErrorRecord, GemvgError, PolicyError
from .ledger import Known
from .line import BatchLine
from .record import Outcome
from .worker import WorkerSpec

DEATHS_OF_A_LINE = 3
"""Deaths of its process after which a line is an error."""

DEATHS_AT_START = 3
"""Deaths of a process in a row, without an answer, after which the engine gives up."""


@dataclass(slots=True)
class _Job:
    """A line that is under way."""

    line: BatchLine
    known: Known
    done: asyncio.Future[Outcome]
    deaths: int = 0


@dataclass(slots=True)
class _Child:
    """A process and what it has at hand."""

    process: BaseProcess
    pipe: Any
    jobs: dict[int, _Job] = field(default_factory=dict[int, _Job])


class ProcessEngine:
    """Answers in several processes.

    Args:
        spec: what each process's worker is made of.
        processes: how many.
        in_flight: lines under way at the same time, in all of them together.
    """

    def __init__(self, spec: WorkerSpec, processes: int, in_flight: int) -> None:
        self._spec = spec
        self._count = processes
        self._in_flight = max(in_flight, 2 * processes)
        self._children: list[_Child] = []
        self._queue: deque[_Job] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failure: GemvgError | None = None
        self._deaths = 0
        self._closed = False

    @property
    def in_flight(self) -> int:
        """See `Engine.in_flight`."""
        return self._in_flight

    async def start(self) -> None:
        """See `Engine.start`."""
        self._loop = asyncio.get_running_loop()
        children = [self._launch() for _ in range(self._count)]
        for child in children:
            await self._ready(child)
            self._listen(child)
        self._children = children

    async def answer(self, line: BatchLine, known: Known) -> Outcome:
        """See `Engine.answer`."""
        if self._failure is not None:
            raise self._failure
        job = _Job(line, known, asyncio.get_running_loop().create_future())
        self._queue.append(job)
        self._hand_out()
        return await job.done

    async def close(self) -> None:
        """See `Engine.close`."""
        self._closed = True
        for child in self._children:
            with contextlib.suppress(OSError):
                child.pipe.send(None)
        for child in self._children:
            await asyncio.to_thread(child.process.join, 2.0)
            if child.process.is_alive():
                child.process.kill()
            await asyncio.to_thread(child.process.join)
            child.pipe.close()
        self._children = []

    def _launch(self) -> _Child:
        # A fresh interpreter: torch's threads and open connections don't survive a fork.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_child_main, args=(self._spec, theirs), daemon=True)
        with _interrupts_held():
            process.start()
        theirs.close()
        return _Child(process, ours)

    async def _ready(self, child: _Child) -> None:
        """Wait until its agent is there. Raises GemvgError where it can't be had."""
        try:
            said: Any = await asyncio.to_thread(child.pipe.recv)
        except (EOFError, OSError):
            raise PolicyError(
                "a worker process died while it was loading the policy.", "Use fewer --processes."
            ) from None
        if isinstance(said, GemvgError):
            raise said

    def _listen(self, child: _Child) -> None:
        threading.Thread(target=self._receive, args=(child,), daemon=True).start()

    def _receive(self, child: _Child) -> None:
        """In a thread: outcomes into the event loop, until the process ends."""
        loop = self._loop
        if loop is None:
            return
        while True:
            try:
                texts: list[str] = child.pipe.recv()
            except (EOFError, OSError):
                break
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._answered, child, texts)
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._died, child)

    def _answered(self, child: _Child, texts: list[str]) -> None:
        self._deaths = 0
        for text in texts:
            outcome = Outcome.from_text(text)
            job = child.jobs.pop(outcome.number, None)
            if job is not None and not job.done.done():
                job.done.set_result(outcome)
        self._hand_out()

    def _hand_out(self) -> None:
        """Give waiting lines to the processes that have the fewest at hand."""
        share = -(-self._in_flight // self._count)
        batches: dict[int, list[tuple[str, Known]]] = {}
        while self._queue and self._children:
            index = min(range(len(self._children)), key=lambda i: len(self._children[i].jobs))
            child = self._children[index]
            if len(child.jobs) >= share:
                break
            job = self._queue.popleft()
            if job.done.done():
                continue
            child.jobs[job.line.number] = job
            batches.setdefault(index, []).append((job.line.to_text(), job.known))
        for index, batch in batches.items():
            # A broken pipe shows in the listening thread, which gives the lines out anew.
            with contextlib.suppress(OSError):
                self._children[index].pipe.send(batch)

    def _died(self, child: _Child) -> None:
        """Start another process in its place; its lines go to the front of the queue."""
        if self._closed or child not in self._children:
            return
        self._children.remove(child)
        self._deaths += 1
        for job in reversed(child.jobs.values()):
            job.deaths += 1
            if job.done.done():
                continue
            if job.deaths >= DEATHS_OF_A_LINE:
                error: ErrorRecord = {
                    "kind": "crash",
                    "message": "the worker process died each time this line was under way.",
                }
                job.done.set_result(Outcome(job.line.number, "error", error=error))
            else:
                self._queue.appendleft(job)
        if self._loop is not None:
            self._restart = self._loop.create_task(self._replace())

    async def _replace(self) -> None:
        if self._deaths > DEATHS_AT_START * self._count:
            self._give_up(PolicyError("the worker processes keep dying.", "Use fewer --processes."))
            return
        child = self._launch()
        try:
            await self._ready(child)
        except GemvgError as error:
            self._give_up(error)
            return
        self._children.append(child)
        self._listen(child)
        self._hand_out()

    def _give_up(self, error: GemvgError) -> None:
        self._failure = error
        for job in self._queue:
            if not job.done.done():
                job.done.set_exception(error)


@contextlib.contextmanager
def _interrupts_held() -> Generator[None]:
    """Keep Ctrl-C from what is started inside, which inherits that; ours comes a moment later.

    A process that is still being loaded would end with a traceback of its own.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # It is started with the first process, and lets go of what is held while it is.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _child_main(spec: WorkerSpec, pipe: Connection) -> None:
    """A worker process: lines from the pipe, outcomes into it."""
    # The parent ends its children; a Ctrl-C of the terminal reaches it too.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        worker = spec.make()
    except GemvgError as error:
        pipe.send(error)
        return
    pipe.send(None)
    asyncio.run(_serve(worker, pipe))
    os._exit(0)


async def _serve(worker: Any, pipe: Connection) -> None:
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()
    finished: list[str] = []
    ended = asyncio.Event()

    def flush() -> None:
        texts = finished[:]
        finished.clear()
        with contextlib.suppress(OSError):
            pipe.send(texts)

    async def one(line: BatchLine, known: Known) -> None:
        outcome = await worker.answer(line, known)
        if not finished:
            loop.call_soon(flush)
        finished.append(outcome.to_text())

    def begin(batch: list[tuple[str, Known]]) -> None:
        for text, known in batch:
            task = loop.create_task(one(BatchLine.from_text(text), known))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    def listen() -> None:
        while True:
            try:
                batch = pipe.recv()
            except (EOFError, OSError):
                batch = None
            loop.call_soon_threadsafe(ended.set if batch is None else lambda b=batch: begin(b))
            if batch is None:
                return

    threading.Thread(target=listen, daemon=True).start()
    await ended.wait()
    for task in tasks:
        task.cancel()
