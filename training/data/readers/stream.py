"""Reading JSON files that are larger than memory: one element of a top-level array at a time."""

from __future__ import annotations

import json
import re
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from ....tools.errors import DataError

_CHUNK = 1 << 20
_SPACE = " \t\r\n"
_HALF = re.compile("[\ud800-\udfff]")
_HALF_ESCAPED = re.compile(r"\\u[dD][89a-fA-F]")


def well_formed(value: Any) -> Any:
    """JSON data without halves of characters (cut surrogate pairs), which no file can hold."""
    if isinstance(value, str):
        return _HALF.sub("", value)
    if isinstance(value, list):
        return [well_formed(part) for part in value]
    if isinstance(value, dict):
        return {well_formed(key): well_formed(part) for key, part in value.items()}
    return value


class _Scanner:
    """A window over a text file that grows when a value is not whole yet."""

    def __init__(self, file: TextIO, name: str) -> None:
        self._file = file
        self.name = name
        self._buffer = ""
        self._position = 0
        self._decoder = json.JSONDecoder()

    def _more(self) -> bool:
        # As much again as is held, so that a long value is not rescanned once a chunk.
        held = len(self._buffer) - self._position
        text = self._file.read(max(_CHUNK, held))
        self._buffer = self._buffer[self._position :] + text
        self._position = 0
        return bool(text)

    def peek(self) -> str:
        """The next character that is no white space; empty at the end of the file."""
        while True:
            while self._position < len(self._buffer):
                if self._buffer[self._position] not in _SPACE:
                    return self._buffer[self._position]
                self._position += 1
            if not self._more():
                return ""

    def expect(self, characters: str) -> str:
        """Take one of these characters. Raises DataError for another."""
        found = self.peek()
        if not found or found not in characters:
            raise DataError(f"{self.name}: not the JSON that was expected.")
        self._position += 1
        return found

    def value(self) -> Any:
        """Take one whole JSON value."""
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._position)
                if _HALF_ESCAPED.search(self._buffer, self._position, end):
                    value = well_formed(value)
            except json.JSONDecodeError as error:
                if not self._more():
                    raise DataError(f"{self.name}: damaged or cut JSON.") from error
                continue
            except (RecursionError, ValueError) as error:
                # Nested without end, or a number of thousands of digits.
                raise DataError(f"{self.name}: damaged or cut JSON.") from error
            if end == len(self._buffer) and not isinstance(value, str | list | dict):
                # A number at the end of the window may go on behind it.
                if self._more():
                    continue
                end = len(self._buffer)
            self._position = end
            return value


def stream_arrays(path: Path, wanted: frozenset[str]) -> Iterator[tuple[str, Any]]:
    """(key, element) of the named top-level arrays of a JSON object, in file order.

    A file whose top level is an array yields its elements under the key `""`.

    Raises:
        DataError: the file is missing or not such JSON.
    """
    try:
        # Some systems write a mark before the text.
        with path.open(encoding="utf-8-sig") as file:
            yield from _walk(_Scanner(file, path.name), wanted)
    except UnicodeDecodeError as error:
        raise DataError(f"{path.name}: not UTF-8 text.") from error
    except OSError as error:
        raise DataError(f"{path}: can't be opened.", "Check the path in the recipe.") from error


def _walk(scanner: _Scanner, wanted: frozenset[str]) -> Iterator[tuple[str, Any]]:
    if scanner.peek() == "[":
        for element in _elements(scanner):
            yield "", element
        return
    scanner.expect("{")
    while scanner.peek() != "}":
        key = scanner.value()
        if not isinstance(key, str):
            raise DataError(f"{scanner.name}: not the JSON that was expected.")
        scanner.expect(":")
        if scanner.peek() == "[":
            for element in _elements(scanner):
                if key in wanted:
                    yield key, element
        else:
            scanner.value()
        if scanner.expect(",}") == "}":
            return
    scanner.expect("}")


def _elements(scanner: _Scanner) -> Iterator[Any]:
    scanner.expect("[")
    if scanner.peek() == "]":
        scanner.expect("]")
        return
    while True:
        yield scanner.value()
        if scanner.expect(",]") == "]":
            return


class Grouped:
    """Elements kept on disk by a key, so that those of one picture come together.

    Use as a context manager; the temporary file goes with it.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="gemvg-group-")
        self._connection = sqlite3.connect(Path(self._folder.name) / "grouped.sqlite")
        self._connection.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
            "CREATE TABLE elements (key TEXT NOT NULL, body TEXT NOT NULL);"
        )

    def fill(self, pairs: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Keep elements under their keys."""
        self._connection.executemany(
            "INSERT INTO elements VALUES (?, ?)",
            ((key, json.dumps(body, separators=(",", ":"))) for key, body in pairs),
        )
        self._connection.execute("CREATE INDEX by_key ON elements (key)")

    def get(self, key: str) -> list[dict[str, Any]]:
        """The elements of a key, in the order in which they came."""
        rows = self._connection.execute(
            "SELECT body FROM elements WHERE key=? ORDER BY rowid", (key,)
        )
        return [json.loads(body) for (body,) in rows]

    def __enter__(self) -> Grouped:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()
        self._folder.cleanup()
