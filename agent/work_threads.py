"""Threads for work that a question may have to leave behind: a tool that runs can't be stopped.

`asyncio.to_thread` uses the event loop's own threads, and a loop that is closed waits for them, so
a Ctrl-C would take as long as a detector still looks. These threads belong to no loop. Python
itself waits for them when it ends: a thread that computes in native code must not outlive the
interpreter that it returns to. Only our own command line ends without them (`agent.cli.main`).
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_lock = threading.Lock()
_threads = min(32, (os.cpu_count() or 1) + 4)
_pool: ThreadPoolExecutor | None = None
_under_way: set[object] = set()


async def in_work_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As `asyncio.to_thread`, in a thread that no event loop waits for when it is closed.

    Cancelled, it returns at once: work that has not begun never does, and the result of work that
    has is dropped.
    """
    context = copy_context()
    return await asyncio.wrap_future(_submit(lambda: context.run(work, *args, **kwargs)))


def allow_threads(count: int) -> None:
    """Let at least so many run at the same time, from now on."""
    global _threads, _pool
    with _lock:
        if count <= _threads:
            return
        _threads, old, _pool = count, _pool, None
        if old is not None:
            old.shutdown(wait=False)


def still_working() -> bool:
    """Whether any work is under way, left behind or not."""
    return bool(_under_way)


def _submit(work: Callable[[], T]) -> Future[T]:
    global _pool
    # Before the work can have begun: an interrupt may come while it does.
    ticket = object()
    _under_way.add(ticket)
    try:
        with _lock:
            if _pool is None:
                _pool = ThreadPoolExecutor(_threads, thread_name_prefix="gemvg-work")
            future = _pool.submit(work)
    except BaseException:
        _under_way.discard(ticket)
        raise
    future.add_done_callback(lambda _: _under_way.discard(ticket))
    return future


def _after_fork() -> None:
    """A child has none of its parent's threads, and perhaps a lock that one of them held."""
    global _lock, _pool
    _lock, _pool = threading.Lock(), None
    _under_way.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
