"""One question of a benchmark: pictures, words, and the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ...tools.boxes import Box
from ...tools.images import Picture, picture_from_path

Space = Literal["pixels", "relative-1000", "unit"]
"""Space of an item's boxes: pixels of the upright picture, 0-1000 or 0-1 of its sides. A benchmark
that is scored without its pictures (MIG-Bench) is not in pixels; IoU is the same in any of them."""


class PictureSource(Protocol):
    """Where a picture of an item comes from."""

    @property
    def name(self) -> str:
        """What to call it."""
        ...

    def open(self) -> Picture:
        """The picture. Raises ImageError."""
        ...


@dataclass(frozen=True, slots=True)
class FilePicture:
    """A picture that lies as a file, by its path."""

    path: str

    @property
    def name(self) -> str:
        """The file's path."""
        return self.path

    def open(self) -> Picture:
        """See `PictureSource.open`."""
        return picture_from_path(self.path)


@dataclass(frozen=True, slots=True)
class TrueBox:
    """One box of the truth.

    Attributes:
        image: 1-based index among the item's pictures.
        box: in the item's space.
        label: class, group or phrase, or None.
        area: COCO's area where the annotation has one, pixels squared.
        crowd: an annotated crowd region.
    """

    image: int
    box: Box
    label: str | None = None
    area: float | None = None
    crowd: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One question.

    Attributes:
        id: unique in the benchmark and stable between loads; results are kept under it.
        task: the row of the table that it counts in.
        query: what the agent is asked.
        pictures: in order; index k is pictures[k - 1].
        truth: the boxes; empty where nothing is there (or the truth is a letter).
        space: of the truth's boxes.
        options: texts of the options of a multiple-choice item.
        answer: the right letter of a multiple-choice item.
        extra: what this benchmark's metric needs besides, JSON-compatible.
    """

    id: str
    task: str
    query: str
    pictures: tuple[PictureSource, ...]
    truth: tuple[TrueBox, ...] = ()
    space: Space = "pixels"
    options: tuple[str, ...] = ()
    answer: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])


def scale_to(space: Space, width: float, height: float) -> tuple[float, float]:
    """Factors (x, y) from picture pixels to a space, for a picture of this size."""
    if space == "pixels":
        return 1.0, 1.0
    extent = 1000.0 if space == "relative-1000" else 1.0
    return extent / width, extent / height
