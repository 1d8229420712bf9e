"""Scenes into a network's input raster and boxes back, exactly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..boxes import Box
from ..geometry import Floats
from .protocol import Scene

GREY = 114
"""Value of the padding; what the YOLO family is trained with."""


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How one window lies in the network's input.

    Attributes:
        content: (width, height) of the resampled window, input pixels.
        padded: (width, height) of the input, multiples of the stride.
        offset: (x, y) of the content's corner in the input.
    """

    content: tuple[int, int]
    padded: tuple[int, int]
    offset: tuple[int, int]

    @classmethod
    def fit(cls, width: float, height: float, side: int, stride: int) -> Letterbox:
        """A window of width x height with its longer side at `side`, padded to the stride."""
        scale = side / max(width, height)
        content = max(1, round(width * scale)), max(1, round(height * scale))
        padded = tuple(math.ceil(v / stride) * stride for v in content)
        return cls(
            content,
            (padded[0], padded[1]),
            ((padded[0] - content[0]) // 2, (padded[1] - content[1]) // 2),
        )

    def paste(self, scene: Scene, canvas: NDArray[np.uint8]) -> None:
        """Write the window's pixels into a grey canvas (height, width, 3) of the input's size."""
        (width, height), (left, top) = self.content, self.offset
        canvas[top : top + height, left : left + width] = np.asarray(scene.render(self.content))

    def to_window(self, boxes: Floats, window: Box) -> Floats:
        """Boxes (n, 4) in input pixels to picture pixels, clipped to the window."""
        offset = np.asarray([*self.offset, *self.offset], dtype=np.float64)
        sx, sy = window.width / self.content[0], window.height / self.content[1]
        corner = np.asarray([window.x1, window.y1, window.x1, window.y1])
        mapped = (boxes - offset) * np.asarray([sx, sy, sx, sy]) + corner
        low = np.asarray([window.x1, window.y1] * 2)
        high = np.asarray([window.x2, window.y2] * 2)
        return np.clip(mapped, low, high)


def group_by_shape(boxes: Sequence[Letterbox], most: int) -> list[list[int]]:
    """Indices in batches of one input size each, at most `most` a batch.

    Mixed sizes are never padded to a common one: what is found in a picture may not depend on
    which others it was asked about with.
    """
    shapes: dict[tuple[int, int], list[int]] = {}
    for index, box in enumerate(boxes):
        shapes.setdefault(box.padded, []).append(index)
    return [
        members[start : start + most]
        for members in shapes.values()
        for start in range(0, len(members), most)
    ]
