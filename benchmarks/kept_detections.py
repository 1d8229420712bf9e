"""Detections that outlive a run: each scene is looked at once, however often a script starts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from gemvg.tools.boxes import Box
from gemvg.tools.detectors import Detection, Detector
from gemvg.tools.detectors.caching import CachingDetector, Key


class KeptDetections(CachingDetector):
    """A caching detector whose memory is a file; pictures are told apart by their content.

    Args:
        inner: does the work. path: a SQLite file, made where it is not there.
    """

    def __init__(self, inner: Detector, path: Path) -> None:
        super().__init__(inner)
        self._file = sqlite3.connect(path, check_same_thread=False)
        self._file.execute("CREATE TABLE IF NOT EXISTS seen (key TEXT PRIMARY KEY, found TEXT)")

    def _name(self, key: Key) -> str:
        digest, window, labels = key
        return json.dumps([self.name, digest, list(window), list(labels)])

    def _recall(self, keys: Sequence[Key]) -> dict[Key, tuple[Detection, ...]]:
        found: dict[Key, tuple[Detection, ...]] = {}
        with self._lock:
            for key in keys:
                query = self._file.execute(
                    "SELECT found FROM seen WHERE key = ?", (self._name(key),)
                )
                if (row := query.fetchone()) is not None:
                    found[key] = tuple(
                        Detection(Box(*box), label, score)
                        for box, label, score in json.loads(row[0])
                    )
        return found

    def _remember(self, fresh: dict[Key, tuple[Detection, ...]]) -> None:
        rows = [
            (self._name(key), json.dumps([[list(d.box), d.label, d.score] for d in found]))
            for key, found in fresh.items()
        ]
        with self._lock:
            self._file.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?)", rows)
            self._file.commit()
