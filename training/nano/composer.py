"""Scenes composed while training: pixels, boxes, and what each cell of the picture shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from ...tools.errors import DataError
from ..data.scenes.arrange import arrange
from ..data.scenes.backgrounds import texture
from ..data.scenes.plan import Plan, jitter, render
from ..data.scenes.sprites import SmallSprites, Sprite, SpriteLibrary
from ..data.scenes.vocabulary import vocabulary

LEAST_COVER = 0.25
"""A cell shows an object where the object covers this share of it, and more than any other does."""

_TRIES = 20


@dataclass(frozen=True, slots=True)
class Scene:
    """One composed picture.

    Attributes:
        pixels: (height, width, 3) uint8.
        names: index of each object's name in the composer's names.
        boxes: (objects, 4) float32, corners as shares of width and height.
        cells: (rows, columns) int16, the object that a cell shows (0-based), -1 for none, -2
            where that is not known.
    """

    pixels: NDArray[np.uint8]
    names: tuple[int, ...]
    boxes: NDArray[np.float32]
    cells: NDArray[np.int16]


class Composer:
    """Scenes of some objects on textures; the same random source gives the same scene.

    Args:
        library: object pictures; each is made small once, so that pasting is cheap.
        names: labels in use, in the order of the class head.
        cell: side of the square that becomes one visual token, pixels.
        most: most objects in one scene.
    """

    def __init__(
        self, library: SpriteLibrary, names: Sequence[str], cell: int, most: int = 4
    ) -> None:
        self.names = tuple(names)
        self.cell = cell
        self._most = most
        self._library = library
        self._small: dict[int, SmallSprites] = {}
        words = vocabulary()
        self.clashing: tuple[frozenset[int], ...] = tuple(
            frozenset(k for k, other in enumerate(self.names) if words.clash(name, other))
            for name in self.names
        )
        """For each name, those that it could be taken for, itself among them."""

    def scene(
        self,
        rng: Random,
        rows: int,
        columns: int,
        having: Sequence[int] = (),
        lacking: Sequence[int] = (),
    ) -> Scene:
        """A scene of rows x columns cells.

        Args:
            rng: the only source of chance.
            rows: cells down.
            columns: cells across.
            having: names that must be there, one object each.
            lacking: names that must not be there, nor what could be taken for them.

        Raises:
            DataError: the objects do not fit, or no name is left to show.
        """
        for _ in range(_TRIES):
            chosen = self._choose(rng, having, lacking)
            found = self._render(rng, chosen, rows, columns)
            if found is not None:
                return found
        raise DataError("the objects do not fit their scene.", "Ask for fewer objects at once.")

    def _choose(self, rng: Random, having: Sequence[int], lacking: Sequence[int]) -> list[int]:
        """Names of a scene in random order, none of which could be taken for another."""
        chosen = list(having)
        taken = set[int]().union(*(self.clashing[k] for k in (*having, *lacking)))
        number = rng.randint(max(1, len(chosen)), max(self._most, len(chosen)))
        for _ in range(8 * number):
            if len(chosen) >= number:
                break
            k = rng.randrange(len(self.names))
            if k not in taken:
                chosen.append(k)
                taken |= self.clashing[k]
        rng.shuffle(chosen)
        return chosen

    def _render(self, rng: Random, chosen: list[int], rows: int, columns: int) -> Scene | None:
        width, height = columns * self.cell, rows * self.cell
        sprites = [self._sprite(k, min(width, height) // 2, rng) for k in chosen]
        crowd = 0.25 if rng.random() < 0.3 else 0.02
        layers = arrange(rng, sprites, width, height, crowd)
        if not layers:
            return None
        plan = Plan(
            texture(rng, width, height), layers, light=jitter(rng, 0.7, 1.4, 0.3, 1.0),
            blur=jitter(rng, 0.3, 0.7, 0.2, 0.0),
        )  # fmt: skip
        shot = render(plan, "scene")
        if shot is None or shot.pixels is None or shot.labels is None:
            return None
        boxes = np.array([list(o.box) for o in shot.record.objects], np.float32)
        boxes /= np.array([width, height, width, height], np.float32)
        cells = cell_objects(shot.labels, len(chosen), self.cell)
        return Scene(shot.pixels, tuple(chosen), boxes, cells)

    def _sprite(self, k: int, longest: int, rng: Random) -> Sprite:
        library = self._small.setdefault(longest, SmallSprites(self._library, longest))
        found = library.sprite(self.names[k], rng)
        if found is None:
            raise DataError(f"there is no picture of {self.names[k]!r}.")
        return found


def cell_objects(labels: NDArray[np.int16], objects: int, cell: int) -> NDArray[np.int16]:
    """What each cell shows.

    Args:
        labels: (height, width), 0 or the 1-based object that a pixel shows.
        objects: how many there are.
        cell: side of a cell, pixels; divides height and width.

    Returns:
        (rows, columns), the 0-based object that covers most of a cell and at least `LEAST_COVER`
        of it, else -1.
    """
    rows, columns = labels.shape[0] // cell, labels.shape[1] // cell
    blocks = labels.reshape(rows, cell, columns, cell)
    numbers = np.arange(1, objects + 1, dtype=labels.dtype)
    cover = (blocks[None] == numbers[:, None, None, None, None]).mean(axis=(2, 4))
    best = cover.argmax(axis=0)
    seen = np.take_along_axis(cover, best[None], axis=0)[0] >= LEAST_COVER
    return np.where(seen, best, -1).astype(np.int16)
