"""Open vocabulary: YOLO-World and YOLOE, given the words to look for as text features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import UsageError
from ..vocabulary import Resolution
from .network import NetworkSettings, YoloNetwork
from .protocol import Detection, Scene, VocabularyKind
from .text_features import CURE, TextFeatures

DEFAULT_SCORE = 0.1
"""YOLO-World scores rare words low: few false boxes stand above this, many true ones below 0.2."""


class OpenYoloDetector:
    """A YOLO network that is told its classes before each look.

    Args:
        name: for people.
        network: a `WorldModel` or `YOLOEModel` as `load_network` gives it.
        text: words to vectors, in the text space that the network was trained with.
        settings: how to run it.
        default_score: the threshold where the caller names none.
    """

    def __init__(
        self,
        name: str,
        network: Any,
        text: TextFeatures,
        settings: NetworkSettings,
        default_score: float = DEFAULT_SCORE,
    ) -> None:
        self.name = name
        self.vocabulary: VocabularyKind = "open"
        self.default_score = default_score
        self._text = text
        self._told: tuple[str, ...] = ()
        self._is_yoloe = hasattr(network, "get_visual_pe")
        # YOLOE's fusing bakes in one set of classes; YOLO-World's folds batch norms only.
        self._network = YoloNetwork(
            network if self._is_yoloe else network.fuse(verbose=False), settings
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """See `Detector.classes`; empty with a text encoder, which knows any word."""
        return self._text.words

    def resolve(self, label: str) -> Resolution:
        """See `Detector.resolve`."""
        return self._text.resolve(label)

    def detect(
        self, scenes: Sequence[Scene], labels: Sequence[str], min_score: float
    ) -> list[list[Detection]]:
        """See `Detector.detect`. Not thread-safe by itself; `load_detector` wraps it.

        Raises:
            UsageError: no labels, and there is no list of words to stand for everything; or a
                word that has no text features.
        """
        words = tuple(dict.fromkeys(labels)) or self.classes
        if not words:
            raise UsageError(f"{self.name} has to be told what to look for.", "Name labels.")
        self._tell(words)
        return self._network.infer(scenes, words, min_score)

    def _tell(self, words: tuple[str, ...]) -> None:
        """Make these words the network's classes."""
        import torch

        if words == self._told:
            return
        try:
            rows = self._text.features(words)
        except KeyError as error:
            raise UsageError(f"no text features for {error.args[0]!r}.", CURE) from error
        network = self._network.network
        features = torch.from_numpy(rows)[None].to(self._network.settings.device)
        names = dict(enumerate(words))
        if self._is_yoloe:
            with torch.inference_mode():
                network.set_classes(names, network.model[-1].get_tpe(features))
        else:
            network.txt_feats = features
            network.model[-1].nc = len(words)
            network.names = names
        self._told = words
