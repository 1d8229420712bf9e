"""Looking at the same picture again: crops, zooms, tilts, as 3 x 3 maps, and what they do."""

from __future__ import annotations

from random import Random

import numpy as np
from numpy.typing import NDArray

from ....tools.boxes import Box
from ..masks import Mask, box_of
from ..record import Instance
from ..shots import Pixels, Shot

Matrix = NDArray[np.float64]
"""3 x 3, from coordinates of the first view to those of the second, as boxes have them: a picture's
first pixel spans 0 to 1, its middle is 0.5."""


def random_view(
    rng: Random, size: tuple[int, int], zoom: tuple[float, float], tilt: float
) -> Matrix:
    """A view of a picture of the same size: a window of 1/zoom of it, its corners moved.

    Args:
        rng: decides.
        size: (width, height) of both views.
        zoom: least and greatest magnification; 1 shows all.
        tilt: how far each corner may move, as a share of the window's side.
    """
    import cv2

    width, height = size
    factor = rng.uniform(*zoom)
    w, h = width / factor, height / factor
    x, y = rng.uniform(0, width - w), rng.uniform(0, height - h)
    source = np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]], dtype=np.float32)
    for corner in source:
        corner += [rng.uniform(-tilt, tilt) * w, rng.uniform(-tilt, tilt) * h]
    source[:, 0] = np.clip(source[:, 0], 0, width)
    source[:, 1] = np.clip(source[:, 1], 0, height)
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    return np.asarray(cv2.getPerspectiveTransform(source, target), np.float64)


def _between_middles(matrix: Matrix) -> Matrix:
    """The same map for OpenCV, which says 0 for the middle of the first pixel."""
    back, forth = np.eye(3), np.eye(3)
    back[:2, 2], forth[:2, 2] = -0.5, 0.5
    return back @ matrix @ forth


def warp(pixels: Pixels, matrix: Matrix, size: tuple[int, int]) -> Pixels:
    """The picture seen through a map."""
    import cv2

    out = cv2.warpPerspective(
        pixels, _between_middles(matrix), size,
        flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    return np.asarray(out, np.uint8)


def warp_mask(mask: Mask, matrix: Matrix, size: tuple[int, int]) -> Mask:
    """A mask seen through a map; a pixel belongs where half or more of it does."""
    import cv2

    solid = mask.astype(np.uint8) * 255
    out = cv2.warpPerspective(solid, _between_middles(matrix), size, flags=cv2.INTER_LINEAR)
    return np.asarray(out) >= 128


def visible_share(mask: Mask, matrix: Matrix, size: tuple[int, int]) -> float:
    """How much of a mask stays in the picture, 0 to 1, by where its pixels' middles go."""
    rows, columns = np.nonzero(mask)
    if rows.size == 0:
        return 0.0
    step = max(1, rows.size // 2000)
    points = np.stack([columns[::step] + 0.5, rows[::step] + 0.5, np.ones(len(rows[::step]))])
    x, y, w = matrix @ points
    x, y = x / w, y / w
    return float(((x >= 0) & (x < size[0]) & (y >= 0) & (y < size[1]) & (w > 0)).mean())


def seen(
    shot: Shot, masks: list[Mask | None], matrix: Matrix, size: tuple[int, int]
) -> tuple[list[Instance], list[int], set[str]]:
    """The objects of a shot through a map.

    Returns:
        instances with exact boxes of what is seen of them, their indexes in the shot's record,
        and the labels of objects of which too little (or too small a part) is seen to be named.
    """
    from dataclasses import replace

    found: list[Instance] = []
    kept: list[int] = []
    unsure: set[str] = set()
    for index, (instance, mask) in enumerate(zip(shot.record.objects, masks, strict=True)):
        if mask is None:
            unsure.add(instance.label)
            continue
        share = visible_share(mask, matrix, size)
        box = box_of(warp_mask(mask, matrix, size)) if share > 0.0 else None
        if box is None:
            continue
        if share < 0.5 or min(box.width, box.height) < 10:
            unsure.add(instance.label)
            continue
        found.append(replace(instance, box=box, shape=None))
        kept.append(index)
    return found, kept, unsure


def warp_box(box: Box, matrix: Matrix, size: tuple[int, int]) -> Box:
    """The box around a box's mapped corners, clipped; for places where nothing is left to see."""
    corners = np.array([[box.x1, box.y1, 1], [box.x2, box.y1, 1], [box.x2, box.y2, 1],
                        [box.x1, box.y2, 1]]).T  # fmt: skip
    x, y, w = matrix @ corners
    x, y = x / w, y / w
    return Box(float(x.min()), float(y.min()), float(x.max()), float(y.max())).clip(*size)
