"""Lines of the input, a bounded number ahead, and an order of them that suits the caches."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import AsyncIterator, Iterable

from .line import BadLine, BatchLine

WINDOW = 2048
"""Lines that are read ahead and put in order."""

MOST_INLINE = 64_000_000
"""Characters of pictures in lines (`data:` addresses) that are read ahead, about."""

LINGER = 0.2
"""Seconds that a slow input (a pipe) is waited for before what is there goes on."""

_Item = BatchLine | BadLine | BaseException | None


class Feed:
    """Reads lines in a thread and gives them in windows, in the order of the input.

    Args:
        lines: the input; read in another thread.
        window: lines that are given at a time, at most.
    """

    def __init__(self, lines: Iterable[BatchLine | BadLine], window: int = WINDOW) -> None:
        self._lines = lines
        self._window = window
        self._queue: queue.Queue[_Item] = queue.Queue(maxsize=window)
        # Characters of names of pictures so far; only the reader changes the first, only the
        # taker the second.
        self._put_in = self._taken = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._read, name="gemvg-reader", daemon=True)

    async def windows(self) -> AsyncIterator[list[BatchLine | BadLine]]:
        """Windows of lines; what reading raised is raised after the lines before it."""
        self._thread.start()
        try:
            while True:
                window, end = await asyncio.to_thread(self._next_window)
                if window:
                    yield window
                if isinstance(end, BaseException):
                    raise end
                if end is True:
                    return
        finally:
            self.stop()

    def stop(self) -> None:
        """Read no further."""
        self._stopped.set()

    def _next_window(self) -> tuple[list[BatchLine | BadLine], BaseException | bool]:
        """Lines, and how reading ended: an error, True for the end, False for not yet."""
        found: list[BatchLine | BadLine] = []
        most = self._taken + MOST_INLINE
        while len(found) < self._window and self._taken < most:
            try:
                item = self._queue.get(timeout=LINGER)
            except queue.Empty:
                if found or self._stopped.is_set():
                    break
                continue
            if item is None:
                return found, True
            if isinstance(item, BaseException):
                return found, item
            self._taken += _inline(item)
            found.append(item)
        return found, False

    def _read(self) -> None:
        try:
            for line in self._lines:
                if not self._put(line):
                    return
            self._put(None)
        except Exception as error:
            self._put(error)

    def _put(self, item: _Item) -> bool:
        size = _inline(item)
        while not self._stopped.is_set():
            if self._put_in - self._taken > MOST_INLINE:
                time.sleep(LINGER / 10)
                continue
            try:
                self._queue.put(item, timeout=0.5)
            except queue.Full:
                continue
            self._put_in += size
            return True
        return False


def _inline(item: _Item) -> int:
    """Characters of a line's names of pictures, which may be the pictures themselves."""
    return sum(map(len, item.images)) if isinstance(item, BatchLine) else 0


def grouped(lines: list[BatchLine | BadLine]) -> list[BatchLine | BadLine]:
    """Lines with the same pictures next to each other; groups in order of their first line."""
    groups: dict[tuple[str, ...], list[BatchLine | BadLine]] = {}
    for line in lines:
        groups.setdefault(line.images if isinstance(line, BatchLine) else (), []).append(line)
    return [line for group in groups.values() for line in group]
