"""Object pictures made by code: coloured shapes, for machines that have no others and for tests."""

from __future__ import annotations

from functools import lru_cache
from random import Random

import numpy as np
from numpy.typing import NDArray

from ..data.scenes.sprites import Sprite, tight

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 40, 40),
    "orange": (244, 140, 20),
    "yellow": (250, 218, 40),
    "green": (46, 160, 67),
    "blue": (40, 90, 220),
    "purple": (140, 60, 180),
    "black": (25, 25, 28),
    "white": (245, 245, 245),
}
SHAPES = ("disc", "square", "triangle", "diamond", "cross", "ring", "star", "moon")
SIDE = 96
LICENCE = "Apache-2.0"


class ShapePictures:
    """Eight shapes in eight colours; one picture a label, edges smoothed."""

    @property
    def name(self) -> str:
        """See `SpriteLibrary.name`."""
        return "shapes"

    @property
    def labels(self) -> tuple[str, ...]:
        """See `SpriteLibrary.labels`."""
        return tuple(f"{colour} {shape}" for shape in SHAPES for colour in COLOURS)

    def sprite(self, label: str, rng: Random, other_than: str | None = None) -> Sprite | None:
        """See `SpriteLibrary.sprite`; there is one picture a label."""
        if label not in self.labels or other_than == f"shape:{label}":
            return None
        return Sprite(label, f"shape:{label}", shape_pixels(label), LICENCE)


@lru_cache(maxsize=len(COLOURS) * len(SHAPES))
def shape_pixels(label: str) -> NDArray[np.uint8]:
    """(h, w, 4) uint8 of a label, tight, with a darker rim."""
    import cv2

    colour, shape = label.split()
    whole = _mask(shape, 4 * SIDE)
    inner = cv2.erode(whole, np.ones((25, 25), np.uint8))
    red, green, blue = COLOURS[colour]
    paint = np.where(
        inner[..., None] > 0, (red, green, blue), (red * 0.6, green * 0.6, blue * 0.6)
    ).astype(np.uint8)
    large = np.dstack([paint, whole])
    small = np.asarray(cv2.resize(large, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    cut = tight(small, SIDE)
    return small if cut is None else cut


def _mask(shape: str, side: int) -> NDArray[np.uint8]:
    """255 where the shape is, (side, side)."""
    import cv2

    mask = np.zeros((side, side), np.uint8)
    middle, radius = side // 2, int(side * 0.46)
    if shape in ("disc", "ring", "moon"):
        cv2.circle(mask, (middle, middle), radius, (255,), -1)
        if shape == "ring":
            cv2.circle(mask, (middle, middle), radius // 2, (0,), -1)
        if shape == "moon":
            cv2.circle(mask, (middle + radius // 2, middle), int(radius * 0.8), (0,), -1)
        return mask
    if shape == "square":
        edge = int(radius * 0.85)
        mask[middle - edge : middle + edge, middle - edge : middle + edge] = 255
        return mask
    if shape == "cross":
        arm = radius // 3
        mask[middle - arm : middle + arm, middle - radius : middle + radius] = 255
        mask[middle - radius : middle + radius, middle - arm : middle + arm] = 255
        return mask
    corners = {"triangle": 3, "diamond": 4, "star": 10}[shape]
    turns = np.arange(corners) * (2 * np.pi / corners) - np.pi / 2
    reach = np.where(np.arange(corners) % 2, 0.45, 1.0) if shape == "star" else np.ones(corners)
    points = np.stack([np.cos(turns) * reach, np.sin(turns) * reach], axis=1) * radius + middle
    cv2.fillPoly(mask, [points.astype(np.int32)], (255,))
    return mask
