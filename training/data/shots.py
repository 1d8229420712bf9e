"""A picture on its way into a sample: its annotation, and its pixels where they were made."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .masks import Mask
from .record import Record

if TYPE_CHECKING:
    from .scenes.plan import Plan

Pixels = NDArray[np.uint8]
"""(height, width, 3), RGB."""


@dataclass(slots=True)
class Shot:
    """One picture.

    Attributes:
        record: what is annotated in it, in its own pixels.
        pixels: None where the source's own file is used as it is.
        labels: which object each pixel shows: 0 none, i + 1 the record's object i; None where no
            such map is known.
        plan: how the scene was composed, or None.
        notes: further facts for the checker (`camera`: 3 x 3 map from the first view).
    """

    record: Record
    pixels: Pixels | None = None
    labels: NDArray[np.int16] | None = None
    plan: Plan | None = None
    notes: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.record.width, self.record.height


class Pool(Protocol):
    """Where builders draw annotated pictures from."""

    @property
    def name(self) -> str:
        """For a sample's `source`."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels that can be asked for."""
        ...

    @property
    def made(self) -> bool:
        """True where pictures are composed, false where they are files of a source."""
        ...

    def label(self, rng: Random) -> str:
        """A label at random, rarer ones not neglected."""
        ...

    def kin(self, label: str) -> tuple[str, ...]:
        """Labels alike but not confusable: hard distractors."""
        ...

    def clash(self, a: str, b: str) -> bool:
        """True where one label could be taken for the other."""
        ...

    def draw(
        self,
        rng: Random,
        have: Mapping[str, int | None],
        lack: Collection[str] = (),
        avoid: Collection[str] = (),
    ) -> Shot | None:
        """A picture with these labels (exactly so many, or None: at least one) and without others.

        Args:
            rng: decides everything.
            have: labels that must be there.
            lack: labels that must certainly not be there.
            avoid: names of records not to use again.
        """
        ...

    def pixels(self, shot: Shot) -> Pixels:
        """The picture's pixels. Raises ImageError where a source's file is damaged."""
        ...

    def mask(self, shot: Shot, index: int) -> Mask | None:
        """Which pixels show object `index` of the shot's record; None where not known."""
        ...
