"""Lines on disk as they come: appended whole, synced, by one writer, safe against any kill.

A line counts once `append` has returned: it is written, flushed and synced then. A kill inside a
write leaves a torn last line, which is cut off at the next start; a write that fails (full disk)
is taken back at once. So nothing is lost but what was in flight, and nothing is there twice.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from ..tools.errors import DataError, OutputError
from .locks import CLOEXEC, taken

_BLOCK = 1 << 16

BEGINNING = 1 << 24
"""Bytes of a file that are looked at, at most, to tell whose it is."""


class Journal:
    """An append-only file of lines with one writer.

    Args:
        path: the file; made where it is missing, its folder too.
        cure: what a user can do where it can't be written.
        check: is given the beginning of a file that holds something, before its torn last line is
            cut off, and raises where the file is somebody else's.
        unended: end a last line without a line break, instead of cutting it off, where it is a
            whole JSON object: an editor or another program left it so.

    Raises:
        OutputError: it can't be written, or another process writes it.
    """

    def __init__(
        self,
        path: Path,
        cure: str = "Choose another output.",
        check: Callable[[bytes], None] | None = None,
        *,
        unended: bool = False,
    ) -> None:
        self.path = path
        self._cure = cure
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = self._open_locked()
        except OSError as error:
            if isinstance(error, OutputError):
                raise
            raise OutputError(f"{path}: can't be written ({_reason(error)}).", cure) from error
        self._regular = stat.S_ISREG(os.fstat(self._fd).st_mode)
        if check is not None and self._regular:
            try:
                if beginning := os.pread(self._fd, BEGINNING, 0):
                    check(beginning)
            except BaseException:
                self.close()
                raise
        self._end = self._cut_torn_line(unended) if self._regular else 0

    def _open_locked(self) -> int:
        """The file, open and locked; opened again where another writer put a new one in place."""
        while True:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | CLOEXEC, 0o666)
            try:
                self._lock(fd)
                _sync_folder(self.path.parent)
                if _same_file(fd, self.path):
                    return fd
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)

    def _lock(self, fd: int) -> None:
        if stat.S_ISCHR(os.fstat(fd).st_mode):  # a device such as /dev/null is anybody's
            return
        if taken(fd):
            raise OutputError(
                f"{self.path}: another run is writing it.", f"Wait for it. {self._cure}"
            )

    def _cut_torn_line(self, unended: bool) -> int:
        """Cut what stands after the last line break: the write that a kill interrupted."""
        size = os.fstat(self._fd).st_size
        keep = size
        while keep > 0:
            begin = max(0, keep - _BLOCK)
            place = os.pread(self._fd, keep - begin, begin).rfind(b"\n")
            if place >= 0:
                keep = begin + place + 1
                break
            keep = begin
        if keep < size:
            if unended and is_object(os.pread(self._fd, size - keep, keep)):
                os.write(self._fd, b"\n")
                keep = size + 1
            else:
                os.ftruncate(self._fd, keep)
            os.fsync(self._fd)
        return keep

    def append(self, value: Mapping[str, Any]) -> None:
        """Write one JSON line; when this returns it is on disk.

        Raises:
            OutputError: the disk is full or gone; the line does not count as written.
        """
        self.append_lines([encode_line(value)])

    def append_lines(self, lines: Sequence[bytes]) -> None:
        """Write whole lines (each with its line break) and sync once; all count, or none.

        Raises:
            OutputError: the disk is full or gone; no line counts as written.
        """
        data = memoryview(b"".join(lines))
        total = len(data)
        try:
            while data:
                data = data[os.write(self._fd, data) :]
            if self._regular:
                os.fsync(self._fd)
        except OSError as error:
            self._take_back()
            raise OutputError(
                f"{self.path}: can't be written ({_reason(error)}).", "Is the disk full?"
            ) from error
        self._end += total

    def _take_back(self) -> None:
        """Cut off what a failed write left; should that fail too, the next start does it."""
        if self._regular:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._end)

    def lines(self) -> Iterator[bytes]:
        """All whole lines, without their line breaks, in order of their writing."""
        if not self._regular:
            return
        with self.path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield line[:-1]

    def rows(self) -> list[dict[str, Any]]:
        """All lines as JSON objects, in order of their writing."""
        return [row for _, row in _parsed(self.lines(), self.path)]

    def replace(self, lines: Iterable[bytes]) -> None:
        """Put other lines (without line breaks) in the file's place, all at once.

        A kill leaves either the old file or the new one, which has the old one's rights. A link
        stays, and what it leads to is replaced.

        Raises:
            OutputError: the new file can't be written; the old one stays.
        """
        target = Path(os.path.realpath(self.path))
        fresh = target.with_name(f".{target.name}.new")
        fd = -1
        try:
            fd = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | CLOEXEC, 0o666)
            self._lock(fd)
            _give_mode(fd, stat.S_IMODE(os.fstat(self._fd).st_mode))
            with os.fdopen(os.dup(fd), "wb") as file:
                for line in lines:
                    file.write(line + b"\n")
            os.fsync(fd)
            os.replace(fresh, target)
            _sync_folder(target.parent)
        except OSError as error:
            if fd >= 0:
                os.close(fd)
            with contextlib.suppress(OSError):
                fresh.unlink()
            raise OutputError(
                f"{self.path}: can't be rewritten ({_reason(error)}).", "Is the disk full?"
            ) from error
        os.close(self._fd)
        self._fd, self._end = fd, os.fstat(fd).st_size

    def close(self) -> None:
        """Give the file back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def encode_line(value: Mapping[str, Any]) -> bytes:
    """A JSON object as one line, with its line break."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace") + b"\n"


def read_journal(path: Path) -> list[dict[str, Any]]:
    """The lines of a file as JSON objects, a torn last one left out.

    Raises:
        DataError: the file can't be opened, or a whole line is no JSON object.
    """
    return [row for _, row in iter_journal(path)]


def iter_journal(path: Path, *, unended: bool = False) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line numbers (1-based) and JSON objects of a file, one at a time; see `read_journal`.

    Args:
        path: the file.
        unended: give a last line without a line break, too, where it is a whole JSON object. Who
            goes on with a journal must not count it, since it is cut off and written again; who
            reads a file that an editor or another program has made must.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: can't be opened.", "Check the name.") from error
    with file:
        lines = (
            line.removesuffix(b"\n")
            for line in file
            if line.endswith(b"\n") or (unended and is_object(line))
        )
        yield from _parsed(lines, path)


def is_object(line: bytes) -> bool:
    """Whether a line is a whole JSON object; a torn one lacks its last brace."""
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _parsed(lines: Iterable[bytes], path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value: Any = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}, line {number}: damaged.", "Delete that line.") from error
        if not isinstance(value, dict):
            raise DataError(f"{path}, line {number}: not a JSON object.", "Delete that line.")
        yield number, value


def _same_file(fd: int, path: Path) -> bool:
    ours = os.fstat(fd)
    try:
        theirs = path.stat()
    except FileNotFoundError:
        return False
    return (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino)


def _sync_folder(folder: Path) -> None:
    """Make a new name last; where a folder can't be synced, the system does it in its own time."""
    with contextlib.suppress(OSError):
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _give_mode(fd: int, mode: int) -> None:
    """Set a file's rights, where the system and the disk have such."""
    if hasattr(os, "fchmod"):
        with contextlib.suppress(OSError):
            os.fchmod(fd, mode)


def _reason(error: OSError) -> str:
    return (error.strerror or "unknown reason").lower()
