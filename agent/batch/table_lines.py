"""Tables of questions: rows of CSV, TSV and Parquet as lines."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from typing import IO, Any

from ...tools.errors import DataError, MissingDependency
from .line import MAX_LINE, BadLine, BatchLine, parse_fields

_ROWS, _ROWS_OF_PICTURES = 1024, 32
"""Rows of a Parquet table that are taken at a time; fewer where pictures stand in them."""


def csv_lines(file: IO[bytes], name: str, separator: str) -> Iterator[BatchLine | BadLine]:
    """The rows of a CSV table; one that can't be read is a bad line.

    Raises:
        DataError: no table, or one that lacks a column.
    """
    # A cell may hold a picture (`data:`). The limit is the whole process's, so it is only raised.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE))
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")
    reader = csv.DictReader(text, delimiter=separator, restkey="")
    try:
        _check_columns(reader.fieldnames or (), name)
    except csv.Error as error:
        raise DataError(f"{name}: not a CSV table that can be read.") from error
    number = 0
    while True:
        number += 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield BadLine(number, None, "unreadable", f"line {number}: the row can't be read.")
            continue
        raw = json.dumps(row, sort_keys=True).encode()
        yield parse_fields(number, table_fields(row), raw)


def parquet_lines(file: IO[bytes], name: str) -> Iterator[BatchLine | BadLine]:
    """The rows of a Parquet table; of its columns only those of a line are read.

    Raises:
        MissingDependency: pyarrow is not installed.
        DataError: no table, one that lacks a column, or one that is damaged from some row on.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingDependency(
            "Parquet needs pyarrow.", "pip install 'gemvg-agent[table]'"
        ) from error
    number = 0
    try:
        table: Any = pq.ParquetFile(file)
        schema: Any = table.schema_arrow
        _check_columns(schema.names, name)
        used = {field.name: str(field.type) for field in schema if _is_used(field.name)}
        rows = _ROWS_OF_PICTURES if any("binary" in kind for kind in used.values()) else _ROWS
        for batch in table.iter_batches(rows, columns=list(used)):
            for row in _rows(batch):
                number += 1
                raw = json.dumps(row, sort_keys=True, default=_told).encode()
                yield parse_fields(number, table_fields(row), raw)
    except (pa.ArrowException, OSError) as error:
        what = f"damaged after row {number}" if number else "not a Parquet table that can be read"
        raise DataError(f"{name}: {what}.", "Is the file whole?") from error


def _rows(batch: Any) -> list[dict[str, Any]]:
    """The rows of a record batch; a cell that Python can't hold is None."""
    try:
        return batch.to_pylist()
    except (ValueError, TypeError, ArithmeticError):
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    return [
        {name: _cell(column, at) for name, column in columns.items()}
        for at in range(batch.num_rows)
    ]


def _cell(column: Any, at: int) -> Any:
    try:
        return column[at].as_py()
    except (ValueError, TypeError, ArithmeticError):
        return None


def _told(value: Any) -> str:
    """What JSON does not know, for a row's digest."""
    return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else str(value)


def _check_columns(names: Any, table: str) -> None:
    for column in ("custom_id", "query"):
        if column not in names:
            raise DataError(
                f"{table}: the table has no column {column}.",
                "Columns are custom_id, query, and images (or image, image_1, image_2, ...).",
            )


def _is_used(name: str) -> bool:
    return name in ("custom_id", "query", "images") or _place(name) is not None


def _place(column: str) -> int | None:
    """Which picture a column `image` or `image_N` holds; None where it is no such column."""
    if column == "image":
        return 0
    number = column.removeprefix("image_")
    return int(number) if number != column and number.isdecimal() and len(number) < 10 else None


def table_fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """A table's row as a line's fields.

    Pictures stand in a column `images` (a list; or text: a JSON list, or names with `|` between
    them), or in columns `image`, `image_1`, `image_2` and so on. What can't be a picture stays as
    it is, so that the line is refused rather than asked with fewer pictures.
    """
    fields = dict(row)
    images = fields.get("images")
    if isinstance(images, str):
        fields["images"] = _names_in(images)
    elif images is None:
        numbered = [(place, row[column]) for column in row if (place := _place(column)) is not None]
        numbered.sort(key=lambda pair: pair[0])
        names = [_name_of(value) for _, value in numbered]
        fields["images"] = [name for name in names if name not in (None, "")]
    elif isinstance(images, list):
        fields["images"] = [_name_of(value) for value in images]
    else:
        fields["images"] = _name_of(images)
    return fields


def _name_of(value: Any) -> Any:
    """A cell's picture by its name; its bytes, bare or in the form of Hugging Face, as an address.

    That form is `{"bytes": ..., "path": ...}`, either of which may be None.
    """
    if isinstance(value, Mapping):
        data, path = value.get("bytes"), value.get("path")
        value = data if isinstance(data, bytes) else path
    if isinstance(value, bytes):
        return f"data:;base64,{base64.b64encode(value).decode()}"
    return value


def _names_in(text: str) -> list[Any]:
    if text.lstrip().startswith("["):
        try:
            listed = json.loads(text)
        except (ValueError, RecursionError):
            listed = None
        if isinstance(listed, list):
            return listed
    return [name.strip() for name in text.split("|") if name.strip()]
