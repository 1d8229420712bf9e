"""Records on disk, found by number: memory stays the same however large a source is.

One SQLite file per source: the records as JSON, and the postings (which record has how many of
which label). Workers open it read-only and keep only the postings and a few records in memory.
"""

from __future__ import annotations

import json
import sqlite3
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...tools.errors import DataError
from .record import Record

_SCHEMA = """
CREATE TABLE records (id INTEGER PRIMARY KEY, unit TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE postings (label TEXT NOT NULL, record INTEGER NOT NULL, number INTEGER NOT NULL);
CREATE TABLE groups (name TEXT NOT NULL, record INTEGER NOT NULL);
"""


def write_store(path: Path, records: Iterable[Record]) -> int:
    """Write records to a new store; returns how many. A half-written store is never left behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.unlink(missing_ok=True)
    connection = sqlite3.connect(temporary)
    try:
        connection.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;" + _SCHEMA)
        number = 0
        for number, record in enumerate(records, 1):
            key = number - 1
            body = json.dumps(record.to_json(), ensure_ascii=False, separators=(",", ":"))
            connection.execute("INSERT INTO records VALUES (?, ?, ?)", (key, record.unit, body))
            connection.executemany(
                "INSERT INTO postings VALUES (?, ?, ?)",
                [(label, key, len(record.of(label))) for label in sorted(record.labels)],
            )
            if record.group is not None:
                connection.execute("INSERT INTO groups VALUES (?, ?)", (record.group, key))
        connection.commit()
    finally:
        connection.close()
    temporary.replace(path)
    return number


class Store:
    """Reads a store; one instance per process.

    Args:
        path: made by `write_store`.
        cached: records kept decoded.
    """

    def __init__(self, path: Path, cached: int = 2000) -> None:
        if not path.is_file():
            raise DataError(f"{path.name}: no such store.", "Build again.")
        # As a URI with its escapes: a folder's name may hold `#`, `?` or `%`.
        self._connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        self._cached = cached
        self._cache: OrderedDict[int, Record] = OrderedDict()
        self.postings: dict[str, NDArray[np.int32]] = self._load_postings()
        self.groups: dict[str, NDArray[np.int32]] = self._load_groups()
        self.size: int = self._connection.execute("SELECT COUNT(*) FROM records").fetchone()[0]

    def _load_postings(self) -> dict[str, NDArray[np.int32]]:
        """Label to an array (n, 2): record number, how many."""
        found: dict[str, list[tuple[int, int]]] = {}
        query = "SELECT label, record, number FROM postings ORDER BY label, record"
        for label, record, number in self._connection.execute(query):
            found.setdefault(label, []).append((record, number))
        return {label: np.asarray(rows, dtype=np.int32) for label, rows in found.items()}

    def _load_groups(self) -> dict[str, NDArray[np.int32]]:
        """Group to the numbers of its records, in reading order."""
        found: dict[str, list[int]] = {}
        for name, record in self._connection.execute(
            "SELECT name, record FROM groups ORDER BY name, record"
        ):
            found.setdefault(name, []).append(record)
        return {name: np.asarray(rows, dtype=np.int32) for name, rows in found.items()}

    def units(self) -> list[str]:
        """What each record must not be parted from (`Record.unit`)."""
        rows = self._connection.execute("SELECT unit FROM records ORDER BY id")
        return [unit for (unit,) in rows]

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels, sorted."""
        return tuple(sorted(self.postings))

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, key: int) -> Record:
        """The record of a number. Raises KeyError where there is none."""
        kept = self._cache.get(key)
        if kept is not None:
            self._cache.move_to_end(key)
            return kept
        row = self._connection.execute("SELECT body FROM records WHERE id=?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        record = Record.from_json(json.loads(row[0]))
        self._cache[key] = record
        if len(self._cache) > self._cached:
            self._cache.popitem(last=False)
        return record

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()
