"""Results on disk as they come: one JSON line each, kept even when the process is killed.

A line is written whole, flushed and synced before its result counts as done. A kill in the middle
of a write leaves a torn last line, which is cut off at the next start; so nothing is lost but what
was in flight, and nothing is there twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from ...tools.errors import DataError, OutputError


class Journal:
    """An append-only JSON Lines file with one writer.

    Args:
        path: the file; made where it is missing, its folder too.

    Raises:
        OutputError: it can't be written, or another process writes it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = path.open("a+b")
        except OSError as error:
            raise OutputError(f"{path}: can't be written.", "Choose another --out.") from error
        self._lock()
        self._cut_torn_line()

    def _lock(self) -> None:
        try:
            import fcntl
        except ImportError:  # not on Windows, where an open file can't be shared for writing
            return
        try:
            fcntl.flock(self._file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise OutputError(
                f"{self.path}: another run is writing it.", "Wait for it, or choose another --out."
            ) from error

    def _cut_torn_line(self) -> None:
        """Cut what stands after the last line break: the write that a kill interrupted."""
        size = self._file.seek(0, os.SEEK_END)
        keep, block = size, 1 << 16
        while keep > 0:
            begin = max(0, keep - block)
            self._file.seek(begin)
            place = self._file.read(keep - begin).rfind(b"\n")
            if place >= 0:
                keep = begin + place + 1
                break
            keep = begin
        if keep < size:
            self._file.truncate(keep)
            os.fsync(self._file.fileno())

    def append(self, value: Mapping[str, Any]) -> None:
        """Write one line; when this returns it is on disk.

        Raises:
            OutputError: the disk is full or gone; the line does not count as written.
        """
        line = json.dumps(value, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        try:
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise OutputError(f"{self.path}: can't be written.", "Is the disk full?") from error

    def rows(self) -> list[dict[str, Any]]:
        """All lines, in order of their writing."""
        self._file.seek(0)
        return parse_lines(self._file.read(), self.path)

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def read_journal(path: Path) -> list[dict[str, Any]]:
    """The lines of a results file, a torn last one left out.

    Raises:
        DataError: the file can't be opened, or a whole line is no JSON object.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: can't be opened.", "Name a run's folder.") from error
    return parse_lines(data, path)


def parse_lines(data: bytes, path: Path) -> list[dict[str, Any]]:
    """JSON objects of the complete lines. Raises DataError naming the line that is none."""
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(data[: data.rfind(b"\n") + 1].splitlines(), 1):
        if not line.strip():
            continue
        try:
            value: Any = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}, line {number}: damaged.", "Delete that line.") from error
        if not isinstance(value, dict):
            raise DataError(f"{path}, line {number}: not a JSON object.", "Delete that line.")
        rows.append(value)
    return rows
