"""Closed vocabulary: a YOLO network with the classes that it was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..vocabulary import Resolution, Vocabulary
from .network import NetworkSettings, YoloNetwork
from .protocol import Detection, Scene, VocabularyKind

DEFAULT_SCORE = 0.25
"""F1 is flat from 0.2 to 0.3 on COCO photographs; above 0.2 absent things are named less often."""


class YoloDetector:
    """YOLO26, YOLO11 and their kin; also prompt-free YOLOE, whose class list is long but fixed.

    Args:
        name: for people.
        network: as `load_network` gives it.
        settings: how to run it.
        default_score: the threshold where the caller names none.
    """

    def __init__(
        self,
        name: str,
        network: Any,
        settings: NetworkSettings,
        default_score: float = DEFAULT_SCORE,
    ) -> None:
        self.name = name
        self.vocabulary: VocabularyKind = "closed"
        self.default_score = default_score
        self._names = tuple(str(network.names[i]) for i in range(len(network.names)))
        self._vocabulary = Vocabulary(self._names)
        if hasattr(network, "fuse"):
            network = network.fuse(verbose=False)
        self._network = YoloNetwork(network, settings)

    @property
    def classes(self) -> tuple[str, ...]:
        """See `Detector.classes`."""
        return self._names

    def resolve(self, label: str) -> Resolution:
        """See `Detector.resolve`."""
        return self._vocabulary.resolve(label)

    def detect(
        self, scenes: Sequence[Scene], labels: Sequence[str], min_score: float
    ) -> list[list[Detection]]:
        """See `Detector.detect`. Not thread-safe by itself; `load_detector` wraps it."""
        wanted = set(labels)
        return [
            [d for d in found if not wanted or d.label in wanted]
            for found in self._network.infer(scenes, self._names, min_score)
        ]
