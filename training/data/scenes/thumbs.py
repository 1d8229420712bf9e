"""Photographs kept small and raw in one file: a background costs a read, not a decode.

Read with ordinary reads rather than mapped, so that a worker's memory stays flat.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from ....tools.errors import ImageError
from ..record import Record
from ..shots import Pixels

LONGEST = 480
"""Longest side of a kept photograph, pixels."""

MOST = 1500
"""Most photographs kept of one source."""


def write_thumbs(
    path: Path, records: Iterable[tuple[int, Record]], load: Callable[[Record], Pixels]
) -> int:
    """Write small versions of photographs (damaged ones are left out); returns how many."""
    import cv2

    places: dict[str, tuple[int, int, int]] = {}
    offset = 0
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        for key, record in records:
            try:
                pixels = load(record)
            except ImageError:
                continue
            height, width = pixels.shape[:2]
            scale = min(1.0, LONGEST / max(height, width))
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
            file.write(small.tobytes())
            places[str(key)] = (offset, small.shape[0], small.shape[1])
            offset += small.size
    # The places first: a start that finds the pictures takes it that both are there.
    path.with_suffix(".json").write_text(json.dumps(places))
    temporary.replace(path)
    return len(places)


class Thumbs:
    """Reads what `write_thumbs` wrote."""

    def __init__(self, path: Path) -> None:
        places: dict[str, list[int]] = json.loads(path.with_suffix(".json").read_text())
        self._places = {int(key): tuple(place) for key, place in places.items()}
        self._file = path.open("rb")

    @property
    def keys(self) -> tuple[int, ...]:
        """Numbers of the records that are kept, in file order."""
        return tuple(self._places)

    def load(self, key: int) -> Pixels:
        """The small picture of a record."""
        offset, height, width = self._places[key]
        self._file.seek(offset)
        data = self._file.read(height * width * 3)
        return np.frombuffer(data, dtype=np.uint8).reshape(height, width, 3)
