"""A job on a Ray cluster: Ray Data spreads the lines over workers, this process writes results.

Lines go out in segments, one Ray Data run each. A worker that is killed is started again by Ray
and its lines are answered anew; since only this process writes, and writes each line once, that
changes nothing in the output.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import queue
import threading
from dataclasses import replace
from typing import Any

from ...tools.errors import GemvgError, MissingDependency, PolicyError
from .ledger import Known
from .line import BatchLine
from .reading import is_remote
from .record import Outcome
from .worker import WorkerSpec

SEGMENT = 20_000
"""Lines of one Ray Data run: workers load their policy once a segment."""

GATHER = 0.3
"""Seconds without a new line after which a segment goes out as it is."""

BATCH = 32
"""Lines that a worker has under way at a time."""

_MOST_BLOCKS = 2000


class RayEngine:
    """Answers on a Ray cluster.

    Args:
        spec: what workers are made of; names of pictures must mean the same on every node.
        workers: actors.
        address: of a running cluster; None starts Ray on this machine.
        in_flight: lines of a segment.
    """

    def __init__(
        self, spec: WorkerSpec, *, workers: int, address: str | None, in_flight: int | None
    ) -> None:
        base = spec.base if is_remote(spec.base) else os.path.abspath(spec.base)
        self._spec = replace(spec, base=base)
        self._workers = workers
        self._address = address
        self._in_flight = in_flight or SEGMENT
        self._queue: queue.SimpleQueue[tuple[BatchLine, Known, asyncio.Future[Outcome]] | None]
        self._queue = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = threading.Event()
        self._started_ray = False

    @property
    def in_flight(self) -> int:
        """See `Engine.in_flight`."""
        return self._in_flight

    async def start(self) -> None:
        """See `Engine.start`."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._connect)
        self._thread = threading.Thread(target=self._run, name="gemvg-ray", daemon=True)
        self._thread.start()

    async def answer(self, line: BatchLine, known: Known) -> Outcome:
        """See `Engine.answer`."""
        done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._queue.put((line, known, done))
        return await done

    async def close(self) -> None:
        """See `Engine.close`."""
        self._closed.set()
        self._queue.put(None)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, 30.0)
        if self._started_ray:
            import ray

            await asyncio.to_thread(ray.shutdown)

    def _connect(self) -> None:
        try:
            import ray
            from ray.data import DataContext
        except ImportError as error:
            raise MissingDependency(
                "the engine ray needs Ray.", "pip install 'gemvg-agent[ray]'"
            ) from error
        try:
            if not ray.is_initialized():
                options: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
                if self._address is None:
                    # A worker claims one core; more workers than cores are the user's wish.
                    count = max(self._workers, os.cpu_count() or 1)
                    options |= {"num_cpus": count, "include_dashboard": False}
                ray.init(address=self._address, **options)
                self._started_ray = True
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise PolicyError(
                f"no Ray cluster at {self._address or 'this machine'}.", "Check --address."
            ) from error
        context: Any = DataContext.get_current()
        context.enable_progress_bars = False

    def _run(self) -> None:
        """In a thread: segment after segment, until closed."""
        while not self._closed.is_set():
            segment = self._segment()
            if not segment:
                continue
            try:
                self._answer_segment(segment)
            except Exception as error:
                ours = error if isinstance(error, GemvgError) else _ray_failure(error)
                self._fail(segment, ours)

    def _segment(self) -> list[tuple[BatchLine, Known, asyncio.Future[Outcome]]]:
        """The lines that have come, once no more come for a moment."""
        found: list[tuple[BatchLine, Known, asyncio.Future[Outcome]]] = []
        while len(found) < self._in_flight:
            try:
                item = self._queue.get(timeout=GATHER if found else None)
            except queue.Empty:
                break
            if item is None:
                return []
            found.append(item)
        return found

    def _answer_segment(
        self, segment: list[tuple[BatchLine, Known, asyncio.Future[Outcome]]]
    ) -> None:
        """One Ray Data run; outcomes reach their lines as they come."""
        import ray

        waiting = {line.number: done for line, _, done in segment}
        rows = [{"line": line.to_text(), "known": _text(known)} for line, known, _ in segment]
        blocks = min(_MOST_BLOCKS, math.ceil(len(rows) / BATCH))
        lines: Any = ray.data.from_items(rows, override_num_blocks=blocks)
        answered: Any = lines.map_batches(
            RayWorker,
            fn_constructor_args=(self._spec,),
            batch_size=BATCH,
            batch_format="pyarrow",
            concurrency=min(self._workers, blocks),
            num_cpus=1,
            **self._gpus(),
        )
        for row in answered.iter_rows():
            if self._closed.is_set():
                return
            outcome = Outcome.from_text(row["outcome"])
            self._call(_resolve, waiting.pop(outcome.number, None), outcome)
        if waiting:
            raise PolicyError("Ray returned fewer lines than it was given.")

    def _gpus(self) -> dict[str, Any]:
        """A graphics card for each worker, where the policy runs there and the cluster has some."""
        import ray

        policy = self._spec.settings.policy
        served = policy.startswith(("http://", "https://")) or policy in ("planner", "nano")
        return {} if served or not ray.cluster_resources().get("GPU") else {"num_gpus": 1}

    def _fail(
        self, segment: list[tuple[BatchLine, Known, asyncio.Future[Outcome]]], error: GemvgError
    ) -> None:
        for _, _, done in segment:
            self._call(_reject, done, error)

    def _call(self, what: Any, *arguments: Any) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(what, *arguments)


class RayWorker:
    """An actor of Ray Data: batches of lines to batches of outcomes.

    Args:
        spec: what its worker is made of.
    """

    def __init__(self, spec: WorkerSpec) -> None:
        self._worker = spec.make()

    def __call__(self, batch: Any) -> Any:
        """A table with the columns line and known to one with the column outcome."""
        import pyarrow as pa

        from ..background import run_sync

        lines, known = batch.column("line").to_pylist(), batch.column("known").to_pylist()
        return pa.table({"outcome": run_sync(self._answer(lines, known))})

    async def _answer(self, lines: list[str], known: list[str]) -> list[str]:
        outcomes = await asyncio.gather(
            *(
                self._worker.answer(BatchLine.from_text(line), _known(text))
                for line, text in zip(lines, known, strict=True)
            )
        )
        return [outcome.to_text() for outcome in outcomes]


def _text(known: Known) -> str:
    return json.dumps([known.result, known.error])


def _known(text: str) -> Known:
    result, error = json.loads(text)
    return Known(result, error)


def _resolve(done: asyncio.Future[Outcome] | None, outcome: Outcome) -> None:
    if done is not None and not done.done():
        done.set_result(outcome)


def _reject(done: asyncio.Future[Outcome], error: GemvgError) -> None:
    if not done.done():
        done.set_exception(error)


def _ray_failure(error: Exception) -> GemvgError:
    """Ray's own failures in one line; what a worker raised on purpose comes through."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, GemvgError):
            return type(cause)(cause.message, cause.cure)
        cause = getattr(cause, "cause", None) or cause.__cause__
    return PolicyError(
        f"the Ray job failed ({type(error).__name__}).", "Ray's log says why; the command goes on."
    )
