"""Annotated photographs as a pool: drawn by label through the store's postings."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Collection, Mapping
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from ...tools.images import picture_from_path
from .masks import Mask, mask_of
from .record import Record
from .relations import relations
from .scenes.vocabulary import vocabulary
from .shots import Pixels, Shot
from .store import Store

_TRIES = 40


def split_of(name: str, splits: Mapping[str, float]) -> str:
    """The split of a picture, by the hash of its name: the same in every run and data set.

    Args:
        name: the record's `unit`, so that a clip stays in one split.
        splits: shares by name; they are normalised.
    """
    point = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
    total = sum(splits.values())
    for split, share in splits.items():
        point -= share / total
        if point < 0:
            return split
    return next(iter(splits))


class PixelCache:
    """Decoded pictures, the last ones used, in so much memory.

    Args:
        limit: bytes of pixels that may be kept beside the picture in use. Decoding is a quarter
            of what an edited photograph costs, and small sources are drawn from again and again.
    """

    def __init__(self, limit: int = 256 << 20) -> None:
        self._limit = limit
        self._held = 0
        self._kept: OrderedDict[str, Pixels] = OrderedDict()

    def load(self, path: Path) -> Pixels:
        """Upright RGB pixels of a file; not to be written to. Raises ImageError."""
        key = str(path)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        pixels = picture_from_path(path).array()
        self._kept[key] = pixels
        self._held += pixels.nbytes
        while self._held > self._limit and len(self._kept) > 1:
            self._held -= self._kept.popitem(last=False)[1].nbytes
        return pixels


class RecordPool:
    """The pictures of one store that belong to one split.

    Args:
        name: of the source. store: its records. folder: where its files are.
        split: which split's pictures. splits: all shares.
        cache: shared between pools.
    """

    def __init__(
        self,
        name: str,
        store: Store,
        folder: Path,
        split: str,
        splits: Mapping[str, float],
        cache: PixelCache,
    ) -> None:
        self.name = name
        self.store = store
        self.folder = folder
        self._cache = cache
        units = store.units()
        # By the picture's own name: COCO and RefCOCO hold the same photographs under the same ids.
        inside = np.array([split_of(unit, splits) == split for unit in units], dtype=bool)
        self.members: NDArray[np.intp] = np.flatnonzero(inside)
        self._rows = {label: rows[inside[rows[:, 0]]] for label, rows in store.postings.items()}
        self.groups: dict[str, NDArray[np.int32]] = {
            group: rows for group, rows in store.groups.items() if inside[rows].all()
        }
        self.labels = tuple(label for label, rows in sorted(self._rows.items()) if len(rows) >= 2)
        # The square root keeps `person` from being half of all questions.
        self._weights = [len(self._rows[label]) ** 0.5 for label in self.labels]

    @property
    def made(self) -> bool:
        """See `Pool.made`."""
        return False

    def label(self, rng: Random) -> str:
        """See `Pool.label`."""
        return rng.choices(self.labels, self._weights)[0]

    def kin(self, label: str) -> tuple[str, ...]:
        """See `Pool.kin`."""
        return tuple(k for k in relations().kin(label) if k in self._rows)

    def clash(self, a: str, b: str) -> bool:
        """See `Pool.clash`."""
        return vocabulary().clash(a, b)

    def any(self, rng: Random) -> Shot | None:
        """Any picture."""
        if not len(self.members):
            return None
        return Shot(self.store[int(self.members[rng.randrange(len(self.members))])])

    def draw(
        self,
        rng: Random,
        have: Mapping[str, int | None],
        lack: Collection[str] = (),
        avoid: Collection[str] = (),
    ) -> Shot | None:
        """See `Pool.draw`."""
        candidates = self._candidates(have)
        if candidates is None or not len(candidates):
            return None
        for _ in range(min(_TRIES, 3 * len(candidates))):
            record = self.store[int(candidates[rng.randrange(len(candidates))])]
            if record.name not in avoid and _fits(record, have, lack):
                return Shot(record)
        return None

    def _candidates(self, have: Mapping[str, int | None]) -> NDArray[np.intp] | None:
        """Record numbers by the rarest label that must be there; all where none must."""
        if not have:
            return self.members
        best: NDArray[np.intp] | None = None
        for label, number in have.items():
            rows = self._rows.get(label)
            if rows is None:
                return None
            kept = rows if number is None else rows[rows[:, 1] == number]
            if best is None or len(kept) < len(best):
                best = kept[:, 0].astype(np.intp)
        return best

    def pixels(self, shot: Shot) -> Pixels:
        """See `Pool.pixels`."""
        return shot.pixels if shot.pixels is not None else self.file_pixels(shot.record)

    def file_pixels(self, record: Record) -> Pixels:
        """The pixels of a record's own file."""
        return self._cache.load(self.folder / record.file)

    def mask(self, shot: Shot, index: int) -> Mask | None:
        """See `Pool.mask`."""
        if shot.labels is not None:
            return shot.labels == index + 1
        shape = shot.record.objects[index].shape
        return None if shape is None else mask_of(shape, *shot.size)


def _fits(record: Record, have: Mapping[str, int | None], lack: Collection[str]) -> bool:
    for label, number in have.items():
        found = record.counts(label)
        if not found or (number is not None and found != number):
            return False
    if not all(record.lacks(label) for label in lack):
        return False
    # A `hot dog` makes any question about dogs one that could be argued about.
    clash = vocabulary().clash
    others = record.labels | record.unsure
    return not any(
        clash(label, other) for label in (*have, *lack) for other in others if other != label
    )
