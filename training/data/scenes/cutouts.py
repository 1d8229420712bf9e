"""Sprites cut from annotated photographs by their outlines."""

from __future__ import annotations

from collections import OrderedDict
from random import Random

import numpy as np

from ....tools.errors import ImageError
from ..masks import box_of, mask_of
from ..pools import RecordPool
from ..record import Record
from .sprites import Sprite, tight

LONGEST = 224
_MIN_AREA = 45 * 45
_MAX_SHARE = 0.5
_MOST_PICTURES = 5000


class Cutouts:
    """Objects of photographs that are whole: large enough, outlined, not cut by the edge.

    Args:
        pool: photographs of one split, so that no object crosses from one split to another.
        cached: sprites kept in memory.
    """

    def __init__(self, pool: RecordPool, cached: int = 800) -> None:
        self._pool = pool
        self._cached = cached
        self._cache: OrderedDict[tuple[int, int], Sprite | None] = OrderedDict()
        self._places: dict[str, list[tuple[int, int]]] = {}
        # Every n-th picture of a large source: enough to cut from, and quick to look through.
        for key in pool.members[:: 1 + len(pool.members) // _MOST_PICTURES]:
            record = pool.store[int(key)]
            for index in range(len(record.objects)):
                if _usable(record, index):
                    label = record.objects[index].label
                    self._places.setdefault(label, []).append((int(key), index))

    @property
    def name(self) -> str:
        """See `SpriteLibrary.name`."""
        return f"{self._pool.name} cut-outs"

    @property
    def labels(self) -> tuple[str, ...]:
        """See `SpriteLibrary.labels`."""
        return tuple(sorted(self._places))

    def sprite(self, label: str, rng: Random, other_than: str | None = None) -> Sprite | None:
        """See `SpriteLibrary.sprite`."""
        places = self._places.get(label, [])
        for _ in range(min(6, 2 * len(places))):
            found = self._cut(places[rng.randrange(len(places))])
            if found is not None and found.identity != other_than:
                return found
        return None

    def _cut(self, place: tuple[int, int]) -> Sprite | None:
        if place in self._cache:
            self._cache.move_to_end(place)
            return self._cache[place]
        sprite = self._make(*place)
        self._cache[place] = sprite
        if len(self._cache) > self._cached:
            self._cache.popitem(last=False)
        return sprite

    def _make(self, key: int, index: int) -> Sprite | None:
        """Cut with a one-pixel soft edge; None where mask or picture can't be had."""
        import cv2

        record = self._pool.store[key]
        found = record.objects[index]
        try:
            pixels = self._pool.file_pixels(record)
            mask = mask_of(found.shape or (), record.width, record.height)
        except (ImageError, ValueError):
            return None
        box = box_of(mask)
        if box is None or np.count_nonzero(mask) < 0.3 * box.area:
            return None
        x1, y1, x2, y2 = (int(v) for v in box)
        solid = mask[y1:y2, x1:x2].astype(np.uint8) * 255
        alpha = np.minimum(solid, np.asarray(cv2.GaussianBlur(solid, (3, 3), 0), np.uint8))
        rgba = tight(np.dstack([pixels[y1:y2, x1:x2], alpha]), LONGEST)
        if rgba is None or min(rgba.shape[:2]) < 12:
            return None
        identity = f"{self._pool.name}:{record.name}:{index}"
        return Sprite(found.label, identity, rgba, record.licence)


def _usable(record: Record, index: int) -> bool:
    """True for an outlined object of good size that no edge cuts."""
    found = record.objects[index]
    box = found.box
    whole = box.x1 > 3 and box.y1 > 3 and box.x2 < record.width - 3 and box.y2 < record.height - 3
    share = box.area / (record.width * record.height)
    return bool(found.shape) and whole and box.area >= _MIN_AREA and share <= _MAX_SHARE
