"""One event loop in a thread of its own, shared by all synchronous entry points of a process.

`ask` runs there and not in a fresh loop, so that a backend's connection pool outlives a question,
that it works where an event loop is already running (notebooks, servers), and that threads asking
at once share one loop's concurrency.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_owner = 0


def background_loop() -> asyncio.AbstractEventLoop:
    """The process's loop, started at its first use; a forked child gets its own."""
    global _loop, _owner
    with _lock:
        if _loop is None or _owner != os.getpid() or _loop.is_closed():
            _loop, _owner = asyncio.new_event_loop(), os.getpid()
            threading.Thread(target=_loop.run_forever, name="gemvg-loop", daemon=True).start()
        return _loop


def submit(work: Coroutine[Any, Any, T]) -> Future[T]:
    """Start a coroutine in the background loop."""
    return asyncio.run_coroutine_threadsafe(work, background_loop())


def run_sync(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end; an interrupt (Ctrl-C) cancels it.

    Raises:
        RuntimeError: called from the background loop itself, where waiting would never end.
    """
    if threading.current_thread().name == "gemvg-loop":
        work.close()
        raise RuntimeError("inside the agent's own loop, await aask instead of calling ask")
    future = submit(work)
    try:
        return future.result()
    finally:
        future.cancel()


def _after_fork() -> None:
    """A lock that a parent's thread held at the fork would never be released in the child."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
