"""Rows of Parquet files as the Hugging Face hub publishes them, pictures left in the file."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...tools.errors import DataError, ImageError, MissingDependency
from ...tools.images import Picture, picture_from_bytes

_LOCK = threading.Lock()


@dataclass(frozen=True, slots=True)
class ParquetPicture:
    """A picture in a cell of a Parquet file; read when it is opened, never kept.

    Attributes:
        path: the file.
        group, row: row group, and row in it.
        column: its name.
        index: place in a list of pictures, or None where the cell is one picture.
    """

    path: str
    group: int
    row: int
    column: str
    index: int | None = None

    @property
    def name(self) -> str:
        """File, row and column."""
        place = "" if self.index is None else f"[{self.index}]"
        return f"{self.path}#{self.group}.{self.row}/{self.column}{place}"

    def open(self) -> Picture:
        """See `PictureSource.open`."""
        try:
            cell: Any = _cells(self.path, self.group, self.column)[self.row].as_py()
            if self.index is not None:
                cell = cell[self.index]
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise ImageError(
                f"{self.name}: the file can't be read.", "Was it moved, or written again?"
            ) from error
        data = cell.get("bytes") if isinstance(cell, Mapping) else cell
        if not isinstance(data, bytes):
            raise ImageError(f"{self.name}: the cell holds no picture.")
        return picture_from_bytes(data, self.name)


def _reader() -> Any:
    try:
        import pyarrow.parquet as reader
    except ImportError as error:
        raise MissingDependency(
            "Parquet files need pyarrow.", "pip install 'gemvg-agent[table]'"
        ) from error
    return reader


@lru_cache(maxsize=2)
def _cells(path: str, group: int, column: str) -> Any:
    """One column of one row group; the last two are kept, for neighbours are asked together."""
    # Two threads that miss together would hold the group twice.
    with _LOCK:
        return _reader().ParquetFile(path).read_row_group(group, columns=[column])[column]


def parquet_rows(path: Path, pictures: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """The rows of a file; picture cells become `ParquetPicture`, lists of them for list cells.

    Args:
        path: the file.
        pictures: names of columns that hold pictures; those that the file lacks are passed over.

    Raises:
        MissingDependency: pyarrow is not installed. DataError: not a Parquet file.
    """
    reader = _reader()
    try:
        file: Any = reader.ParquetFile(str(path))
        names = [str(n) for n in file.schema_arrow.names]
        held = [n for n in names if n in pictures]
        for group in range(file.num_row_groups):
            plain = file.read_row_group(group, columns=[n for n in names if n not in held])
            shapes = {n: _shape(file, group, n) for n in held}
            for row, values in enumerate(plain.to_pylist()):
                for name, lengths in shapes.items():
                    values[name] = _pictures(str(path), group, row, name, lengths[row])
                yield values
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a Parquet file that can be read.") from error


def _shape(file: Any, group: int, column: str) -> list[int | None]:
    """Per row: the number of pictures in a list cell, -1 for one picture, None for none."""
    import pyarrow as pa

    cells: Any = file.read_row_group(group, columns=[column])[column]
    if pa.types.is_list(cells.type) or pa.types.is_large_list(cells.type):
        return [None if c is None else int(c) for c in _lengths(cells)]
    return [None if missing else -1 for missing in cells.is_null().to_pylist()]


def _lengths(cells: Any) -> list[int | None]:
    import pyarrow.compute

    compute: Any = pyarrow.compute
    return compute.list_value_length(cells).to_pylist()


def _pictures(path: str, group: int, row: int, column: str, length: int | None) -> Any:
    if length is None:
        return None
    if length < 0:
        return ParquetPicture(path, group, row, column)
    return [ParquetPicture(path, group, row, column, k) for k in range(length)]
