"""Boxes: `x1, y1, x2, y2` in float pixels, and the grounded box that an answer is made of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

ScoreKind = Literal["detector", "token-probability", "agreement", "match", "change"]
"""Where a score comes from. A score without a kind does not exist, and none is ever invented."""


class Box(NamedTuple):
    """A box in pixels, x to the right and y down, corners as continuous coordinates.

    A one-pixel box at the origin is `(0, 0, 1, 1)`: its area is 1, not 0. The space (an upright
    image, or one view's raster) is said by whoever holds the box; `Box` never mixes them.
    """

    x1: float
    y1: float
    x2: float
    y2: float

    @classmethod
    def ordered(cls, x1: float, y1: float, x2: float, y2: float) -> Box:
        """The box through two opposite corners given in any order."""
        return cls(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))

    @classmethod
    def from_xywh(cls, x: float, y: float, width: float, height: float) -> Box:
        """The box of COCO's `[x, y, width, height]`."""
        return cls(x, y, x + width, y + height)

    @property
    def width(self) -> float:
        """x2 - x1, pixels."""
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        """y2 - y1, pixels."""
        return self.y2 - self.y1

    @property
    def area(self) -> float:
        """Square pixels; 0 for an empty or inverted box."""
        return max(0.0, self.width) * max(0.0, self.height)

    @property
    def center(self) -> tuple[float, float]:
        """(x, y) of the middle, pixels."""
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2

    @property
    def is_valid(self) -> bool:
        """Finite, and x1 < x2, y1 < y2."""
        return all(map(math.isfinite, self)) and self.x1 < self.x2 and self.y1 < self.y2

    def clip(self, width: float, height: float) -> Box:
        """The part inside `[0, width] x [0, height]`; may come out empty (`is_valid` is False)."""
        return Box(
            min(max(self.x1, 0.0), width),
            min(max(self.y1, 0.0), height),
            min(max(self.x2, 0.0), width),
            min(max(self.y2, 0.0), height),
        )

    def intersect(self, other: Box) -> Box:
        """The common part; may come out inverted (`is_valid` is False) where there is none."""
        return Box(
            max(self.x1, other.x1),
            max(self.y1, other.y1),
            min(self.x2, other.x2),
            min(self.y2, other.y2),
        )

    def union(self, other: Box) -> Box:
        """The smallest box around both."""
        return Box(
            min(self.x1, other.x1),
            min(self.y1, other.y1),
            max(self.x2, other.x2),
            max(self.y2, other.y2),
        )

    def scale(self, sx: float, sy: float) -> Box:
        """Every x times sx, every y times sy."""
        return Box(self.x1 * sx, self.y1 * sy, self.x2 * sx, self.y2 * sy)

    def shift(self, dx: float, dy: float) -> Box:
        """Moved by (dx, dy) pixels."""
        return Box(self.x1 + dx, self.y1 + dy, self.x2 + dx, self.y2 + dy)

    def expand(self, fraction: float) -> Box:
        """Grown on every side by `fraction` of its own width and height."""
        dx, dy = self.width * fraction, self.height * fraction
        return Box(self.x1 - dx, self.y1 - dy, self.x2 + dx, self.y2 + dy)

    def iou(self, other: Box) -> float:
        """Intersection over union, in [0, 1]; 0 where either box is empty."""
        common = self.intersect(other).area
        total = self.area + other.area - common
        return min(1.0, common / total) if common > 0.0 and total > 0.0 else 0.0

    def rounded(self, digits: int = 2) -> list[float]:
        """The four numbers as a list, rounded for writing."""
        return [round(v, digits) for v in self]


def boxes_array(boxes: Iterable[Sequence[float]]) -> NDArray[np.float64]:
    """Boxes as an array of shape (n, 4), float64; (0, 4) for none."""
    array = np.asarray([tuple(b) for b in boxes], dtype=np.float64)
    return array.reshape(-1, 4)


@dataclass(frozen=True, slots=True)
class GroundedBox:
    """A box that says where it lies: which image, what it is, and how sure its source was.

    Attributes:
        image: 1-based index of the picture, as the user gave it.
        box: pixels of the upright original picture.
        label: what it is, or None where nothing said so.
        score: in [0, 1], or None; never invented.
        score_kind: where the score comes from; None exactly when score is None.
    """

    image: int
    box: Box
    label: str | None = None
    score: float | None = None
    score_kind: ScoreKind | None = None

    def __post_init__(self) -> None:
        if (self.score is None) != (self.score_kind is None):
            raise ValueError("a score and its kind come together")

    def with_label(self, label: str | None) -> GroundedBox:
        """The same box under another label."""
        return replace(self, label=label)
