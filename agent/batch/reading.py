"""A batch's input, line by line, whatever its shape and wherever it lies."""

from __future__ import annotations

import io
import os
import re
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ...tools.errors import DataError, GemvgError, MissingDependency
from .line import MAX_LINE, BadLine, BatchLine, parse_json_line
from .table_lines import csv_lines, parquet_lines

_REMOTE = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]+://")
_NO_FOLDER = ("/dev/", "/proc/")
"""Where the system names streams (`/dev/stdin`, a shell's `<(...)`): no pictures lie there."""

_BUFFER = 1 << 20


@dataclass(frozen=True, slots=True)
class BatchInput:
    """Where the questions come from.

    Attributes:
        name: a path, an address that fsspec opens (`s3://...`), or `-` for standard input.
        folder: what relative names of pictures are relative to; None where the input's own.
    """

    name: str
    folder: str | None = None

    @property
    def remote(self) -> bool:
        """Whether fsspec opens it."""
        return is_remote(self.name)

    @property
    def base(self) -> str:
        """The folder that pictures' names are relative to."""
        if self.folder is not None:
            return self.folder
        if self.name == "-" or self.name.startswith(_NO_FOLDER):
            return "."
        if self.remote:
            return self.name.rsplit("/", 1)[0]
        return os.path.dirname(self.name) or "."

    @property
    def stream(self) -> bool:
        """Whether it is a pipe or the like: what is read of it once is gone, opening may wait."""
        if self.name == "-":
            return True
        try:
            mode = os.stat(self.name).st_mode
        except (OSError, ValueError):
            return False  # an address, or no file: opening it says what is wrong
        return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))

    def check(self) -> None:
        """Raise DataError where the input can't be opened; a stream is left alone."""
        if not self.stream:
            self._open().close()

    def lines(self) -> Iterator[BatchLine | BadLine]:
        """Every line in order, empty ones left out.

        Raises:
            DataError: the input can't be opened or read, or a table lacks a column.
        """
        kind = self.name.lower().rsplit(".", 1)[-1]
        with self._open() as file:
            if kind in ("parquet", "pq"):
                yield from parquet_lines(file, self.name)
                return
            try:
                if kind in ("csv", "tsv"):
                    yield from csv_lines(file, self.name, "\t" if kind == "tsv" else ",")
                else:
                    yield from _json_lines(file)
            except GemvgError:
                raise
            except Exception as error:
                if not (self.remote or isinstance(error, OSError)):
                    raise
                what = f"{self.name}: reading failed in the middle."
                raise DataError(what, "Is the disk there?") from error

    def count(self) -> int | None:
        """About how many lines there are, for a progress bar; None where that takes reading all."""
        kind = self.name.lower().rsplit(".", 1)[-1]
        if self.stream or self.remote or kind in ("parquet", "pq"):
            return None
        header = 1 if kind in ("csv", "tsv") else 0
        with self._open() as file:
            breaks = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
        return max(0, breaks - header)

    def _open(self) -> IO[bytes]:
        if self.name == "-":
            return _unclosed_stdin()
        if self.remote:
            return open_remote(self.name)
        try:
            return open(self.name, "rb")
        except FileNotFoundError:
            raise DataError(f"{self.name}: no such file.", "Check the name.") from None
        except OSError as error:
            raise DataError(f"{self.name}: can't be opened.", "Check its rights.") from error


def is_remote(name: str) -> bool:
    """Whether a name is an address (`s3://bucket/key`) and no path of this machine."""
    return _REMOTE.match(name) is not None


def open_remote(address: str) -> IO[bytes]:
    """A file of an object store, opened for reading through fsspec.

    Raises:
        MissingDependency: fsspec, or its driver for this store, is not installed.
        DataError: it can't be opened.
    """
    try:
        from fsspec.core import url_to_fs

        filesystem, path = url_to_fs(address)
        file: Any = filesystem.open(path, "rb")
        # fsspec's own files can't read a line of bounded length.
        return io.BufferedReader(file, _BUFFER)
    except ImportError as error:
        scheme = address.split(":", 1)[0]
        raise MissingDependency(
            f"{scheme}:// needs fsspec and its driver for it.", "pip install 'gemvg-agent[table]'"
        ) from error
    except Exception as error:
        # A store's driver has errors of its own, such as where it finds no credentials.
        raise DataError(f"{address}: can't be opened.", "Check the address and rights.") from error


def _unclosed_stdin() -> IO[bytes]:
    return os.fdopen(os.dup(sys.stdin.fileno()), "rb")


def _json_lines(file: IO[bytes]) -> Iterator[BatchLine | BadLine]:
    number = 0
    while raw := file.readline(MAX_LINE + 1):
        number += 1
        if number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        if len(raw) > MAX_LINE:
            while raw and not raw.endswith(b"\n"):
                raw = file.readline(MAX_LINE + 1)
            yield BadLine(number, None, "too long", f"line {number}: longer than {MAX_LINE} bytes.")
        elif raw.strip():
            yield parse_json_line(number, raw.strip())


def local_path(base: str, name: str) -> Path:
    """A picture's name as a path of this machine."""
    return Path(base) / name
