"""Objects cut out of their pictures, and where they come from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """One cut object.

    Attributes:
        label: what it is.
        identity: the same for the same object wherever it is pasted.
        rgba: (h, w, 4) uint8, tight around what is not transparent.
        licence: of the picture that it comes from.
    """

    label: str
    identity: str
    rgba: NDArray[np.uint8]
    licence: str


class SpriteLibrary(Protocol):
    """Somewhere sprites come from."""

    @property
    def name(self) -> str:
        """For a sample's `source`."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of which there is at least one sprite."""
        ...

    def sprite(self, label: str, rng: Random, other_than: str | None = None) -> Sprite | None:
        """A sprite of a label, not the one of identity `other_than`; None where there is none."""
        ...


class SmallSprites:
    """A library whose pictures are each made small once, so that pasting them is cheap.

    Args:
        library: where they come from.
        longest: longest side of a small picture, pixels.
    """

    def __init__(self, library: SpriteLibrary, longest: int) -> None:
        self._library, self._longest = library, longest
        self._small: dict[str, Sprite] = {}

    @property
    def name(self) -> str:
        """See `SpriteLibrary.name`."""
        return self._library.name

    @property
    def labels(self) -> tuple[str, ...]:
        """See `SpriteLibrary.labels`."""
        return self._library.labels

    def sprite(self, label: str, rng: Random, other_than: str | None = None) -> Sprite | None:
        """See `SpriteLibrary.sprite`."""
        full = self._library.sprite(label, rng, other_than)
        if full is None:
            return None
        small = self._small.get(full.identity)
        if small is None:
            rgba = tight(np.asarray(full.rgba), self._longest)
            if rgba is None:
                return None
            small = self._small[full.identity] = replace(full, rgba=rgba)
        return small


def tight(rgba: NDArray[np.uint8], longest: int) -> NDArray[np.uint8] | None:
    """Cropped to what is more than half opaque, at most `longest` pixels a side; None if empty."""
    import cv2

    solid = rgba[..., 3] >= 128
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    if rows.size == 0:
        return None
    cut = rgba[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = cut.shape[:2]
    scale = longest / max(height, width)
    if scale < 1.0:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        cut = cv2.resize(cut, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    return np.ascontiguousarray(cut)
