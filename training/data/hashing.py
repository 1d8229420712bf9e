"""Pictures that look the same: 64-bit difference hashes and a search that is not quadratic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...tools.images import picture_from_path

NEAR = 6
"""Bits of 64 in which two hashes of one picture, saved again or scaled, may differ."""

PLAIN = 12
"""A hash with fewer set or unset bits than this is of a picture too plain to tell apart."""

_BANDS = 8


def picture_hash(path: Path) -> int | None:
    """The difference hash (dHash) of a picture: is each of 8 x 8 cells brighter than its left one.

    None for a picture too plain to be told from others. Raises ImageError for one that can't be
    read.
    """
    from PIL import Image

    grey = picture_from_path(path).pixels.convert("L")
    small = np.asarray(grey.resize((9, 8), Image.Resampling.BOX), dtype=np.int16)
    bits = (np.diff(small, axis=1) > 0).reshape(-1)
    if not PLAIN <= int(bits.sum()) <= 64 - PLAIN or float(small.std()) < 4.0:
        return None
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


ALIKE = 0.92
"""Least correlation of two small grey copies of one picture, saved again or scaled."""


def look_alike(first: Path, second: Path) -> bool:
    """A second look at a pair with near hashes: 64 bits meet by chance among many pictures."""
    a, b = (_thumbnail(path) for path in (first, second))
    return float((a * b).mean()) >= ALIKE


def _thumbnail(path: Path) -> NDArray[np.float64]:
    """24 x 24 grey cells, mean 0 and standard deviation 1."""
    from PIL import Image

    grey = picture_from_path(path).pixels.convert("L").resize((24, 24), Image.Resampling.BOX)
    cells = np.asarray(grey, dtype=np.float64)
    return (cells - cells.mean()) / max(float(cells.std()), 1e-6)


def near_pairs(
    first: Sequence[int], second: Sequence[int], most: int = NEAR
) -> Iterator[tuple[int, int, int]]:
    """(index in first, index in second, differing bits) of all pairs at most `most` bits apart.

    With fewer than 8 differing bits one of 8 bytes is the same, so only pairs that share a byte
    at its place are compared. Raises ValueError for a larger `most`.
    """
    if most >= _BANDS:
        raise ValueError(f"at most {_BANDS - 1} bits")
    if not first or not second:
        return
    left, right = np.asarray(first, dtype=np.uint64), np.asarray(second, dtype=np.uint64)
    right_bytes = _bytes(right)
    tables = [_table(right_bytes[:, band]) for band in range(_BANDS)]
    for i, value in enumerate(left):
        own = _bytes(left[i : i + 1])[0]
        near = np.unique(np.concatenate([tables[b].get(int(own[b]), _NONE) for b in range(_BANDS)]))
        distances = np.bitwise_count(right[near] ^ value)
        for j, distance in zip(near[distances <= most], distances[distances <= most], strict=True):
            yield i, int(j), int(distance)


_NONE: NDArray[np.intp] = np.empty(0, dtype=np.intp)


def _bytes(values: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """(n,) 64-bit numbers as (n, 8) bytes."""
    return values.astype(">u8").view(np.uint8).reshape(-1, 8)


def _table(column: NDArray[np.uint8]) -> dict[int, NDArray[np.intp]]:
    """Byte value to the rows that have it."""
    order = np.argsort(column, kind="stable")
    edges = np.searchsorted(column[order], np.arange(257))
    return {v: order[edges[v] : edges[v + 1]] for v in range(256) if edges[v] < edges[v + 1]}
