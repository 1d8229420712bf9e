"""A detector that looks at the same scene once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

from ..boxes import Box
from .forwarding import ForwardingDetector
from .protocol import Detection, Detector, Scene

Key = tuple[str, Box, tuple[str, ...]]
"""A scene (picture digest, window) and the labels of an open vocabulary."""

FLOOR = 0.05
"""Detections are kept down to this score, so that a lower threshold needs no second look."""


class CachingDetector(ForwardingDetector):
    """A detector whose results are kept, and whose network runs in one thread at a time.

    A closed vocabulary is looked at with all its classes at once, so asking for other labels or
    with another threshold costs nothing; an open one is kept per set of labels.

    Args:
        inner: does the work.
        capacity: scenes (times label sets) to remember; the least recently used goes first.
    """

    def __init__(self, inner: Detector, capacity: int = 512) -> None:
        self._inner = inner
        self.capacity = capacity
        self._kept: OrderedDict[Key, tuple[Detection, ...]] = OrderedDict()
        self._lock = threading.Lock()
        self._working = threading.Lock()

    @property
    def inner(self) -> Detector:
        """See `ForwardingDetector.inner`."""
        return self._inner

    def detect(
        self, scenes: Sequence[Scene], labels: Sequence[str], min_score: float
    ) -> list[list[Detection]]:
        """See `Detector.detect`; scores below `FLOOR` are never reported."""
        asked: tuple[str, ...] = () if self.vocabulary == "closed" else tuple(sorted(set(labels)))
        keys: list[Key] = [(scene.digest, scene.window, asked) for scene in scenes]
        known = self._recall(keys)
        if len(known) < len(set(keys)):
            with self._working:
                # Another thread may have looked at the same scenes while this one waited.
                known |= self._recall([key for key in keys if key not in known])
                missing = {
                    key: scene for key, scene in zip(keys, scenes, strict=True) if key not in known
                }
                if missing:
                    results = self.inner.detect(list(missing.values()), asked, FLOOR)
                    fresh = {key: tuple(found) for key, found in zip(missing, results, strict=True)}
                    self._remember(fresh)
                    known |= fresh
        wanted = set(labels)
        return [
            [d for d in known[key] if d.score >= min_score and (not wanted or d.label in wanted)]
            for key in keys
        ]

    def _recall(self, keys: Sequence[Key]) -> dict[Key, tuple[Detection, ...]]:
        """What is kept of these keys; they become the most recently used."""
        with self._lock:
            found = {key: self._kept[key] for key in keys if key in self._kept}
            for key in found:
                self._kept.move_to_end(key)
            return found

    def _remember(self, fresh: dict[Key, tuple[Detection, ...]]) -> None:
        with self._lock:
            self._kept.update(fresh)
            while len(self._kept) > self.capacity:
                self._kept.popitem(last=False)
