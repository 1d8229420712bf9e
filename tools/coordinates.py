"""Coordinate spaces as types: how a model family writes a box, converted once, at its edge.

Every space maps four written numbers to a box in the pixels of one view's raster and back. What a
space needs to know about the view is its `Frame`: the raster's size and, for families that write
pixels of the picture after the processor's own resize (Qwen2.5-VL), the size that the processor
really made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from .boxes import Box


@dataclass(frozen=True, slots=True)
class Frame:
    """The view that a box is written in.

    Attributes:
        width, height: size of the view's raster, pixels.
        grid: (width, height) of the picture after the processor's resize, as the processor itself
            reports it (grid_thw times patch size); None where no processor has seen it.
    """

    width: float
    height: float
    grid: tuple[float, float] | None = None


class CoordinateSpace(Protocol):
    """A written form of boxes."""

    @property
    def name(self) -> str:
        """The word for this space in answers and on the command line."""
        ...

    def decode(self, numbers: Sequence[float], frame: Frame) -> Box:
        """Four written numbers to view pixels; corners as written, neither ordered nor clipped."""
        ...

    def encode(self, box: Box, frame: Frame) -> tuple[float, float, float, float]:
        """View pixels to the four numbers that the model would write."""
        ...

    def spacing(self, frame: Frame) -> tuple[float, float]:
        """View pixels between two neighbouring written values, (x, y); 0 for a continuous space."""
        ...


@dataclass(frozen=True, slots=True)
class RelativeSpace:
    """Integers from 0 to `extent` relative to the view's width and height.

    Qwen2-VL, Qwen3-VL, Migician, UniVG-R1, GeM-VG: extent 1000.
    """

    extent: int = 1000

    @property
    def name(self) -> str:
        """Such as `relative-1000`."""
        return f"relative-{self.extent}"

    def decode(self, numbers: Sequence[float], frame: Frame) -> Box:
        """See `CoordinateSpace.decode`."""
        sx, sy = frame.width / self.extent, frame.height / self.extent
        x1, y1, x2, y2 = numbers
        return Box(x1 * sx, y1 * sy, x2 * sx, y2 * sy)

    def encode(self, box: Box, frame: Frame) -> tuple[float, float, float, float]:
        """See `CoordinateSpace.encode`; rounded to whole steps."""
        sx, sy = self.extent / frame.width, self.extent / frame.height
        return round(box.x1 * sx), round(box.y1 * sy), round(box.x2 * sx), round(box.y2 * sy)

    def spacing(self, frame: Frame) -> tuple[float, float]:
        """See `CoordinateSpace.spacing`."""
        return frame.width / self.extent, frame.height / self.extent


@dataclass(frozen=True, slots=True)
class UnitSpace:
    """Fractions of the view's width and height, 0 to 1 (MIG-Bench's original answers)."""

    digits: int = 4

    @property
    def name(self) -> str:
        """`unit`."""
        return "unit"

    def decode(self, numbers: Sequence[float], frame: Frame) -> Box:
        """See `CoordinateSpace.decode`."""
        x1, y1, x2, y2 = numbers
        return Box(x1 * frame.width, y1 * frame.height, x2 * frame.width, y2 * frame.height)

    def encode(self, box: Box, frame: Frame) -> tuple[float, float, float, float]:
        """See `CoordinateSpace.encode`; rounded to `digits` places."""
        w, h, d = frame.width, frame.height, self.digits
        return (
            round(box.x1 / w, d),
            round(box.y1 / h, d),
            round(box.x2 / w, d),
            round(box.y2 / h, d),
        )

    def spacing(self, frame: Frame) -> tuple[float, float]:
        """See `CoordinateSpace.spacing`."""
        return frame.width * 10**-self.digits, frame.height * 10**-self.digits


@dataclass(frozen=True, slots=True)
class PixelSpace:
    """Pixels of the view's own raster."""

    digits: int = 0

    @property
    def name(self) -> str:
        """`pixels`."""
        return "pixels"

    def decode(self, numbers: Sequence[float], frame: Frame) -> Box:
        """See `CoordinateSpace.decode`."""
        x1, y1, x2, y2 = numbers
        return Box(float(x1), float(y1), float(x2), float(y2))

    def encode(self, box: Box, frame: Frame) -> tuple[float, float, float, float]:
        """See `CoordinateSpace.encode`."""
        d = self.digits
        return round(box.x1, d), round(box.y1, d), round(box.x2, d), round(box.y2, d)

    def spacing(self, frame: Frame) -> tuple[float, float]:
        """See `CoordinateSpace.spacing`."""
        return 10.0**-self.digits, 10.0**-self.digits


@dataclass(frozen=True, slots=True)
class ResizedPixelSpace:
    """Whole pixels of the picture after the processor's resize (Qwen2.5-VL, VLM-R1).

    The frame must carry the grid that the processor really made: guessing it from the file is the
    commonest cause of shifted boxes with this family.
    """

    @property
    def name(self) -> str:
        """`resized-pixels`."""
        return "resized-pixels"

    def _grid(self, frame: Frame) -> tuple[float, float]:
        if frame.grid is None:
            raise ValueError("resized-pixels needs the processor's grid of the view")
        return frame.grid

    def decode(self, numbers: Sequence[float], frame: Frame) -> Box:
        """See `CoordinateSpace.decode`."""
        gw, gh = self._grid(frame)
        sx, sy = frame.width / gw, frame.height / gh
        x1, y1, x2, y2 = numbers
        return Box(x1 * sx, y1 * sy, x2 * sx, y2 * sy)

    def encode(self, box: Box, frame: Frame) -> tuple[float, float, float, float]:
        """See `CoordinateSpace.encode`; rounded to whole pixels of the grid."""
        gw, gh = self._grid(frame)
        sx, sy = gw / frame.width, gh / frame.height
        return round(box.x1 * sx), round(box.y1 * sy), round(box.x2 * sx), round(box.y2 * sy)

    def spacing(self, frame: Frame) -> tuple[float, float]:
        """See `CoordinateSpace.spacing`."""
        gw, gh = self._grid(frame)
        return frame.width / gw, frame.height / gh
