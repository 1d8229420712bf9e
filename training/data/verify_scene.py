"""What a brute-force check looks at: a sample with the annotations of its pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ...tools.boxes import Box
from .record import Instance, Record
from .sample import Sample


class Unsettled(Exception):
    """The annotation does not settle the question."""


class Place(NamedTuple):
    """A box that answers.

    Attributes:
        least: where a camera has moved, `box` bounds each side outwards and this inwards.
    """

    image: int
    box: Box
    least: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """A sample with what is annotated in its pictures."""

    sample: Sample
    records: tuple[Record, ...]
    notes: tuple[Mapping[str, Any], ...]

    @property
    def meaning(self) -> dict[str, Any]:
        """What is asked."""
        return self.sample.meaning

    def images(self) -> list[int]:
        """1-based pictures that the question is about."""
        return list(self.meaning.get("images") or range(1, len(self.records) + 1))

    def record(self, image: int) -> Record:
        """The annotation of a picture."""
        return self.records[image - 1]

    def of(self, image: int, label: str) -> list[Instance]:
        """All objects of a label; raises Unsettled where not all may be annotated."""
        record = self.record(image)
        found = [o for o in record.objects if o.label == label]
        if label in record.unsure:
            raise Unsettled(f"image {image} may hold more {label} than is annotated")
        if not found and record.known is not None and label not in record.known:
            raise Unsettled(f"nobody looked for {label} in image {image}")
        return found
