"""How a job goes, on standard error: a live bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from ...tools.text import clean_text
from .runner import Summary

LINE_EVERY = 15.0
"""Seconds between lines where standard error is no terminal."""

REDRAW_EVERY = 0.2


class BatchProgress:
    """A watcher that shows rate, time left, errors and cache hits.

    Args:
        total: lines of the input, or None where that is not known.
        quiet: show messages only.
        console: instead of standard error.
    """

    def __init__(
        self, total: int | None, *, quiet: bool = False, console: Console | None = None
    ) -> None:
        self._console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self._total = total
        self._quiet = quiet
        self._began = self._shown = time.monotonic()
        self._bar: Progress | None = None
        if self._console.is_terminal and not quiet:
            self._bar = Progress(
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[words]}"),
                console=self._console,
                refresh_per_second=5,
            )
            self._task = self._bar.add_task("batch", total=total, words="")

    def __enter__(self) -> BatchProgress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, summary: Summary) -> None:
        """See `Watcher.update`."""
        now = time.monotonic()
        if now - self._shown < (REDRAW_EVERY if self._bar else LINE_EVERY) or self._quiet:
            return
        self._shown = now
        done = summary.answered + summary.known + summary.failed
        words = progress_words(summary, now - self._began, self._total)
        if self._bar is not None:
            self._bar.update(self._task, completed=done, words=words)
        else:
            self._print(f"{count_words(done, self._total)}, {words}")

    def say(self, message: str) -> None:
        """See `Watcher.say`."""
        self._print(message)

    def _print(self, words: str) -> None:
        self._console.print(Text(clean_text(words, 600)))


def count_words(done: int, total: int | None) -> str:
    """`120 of 400 lines`."""
    return f"{done:,} lines" if total is None else f"{done:,} of {total:,} lines"


def progress_words(summary: Summary, seconds: float, total: int | None) -> str:
    """Rate, time left, errors and cache hits in words.

    The rate counts what this run has answered, not what it found done, so that the time left is
    that of the work that is left.
    """
    fresh = summary.answered + summary.failed
    rate = fresh / seconds if seconds > 0 else 0.0
    words = [f"{rate:.1f}/s" if rate < 100 else f"{rate:.0f}/s"]
    if total is not None and rate > 0:
        left = max(0, total - fresh - summary.known)
        words.append(f"{duration(left / rate)} left")
    if failed := summary.failed + summary.failed_before:
        words.append(f"{failed:,} errors")
    if summary.looked:
        words.append(f"{summary.shared / summary.looked:.0%} of pictures at hand")
    if done := summary.known - summary.failed_before:
        words.append(f"{done:,} done before")
    return ", ".join(words)


def duration(seconds: float) -> str:
    """`1:02:03` or `2:03`."""
    whole = round(seconds)
    minutes, hours = whole // 60 % 60, whole // 3600
    if hours:
        return f"{hours}:{minutes:02d}:{whole % 60:02d}"
    return f"{minutes}:{whole % 60:02d}"
