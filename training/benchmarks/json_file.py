"""Reading the JSON files of benchmarks, with one-line errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from ...tools.errors import DataError

WRONG_FORM = (LookupError, TypeError, ValueError, AttributeError, OverflowError)
"""What data of another form than the published one leads to when it is read."""

Read = TypeVar("Read")


def each_row(
    rows: Iterable[Any], read: Callable[[Any], Read], wrong: Callable[[int, Exception], DataError]
) -> list[Read]:
    """What every row of a file holds.

    Args:
        rows: as they were parsed.
        read: takes one; what another form leads it to is `WRONG_FORM`.
        wrong: says of a row, counted from 1, that it has another form, and why.

    Raises:
        DataError: what `wrong` gives.
    """
    found: list[Read] = []
    for place, row in enumerate(rows, 1):
        try:
            found.append(read(row))
        except WRONG_FORM as error:
            raise wrong(place, error) from error
    return found


def read_json(path: Path) -> Any:
    """The value in a JSON file.

    Raises:
        DataError: it can't be opened, or is not JSON; the message names the file.
    """
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: the file can't be opened.") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not a JSON file.") from error


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """The objects in a JSON Lines file; blank lines are passed over.

    Raises:
        DataError: it can't be opened, or a line is no JSON object; names the file and the line.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise DataError(f"{path}: the file can't be opened.") from error
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row: Any = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}, line {number}: not JSON.") from error
        if not isinstance(row, dict):
            raise DataError(f"{path}, line {number}: not a JSON object.")
        rows.append(row)
    return rows
