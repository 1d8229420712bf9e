"""A batch job from its input to its output: what the command line and programs call."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ...tools.errors import UsageError
from ..settings import AskSettings
from .engine import make_engine
from .feed import WINDOW
from .ledger import Ledger
from .reading import BatchInput, is_remote
from .runner import BatchRunner, Summary, Watcher
from .shapes import ERRORS, RESULTS
from .sinks import LazySink, Sink, open_sink
from .witness import model_lists
from .worker import WorkerSpec, default_agent

if TYPE_CHECKING:
    from ..grounding_agent import GroundingAgent

PATIENCE = 3600.0
"""Seconds that a server may be away before a job stops."""


def _default_settings() -> AskSettings:
    return AskSettings.model_validate({})


@dataclass(frozen=True, slots=True)
class BatchJob:
    """A job.

    Attributes:
        source: the input: a path, `-`, or an address (`s3://...`).
        output: where results go: a path, `-`, or an address. A folder is no output.
        settings: how questions are answered.
        folder: what names of pictures are relative to; the input's own folder where None.
        errors: where errors go; beside the output where None.
        engine, processes, in_flight, address: see `make_engine`.
        retry_errors: ask the lines again that failed before.
        timings: keep measured seconds in the results.
        patience: seconds that a server may be away before the job stops.
        window: lines that are put in order at a time.
        make_agent: makes the agent, where it is not what the settings say; a module's function.
    """

    source: str
    output: str
    settings: AskSettings = field(default_factory=_default_settings)
    folder: str | None = None
    errors: str | None = None
    engine: str = "local"
    processes: int = 1
    in_flight: int | None = None
    address: str | None = None
    retry_errors: bool = False
    timings: bool = False
    patience: float = PATIENCE
    window: int = WINDOW
    make_agent: Callable[[AskSettings], GroundingAgent] = default_agent

    @property
    def error_output(self) -> str:
        """Where errors go."""
        if self.errors is not None:
            return self.errors
        if self.output == "-":
            return "-"
        return _beside(self.output, "errors")


class Silent:
    """A watcher that says nothing."""

    def update(self, summary: Summary) -> None:
        """See `Watcher`."""

    def say(self, message: str) -> None:
        """See `Watcher`."""


def run_batch(job: BatchJob, watcher: Watcher | None = None) -> Summary:
    """Run a job to its end, or to an interrupt (SIGINT, SIGTERM), and tell how it went.

    Every result is on disk before it counts. Running the same job again goes on where it ended.

    Raises:
        UsageError: called inside a running event loop, which it would hold up to the end.
        DataError: the input can't be read, or the output is no batch's.
        OutputError: the output can't be written, or another job writes it.
        GemvgError: the policy can't be had; the server was away for too long; the pictures'
            folder has vanished. What is on disk counts.
    """
    _check_no_loop()
    source = BatchInput(job.source, job.folder)
    source.check()
    _check_names(job)
    ledger = open_ledger(job)
    try:
        summary = asyncio.run(_run(job, source, ledger, watcher or Silent()))
        ledger.finish(complete=not summary.stopped)
        summary.failures = ledger.failures
        return summary
    finally:
        ledger.close()


def _check_no_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise UsageError(
        "a batch can't run inside a running event loop (a notebook has one).",
        "await asyncio.to_thread(run_batch, job)",
    )


async def _run(job: BatchJob, source: BatchInput, ledger: Ledger, watcher: Watcher) -> Summary:
    spec = WorkerSpec(job.settings, source.base, job.timings, job.make_agent)
    engine = make_engine(
        job.engine,
        spec,
        in_flight=job.in_flight,
        processes=job.processes,
        address=job.address,
    )
    try:
        await engine.start()
        runner = BatchRunner(
            source.lines(),
            engine,
            ledger,
            watcher,
            patience=job.patience,
            window=job.window,
            lists=model_lists(job.settings.policy),
        )
        with _interrupts(runner.stop):
            return await runner.run()
    finally:
        await engine.close()


@contextlib.contextmanager
def _interrupts(stop: Callable[[], None]) -> Generator[None]:
    """SIGINT and SIGTERM end the job in order; a second SIGINT is Python's own."""
    loop = asyncio.get_running_loop()
    if threading.current_thread() is not threading.main_thread() or os.name == "nt":
        yield
        return

    def once() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        stop()

    loop.add_signal_handler(signal.SIGINT, once)
    loop.add_signal_handler(signal.SIGTERM, stop)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        loop.remove_signal_handler(signal.SIGTERM)


def open_ledger(job: BatchJob) -> Ledger:
    """The job's outputs, opened and read.

    Raises:
        OutputError: one can't be written, or another job writes it.
        DataError: one is damaged, or holds something else.
    """
    with contextlib.ExitStack() as opened:
        results = open_sink(job.output, 1, RESULTS)
        opened.callback(results.close)
        errors = LazySink(job.error_output, 2, ERRORS)
        opened.callback(errors.close)
        earlier: Sink | None = None
        if job.output != "-":
            earlier = LazySink(_beside(job.output, "superseded"), 2, RESULTS)
            opened.callback(earlier.close)
        ledger = Ledger(results, errors, retry_errors=job.retry_errors, superseded=earlier)
        opened.pop_all()
        return ledger


def _beside(output: str, word: str) -> str:
    """`OUT.jsonl` to `OUT.errors.jsonl`."""
    folder, slash, name = output.rpartition("/")
    stem = name[: -len(".jsonl")] if name.endswith(".jsonl") else name
    return f"{folder}{slash}{stem}.{word}.jsonl"


def _check_names(job: BatchJob) -> None:
    if job.output != "-" and not is_remote(job.output) and Path(job.output).is_dir():
        raise UsageError(f"{job.output} is a folder.", "Name a file, such as OUT.jsonl.")
    named = {"input": job.source, "output": job.output, "errors": job.error_output}
    if job.output != "-":
        named["superseded results"] = _beside(job.output, "superseded")
    places: dict[str, str] = {}
    for what, name in named.items():
        place = name if is_remote(name) else os.path.realpath(name)
        # Streams and devices such as /dev/null take lines of any kind.
        if name == "-" or (os.path.exists(place) and not os.path.isfile(place)):
            continue
        if place in places:
            raise UsageError(f"{places[place]} and {what} are the same file.", "Name another.")
        places[place] = what
