"""Where a job's questions are answered: in this process, in several, or on a Ray cluster."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol

from ...tools.errors import UsageError
from ..work_threads import allow_threads, in_work_thread
from .ledger import Known
from .line import BatchLine
from .record import Outcome
from .worker import LineWorker, WorkerSpec

ENGINES = ("local", "vllm", "ray")

IN_FLIGHT = 32
"""Questions under way at the same time, unless told otherwise."""

_MODEL_OUT_OF_PROCESS = ("http://", "https://")


class Engine(Protocol):
    """Answers lines. All of it is used from one event loop."""

    @property
    def in_flight(self) -> int:
        """How many lines it wants to have under way."""
        ...

    async def start(self) -> None:
        """Load what is needed. Raises GemvgError where that fails."""
        ...

    async def answer(self, line: BatchLine, known: Known) -> Outcome:
        """What becomes of a line; total: every failure of the line is an outcome.

        Raises:
            GemvgError: the engine itself can't go on.
        """
        ...

    async def close(self) -> None:
        """End everything that was started; what is under way is dropped."""
        ...


class LocalEngine:
    """Answers in this process and event loop.

    Args:
        spec: what its worker is made of.
        in_flight: lines under way at the same time.
    """

    def __init__(self, spec: WorkerSpec, in_flight: int = IN_FLIGHT) -> None:
        self._spec = spec
        self._in_flight = in_flight
        self._worker: LineWorker | None = None

    @property
    def in_flight(self) -> int:
        """See `Engine.in_flight`."""
        return self._in_flight

    async def start(self) -> None:
        """See `Engine.start`."""
        loop = asyncio.get_running_loop()
        threads = min(64, max(8, self._in_flight))
        loop.set_default_executor(ThreadPoolExecutor(threads, thread_name_prefix="gemvg-batch"))
        # All lines' tool calls must be able to wait for one shared look.
        allow_threads(threads)
        # Loading models can't be stopped either, and Ctrl-C must not wait for it.
        self._worker = await in_work_thread(self._spec.make)

    async def answer(self, line: BatchLine, known: Known) -> Outcome:
        """See `Engine.answer`."""
        if self._worker is None:
            raise RuntimeError("the engine was not started")
        return await self._worker.answer(line, known)

    async def close(self) -> None:
        """See `Engine.close`."""
        if self._worker is not None:
            await self._worker.aclose()


def make_engine(
    name: str,
    spec: WorkerSpec,
    *,
    in_flight: int | None = None,
    processes: int = 1,
    address: str | None = None,
) -> Engine:
    """An engine by name.

    Args:
        name: `local` (also for served policies), `vllm` (the policy's folder in this process), or
            `ray`.
        spec: what workers are made of.
        in_flight: lines under way at the same time; the engine's own number where None.
        processes: of `local`; of `ray`, how many workers.
        address: of a running Ray cluster; None starts Ray on this machine.

    Raises:
        UsageError: no such engine, or options that it can't use.
    """
    if name not in ENGINES:
        raise UsageError(f"there is no engine {name[:40]!r}.", f"Use {', '.join(ENGINES)}.")
    if address is not None and name != "ray":
        raise UsageError("--address belongs to --engine ray.")
    if name == "ray":
        from .ray_engine import RayEngine

        return RayEngine(spec, workers=processes, address=address, in_flight=in_flight)
    if name == "vllm":
        spec = _in_vllm(spec)
    if processes > 1:
        from .processes import ProcessEngine

        return ProcessEngine(spec, processes, in_flight or IN_FLIGHT)
    return LocalEngine(spec, in_flight or IN_FLIGHT)


def _in_vllm(spec: WorkerSpec) -> WorkerSpec:
    policy = spec.settings.policy
    if policy == "planner" or policy.startswith(_MODEL_OUT_OF_PROCESS):
        raise UsageError(
            f"the engine vllm can't run the policy {policy[:80]}.",
            "Name a model's folder or hub id with --policy.",
        )
    if policy.startswith("vllm:"):
        return spec
    return replace(spec, settings=spec.settings.model_copy(update={"policy": f"vllm:{policy}"}))


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
