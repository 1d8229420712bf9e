"""Tables: one row a box, and one row for a result without boxes."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ...tools.errors import MissingDependency
from ..batch.record import BatchRecord

COLUMNS: dict[str, str] = {
    "custom_id": "string",
    "query": "string",
    "status": "string",
    "image": "int32",
    "source": "string",
    "width": "int32",
    "height": "int32",
    "x1": "float64",
    "y1": "float64",
    "x2": "float64",
    "y2": "float64",
    "label": "string",
    "score": "float64",
    "score_kind": "string",
    "text": "string",
}
"""Columns and their Arrow types. Those of a box are empty in the row of a result without boxes."""

_ROWS = 4096

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def rows_of(records: Iterable[BatchRecord]) -> Iterator[dict[str, Any]]:
    """The rows of the table."""
    for record in records:
        sizes = {image.index: image for image in record.images}
        head = {"custom_id": record.custom_id, "query": record.query, "status": record.status}
        if not record.answer:
            yield {**head, "text": record.text}
        for box in record.answer:
            x1, y1, x2, y2 = box.box
            image = sizes[box.image]
            yield {
                **head,
                "image": box.image,
                "source": image.source,
                "width": image.width,
                "height": image.height,
                "x1": x1,
                "y1": y1,
                "x2": x2,
                "y2": y2,
                "label": box.label,
                "score": box.score,
                "score_kind": box.score_kind,
                "text": record.text,
            }


def write_csv(records: Iterable[BatchRecord], target: Path) -> None:
    """A CSV table in UTF-8; what is not there is an empty cell.

    A label or text that a spreadsheet would take for a formula gets an apostrophe before it, since
    a model may have written it.
    """
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(COLUMNS), restval="")
        writer.writeheader()
        for row in rows_of(records):
            for name in ("label", "text"):
                value = row.get(name)
                if isinstance(value, str) and value.startswith(_FORMULA):
                    row[name] = f"'{value}"
            writer.writerow(row)


def write_parquet(records: Iterable[BatchRecord], target: Path) -> None:
    """A Parquet table with the same columns; what is not there is null.

    Raises:
        MissingDependency: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingDependency(
            "Parquet needs pyarrow.", "pip install 'gemvg-agent[table]'"
        ) from error
    schema: Any = pa.schema([(n, getattr(pa, kind)()) for n, kind in COLUMNS.items()])
    rows = rows_of(records)
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        while part := list(islice(rows, _ROWS)):
            writer.write_table(pa.Table.from_pylist(part, schema=schema))
