"""Grey working rasters of picture windows, with the exact map back to picture pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..boxes import Box
from ..errors import MissingDependency
from ..images import Picture
from ..views import render_window

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Matrix = NDArray[np.float64]
"""A 3 x 3 map of homogeneous points in continuous coordinates (a pixel's middle is at .5)."""


@dataclass(frozen=True, slots=True)
class Raster:
    """A window of a picture at a working size.

    Attributes:
        rgb: (height, width, 3) uint8.
        grey: (height, width) uint8.
        window: what it shows, picture pixels.
        key: the picture's digest, the window and the size: equal keys mean equal pixels.
    """

    rgb: Bytes
    grey: Bytes
    window: Box
    key: tuple[str, Box, int, int]

    @property
    def width(self) -> int:
        """Pixels."""
        return self.grey.shape[1]

    @property
    def height(self) -> int:
        """Pixels."""
        return self.grey.shape[0]

    def to_picture(self) -> Matrix:
        """The map from this raster to picture pixels."""
        sx, sy = self.window.width / self.width, self.window.height / self.height
        return np.array([[sx, 0.0, self.window.x1], [0.0, sy, self.window.y1], [0.0, 0.0, 1.0]])


def make_raster(picture: Picture, window: Box, max_side: int) -> Raster:
    """A window of a picture at its own resolution, reduced where a side exceeds `max_side`.

    Raises:
        ImageError: the picture turns out damaged. MissingDependency: no OpenCV.
    """
    cv2 = require_cv2()
    factor = min(1.0, max_side / max(window.width, window.height))
    size = (max(1, round(window.width * factor)), max(1, round(window.height * factor)))
    rgb = np.asarray(render_window(picture.pixels, window, size))
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return Raster(rgb, grey, window, (picture.digest, window, *size))


def require_cv2() -> Any:
    """OpenCV.

    Raises:
        MissingDependency: it is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise MissingDependency(
            "matching needs OpenCV.", "pip install 'gemvg-agent[local]'"
        ) from error
    return cv2


_HALF = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])
_MINUS_HALF = np.array([[1.0, 0.0, -0.5], [0.0, 1.0, -0.5], [0.0, 0.0, 1.0]])


def centred(matrix: Matrix) -> Matrix:
    """The same map for OpenCV's coordinates, where a pixel's middle is a whole number."""
    return _MINUS_HALF @ matrix @ _HALF


def uncentred(matrix: Matrix) -> Matrix:
    """The inverse of `centred`."""
    return _HALF @ matrix @ _MINUS_HALF


def map_points(matrix: Matrix, points: NDArray[np.floating]) -> Matrix:
    """Points (n, 2) through a 3 x 3 map; points at infinity come out as NaN."""
    homogeneous = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    with np.errstate(divide="ignore", invalid="ignore"):
        mapped = homogeneous[:, :2] / homogeneous[:, 2:]
    mapped[homogeneous[:, 2] <= 1e-9] = np.nan
    return mapped


def map_box(matrix: Matrix, box: Box) -> Box:
    """The upright box around a mapped box; NaN coordinates where a corner goes to infinity."""
    corners = np.array(
        [[box.x1, box.y1], [box.x2, box.y1], [box.x2, box.y2], [box.x1, box.y2]], dtype=np.float64
    )
    mapped = map_points(matrix, corners)
    low, high = mapped.min(axis=0), mapped.max(axis=0)
    return Box(float(low[0]), float(low[1]), float(high[0]), float(high[1]))
