"""What objects are pasted on: textures made from nothing, and photographs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from random import Random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..pools import RecordPool
from ..shots import Pixels
from .thumbs import Thumbs


class Background(NamedTuple):
    """Pixels, the labels that may be seen in them, where they come from."""

    pixels: Pixels
    labels: frozenset[str]
    licence: str


class Backgrounds:
    """Textures and parts of photographs.

    Args:
        photographs: pools of annotated photographs and their small versions; empty: textures only.
        share: how often a photograph is used where there are some.
    """

    def __init__(
        self, photographs: Sequence[tuple[RecordPool, Thumbs]] = (), share: float = 0.5
    ) -> None:
        self._choices: list[tuple[RecordPool, Thumbs, list[int]]] = []
        for pool, thumbs in photographs:
            members = set(pool.members.tolist())
            keys = [key for key in thumbs.keys if key in members]
            if keys:
                self._choices.append((pool, thumbs, keys))
        self._share = share if self._choices else 0.0

    def draw(self, rng: Random, width: int, height: int, avoid: Collection[str] = ()) -> Background:
        """A background of a size that shows nothing under (or like) the labels `avoid`."""
        if rng.random() < self._share:
            found = self._photograph(rng, width, height, avoid)
            if found is not None:
                return found
        return Background(texture(rng, width, height), frozenset(), "CC0-1.0")

    def _photograph(
        self, rng: Random, width: int, height: int, avoid: Collection[str]
    ) -> Background | None:
        import cv2

        pool, thumbs, keys = self._choices[rng.randrange(len(self._choices))]
        for _ in range(8):
            key = keys[rng.randrange(len(keys))]
            record = pool.store[key]
            labels = record.labels | record.unsure
            if any(pool.clash(label, other) for label in avoid for other in labels):
                continue
            pixels = thumbs.load(key)
            x, y, w, h = window(rng, pixels.shape[1], pixels.shape[0], width / height)
            part = pixels[y : y + h, x : x + w]
            resized = cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR)
            return Background(np.asarray(resized, np.uint8), labels, record.licence)
        return None


def window(rng: Random, width: int, height: int, aspect: float) -> tuple[int, int, int, int]:
    """A random window (x, y, w, h) of an aspect ratio, at least 60% of what fits."""
    share = rng.uniform(0.6, 1.0)
    wide = min(width, height * aspect) * share
    w, h = max(2, int(wide)), max(2, int(wide / aspect))
    w, h = min(w, width), min(h, height)
    return rng.randrange(width - w + 1), rng.randrange(height - h + 1), w, h


def texture(rng: Random, width: int, height: int) -> Pixels:
    """A texture: soft noise of some octaves between two colours, at times with stripes."""
    import cv2

    noise = np.random.default_rng(rng.getrandbits(63))
    field = np.zeros((height, width), dtype=np.float32)
    for octave, weight in ((3, 1.0), (9, 0.5), (40, 0.25)):
        if rng.random() < 0.75:
            grid = weight * noise.random((octave, octave), dtype=np.float32)
            field += np.asarray(cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR))
    if rng.random() < 0.3:
        field += _stripes(rng, width, height)
    low, high = float(field.min()), float(field.max())
    levels = ((field - low) * (255.0 / max(1e-6, high - low))).astype(np.uint8)
    first, second = noise.integers(40, 230, (2, 3)).astype(np.float32)
    ramp = np.linspace(0.0, 1.0, 256, dtype=np.float32)[:, None]
    colours = (first + (second - first) * ramp).astype(np.uint8)
    return np.dstack([cv2.LUT(levels, colours[:, channel]) for channel in range(3)]).astype(
        np.uint8
    )


def _stripes(rng: Random, width: int, height: int) -> NDArray[np.float32]:
    """Straight stripes at an angle, (height, width)."""
    angle, period = rng.uniform(0, np.pi), rng.uniform(10, 60)
    # The phase in 256ths of a period, so that one bit of it says light or dark.
    step = 256.0 / period
    x = (np.arange(width) * (np.cos(angle) * step)).astype(np.int32)[None, :]
    y = (np.arange(height) * (np.sin(angle) * step)).astype(np.int32)[:, None]
    return (((x + y) & 128) * np.float32(0.6 / 128)).astype(np.float32)
