"""A batch's input, line by line, whatever its shape and wherever it lies."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ...tools.errors import DataError, MissingDependency
from .line import BadLine, BatchLine, parse_fields, parse_json_line, table_fields

MAX_LINE = 256 * 1024 * 1024
"""Bytes of one line; a longer one is an error and never held whole."""

_REMOTE = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]+://")
_PARQUET_ROWS = 1024


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
        if self.name == "-":
            return "."
        if self.remote:
            return self.name.rsplit("/", 1)[0]
        return os.path.dirname(self.name) or "."

    def check(self) -> None:
        """Raise DataError where the input can't be opened."""
        if self.name != "-":
            self._open().close()

    def lines(self) -> Iterator[BatchLine | BadLine]:
        """Every line in order, empty ones left out.

        Raises:
            DataError: the input can't be opened or read, or a table lacks a column.
        """
        kind = self.name.lower().rsplit(".", 1)[-1]
        with self._open() as file:
            if kind in ("parquet", "pq"):
                yield from _parquet_lines(file, self.name)
            elif kind in ("csv", "tsv"):
                yield from _csv_lines(file, self.name, "\t" if kind == "tsv" else ",")
            else:
                yield from _json_lines(file, self.name)

    def count(self) -> int | None:
        """About how many lines there are, for a progress bar; None where that takes reading all."""
        kind = self.name.lower().rsplit(".", 1)[-1]
        if self.name == "-" or self.remote or kind in ("parquet", "pq"):
            return None
        header = 1 if kind in ("csv", "tsv") else 0
        with self._open() as file:
            breaks = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
        return max(0, breaks - header)

    def _open(self) -> IO[bytes]:
        if self.name == "-":
            return _unclosed_stdin()
        if self.remote:
            return open_remote(self.name, "rb")
        try:
            return open(self.name, "rb")
        except FileNotFoundError:
            raise DataError(f"{self.name}: no such file.", "Check the name.") from None
        except OSError as error:
            raise DataError(f"{self.name}: can't be opened.", "Check its rights.") from error


def is_remote(name: str) -> bool:
    """Whether a name is an address (`s3://bucket/key`) and no path of this machine."""
    return _REMOTE.match(name) is not None


def open_remote(address: str, mode: str) -> IO[bytes]:
    """A file of an object store, opened through fsspec.

    Raises:
        MissingDependency: fsspec, or its driver for this store, is not installed.
        DataError: it can't be opened.
    """
    try:
        from fsspec.core import url_to_fs

        filesystem, path = url_to_fs(address)
        return filesystem.open(path, mode)
    except ImportError as error:
        scheme = address.split(":", 1)[0]
        raise MissingDependency(
            f"{scheme}:// needs fsspec and its driver for it.", "pip install 'gemvg-agent[table]'"
        ) from error
    except (OSError, ValueError) as error:
        raise DataError(f"{address}: can't be opened.", "Check the address and rights.") from error


def _unclosed_stdin() -> IO[bytes]:
    return os.fdopen(os.dup(sys.stdin.fileno()), "rb")


def _json_lines(file: IO[bytes], name: str) -> Iterator[BatchLine | BadLine]:
    number = 0
    while raw := _read_line(file, name):
        number += 1
        if number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        if len(raw) > MAX_LINE:
            while raw and not raw.endswith(b"\n"):
                raw = _read_line(file, name)
            yield BadLine(number, None, "too long", f"line {number}: longer than {MAX_LINE} bytes.")
        elif raw.strip():
            yield parse_json_line(number, raw.strip())


def _read_line(file: IO[bytes], name: str) -> bytes:
    try:
        return file.readline(MAX_LINE + 1)
    except OSError as error:
        raise DataError(f"{name}: reading failed in the middle.", "Is the disk there?") from error


def _csv_lines(file: IO[bytes], name: str, separator: str) -> Iterator[BatchLine | BadLine]:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")
    reader = csv.DictReader(text, delimiter=separator, restkey="")
    try:
        _check_columns(reader.fieldnames or (), name)
        for number, row in enumerate(reader, 1):
            raw = json.dumps(row, sort_keys=True).encode()
            yield parse_fields(number, table_fields(row), raw)
    except csv.Error as error:
        raise DataError(f"{name}: not a CSV table that can be read.") from error


def _parquet_lines(file: IO[bytes], name: str) -> Iterator[BatchLine | BadLine]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingDependency(
            "Parquet needs pyarrow.", "pip install 'gemvg-agent[table]'"
        ) from error
    try:
        table: Any = pq.ParquetFile(file)
        names = list(table.schema_arrow.names)
        _check_columns(names, name)
        number = 0
        for batch in table.iter_batches(_PARQUET_ROWS):
            for row in batch.to_pylist():
                number += 1
                raw = json.dumps(row, sort_keys=True, default=str).encode()
                yield parse_fields(number, table_fields(row), raw)
    except pa.ArrowInvalid as error:
        raise DataError(f"{name}: not a Parquet table that can be read.") from error


def _check_columns(names: Any, table: str) -> None:
    for column in ("custom_id", "query"):
        if column not in names:
            raise DataError(
                f"{table}: the table has no column {column}.",
                "Columns are custom_id, query, and images (or image, image_1, image_2, ...).",
            )


def local_path(base: str, name: str) -> Path:
    """A picture's name as a path of this machine."""
    return Path(base) / name
