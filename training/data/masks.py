"""Masks from polygons and run lengths, boxes from masks. Masks are (height, width) bool arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...tools.boxes import Box
from .record import Polygons, Rle

Mask = NDArray[np.bool_]


def decode_rle(rle: Rle) -> Mask:
    """The mask of run lengths, (height, width).

    Raises:
        ValueError: the runs do not fill the picture exactly.
    """
    runs = np.asarray(rle.counts, dtype=np.int64)
    if runs.size == 0 or (runs < 0).any() or int(runs.sum()) != rle.height * rle.width:
        raise ValueError("run lengths do not fill the picture")
    values = np.zeros(runs.size, dtype=bool)
    values[1::2] = True
    return np.repeat(values, runs).reshape(rle.width, rle.height).T


def encode_rle(mask: Mask) -> Rle:
    """Run lengths of a mask (height, width)."""
    flat = np.ascontiguousarray(mask.T).reshape(-1)
    changes = np.flatnonzero(np.diff(flat)) + 1
    edges = np.concatenate(([0], changes, [flat.size]))
    runs = np.diff(edges).tolist()
    if flat.size and flat[0]:
        runs = [0, *runs]
    return Rle(mask.shape[0], mask.shape[1], tuple(int(r) for r in runs))


def decompress_counts(text: str) -> tuple[int, ...]:
    """Run lengths from COCO's compressed string (six bits a character, differences to the last
    but one run from the fourth on; source: the format that pycocotools writes).

    Raises:
        ValueError: a character outside the code, or a cut string.
    """
    counts: list[int] = []
    position = 0
    while position < len(text):
        value, shift, more = 0, 0, True
        while more:
            if position >= len(text):
                raise ValueError("cut run-length string")
            code = ord(text[position]) - 48
            if not 0 <= code < 64:
                raise ValueError("bad character in a run-length string")
            value |= (code & 0x1F) << shift
            more = bool(code & 0x20)
            position, shift = position + 1, shift + 5
            if not more and code & 0x10:
                value |= -1 << shift
        if len(counts) > 2:
            value += counts[-2]
        counts.append(value)
    return tuple(counts)


_FINE = 4
"""Cells a pixel is divided into, each way, to see how much of it an outline covers."""


def fill_polygons(polygons: Polygons, width: int, height: int) -> Mask:
    """The mask of polygons; a pixel belongs where the outlines cover half of it or more."""
    import cv2

    outlines = [np.asarray(p, dtype=np.float64).reshape(-1, 2) for p in polygons]
    points = np.concatenate(outlines)
    x1, y1 = np.clip(np.floor(points.min(axis=0)).astype(int), 0, (width, height))
    x2, y2 = np.clip(np.ceil(points.max(axis=0)).astype(int), 0, (width, height))
    mask = np.zeros((height, width), dtype=bool)
    if x2 <= x1 or y2 <= y1:
        return mask
    # OpenCV fills the pixels that an outline touches too, which is one too many on two sides; on
    # a finer raster of the outline's window that is a quarter of a pixel, and rounds away.
    fine = np.zeros(((y2 - y1) * _FINE, (x2 - x1) * _FINE), dtype=np.uint8)
    corners = [np.round((o - (x1, y1)) * _FINE - 0.5).astype(np.int32) for o in outlines]
    cv2.fillPoly(fine, corners, (255,))
    small = cv2.resize(fine, (int(x2 - x1), int(y2 - y1)), interpolation=cv2.INTER_AREA)
    mask[y1:y2, x1:x2] = np.asarray(small) >= 128
    return mask


def mask_of(shape: Polygons | Rle, width: int, height: int) -> Mask:
    """The mask of a shape, (height, width). Raises ValueError for broken run lengths."""
    if isinstance(shape, Rle):
        if (shape.width, shape.height) != (width, height):
            raise ValueError("the mask has another size than the picture")
        return decode_rle(shape)
    return fill_polygons(shape, width, height)


def box_of(mask: NDArray[Any]) -> Box | None:
    """The smallest box around the true pixels; None for an empty mask."""
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size == 0:
        return None
    columns = np.flatnonzero(mask.any(axis=0))
    return Box(float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))


def polygon_box(polygons: Polygons) -> Box:
    """The smallest box around the corners of polygons."""
    points = np.concatenate([np.asarray(p, dtype=np.float64).reshape(-1, 2) for p in polygons])
    (x1, y1), (x2, y2) = points.min(axis=0), points.max(axis=0)
    return Box(float(x1), float(y1), float(x2), float(y2))
