"""Open vocabulary without AGPL: zero-shot detection models of transformers.

OWL-ViT, OWLv2, Grounding DINO and whatever else `AutoModelForZeroShotObjectDetection` loads, from a
folder or, where it can be reached, from the hub.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..boxes import Box, boxes_array
from ..errors import MissingDependency, WeightsError
from ..transformers_bars import without_bars
from ..vocabulary import Resolution, coco_classes, normalize_label
from .network import suppress_repeats
from .protocol import Detection, Scene, VocabularyKind

LONGEST_SIDE = 1280
"""Pixels of the longer side at which a scene is handed to the processor, which resizes again."""


class ZeroShotDetector:
    """A zero-shot detection model.

    Args:
        source: a folder with model and processor, or a hub id.
        device: a torch device name.

    Raises:
        MissingDependency: torch or transformers is not installed.
        WeightsError: no such model, or it can't be fetched.
    """

    def __init__(self, source: str, device: str = "cpu") -> None:
        try:
            from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor
        except ImportError as error:
            raise MissingDependency(
                "zero-shot detection needs torch and transformers.",
                "pip install 'gemvg-agent[local]'",
            ) from error
        try:
            self._processor: Any = AutoProcessor.from_pretrained(source)
            with without_bars():
                model: Any = AutoModelForZeroShotObjectDetection.from_pretrained(source)
        except (OSError, ValueError, KeyError) as error:
            raise WeightsError(
                f"{source[:80]!r} is not a zero-shot detection model within reach.",
                "Name a folder that holds one, or a hub id such as google/owlv2-base-patch16.",
            ) from error
        self.name = source.rstrip("/").rsplit("/", 1)[-1]
        self.vocabulary: VocabularyKind = "open"
        self._model = model.to(device).eval()
        self._device = device
        kind = str(getattr(model.config, "model_type", ""))
        self._matches_single_words = not kind.startswith("owl")
        self.default_score = 0.3 if self._matches_single_words else 0.15

    @property
    def classes(self) -> tuple[str, ...]:
        """What it looks for when asked for everything: the classes of COCO. It knows any word."""
        return coco_classes()

    def resolve(self, label: str) -> Resolution:
        """See `Detector.resolve`: the word itself, singular or plural as it was written."""
        plain = normalize_label(label)
        return Resolution((plain,) if plain else (), "same" if plain else "unknown")

    def detect(
        self, scenes: Sequence[Scene], labels: Sequence[str], min_score: float
    ) -> list[list[Detection]]:
        """See `Detector.detect`. Not thread-safe by itself; `load_detector` wraps it."""
        words = list(dict.fromkeys(labels)) or list(self.classes)
        return [self._look(scene, words, min_score) for scene in scenes]

    def _look(self, scene: Scene, words: list[str], min_score: float) -> list[Detection]:
        """One scene; these models cost seconds on a CPU, so that batching gains nothing there."""
        import torch

        window = scene.window
        scale = min(1.0, LONGEST_SIDE / max(window.width, window.height))
        size = max(1, round(window.width * scale)), max(1, round(window.height * scale))
        prompts = words if self._matches_single_words else [f"a photo of a {w}" for w in words]
        inputs = self._processor(
            text=[prompts], images=scene.render(size), return_tensors="pt", truncation=True
        ).to(self._device)
        with torch.inference_mode():
            outputs = self._model(**inputs)
        found = self._read(outputs, inputs, (size[1], size[0]), words, min_score)
        to_window = np.asarray([window.width / size[0], window.height / size[1]] * 2)
        corner = np.asarray([window.x1, window.y1] * 2)
        boxes = boxes_array(box for box, _, _ in found) * to_window + corner
        clipped = [Box(*map(float, b)).intersect(window) for b in boxes]
        solid = [i for i, box in enumerate(clipped) if box.is_valid]
        order = suppress_repeats(
            boxes_array(clipped[i] for i in solid),
            np.asarray([found[i][2] for i in solid], dtype=np.float64),
            np.asarray([words.index(found[i][1]) for i in solid], dtype=np.intp),
        )
        kept = [solid[i] for i in order]
        return [Detection(clipped[i], found[i][1], min(1.0, found[i][2])) for i in kept]

    def _read(
        self,
        outputs: Any,
        inputs: Any,
        size: tuple[int, int],
        words: list[str],
        min_score: float,
    ) -> list[tuple[list[float], str, float]]:
        """(box in rendered pixels, word, score) of every detection; `size` is (height, width)."""
        read = self._processor.post_process_grounded_object_detection
        known = inspect.signature(read).parameters
        options: dict[str, Any] = {"threshold": min_score, "target_sizes": [size]}
        if "input_ids" in known:
            options["input_ids"] = inputs["input_ids"]
        if "text_threshold" in known:
            options["text_threshold"] = min_score
        result = read(outputs, **options)[0]
        boxes: list[list[float]] = result["boxes"].tolist()
        scores: list[float] = result["scores"].tolist()
        phrases = result.get("text_labels")
        if phrases is None:
            named: list[str | None] = [words[int(i)] for i in result["labels"].tolist()]
        else:
            named = [word_of_phrase(str(phrase), words) for phrase in phrases]
        return [
            (box, word, score)
            for box, word, score in zip(boxes, named, scores, strict=True)
            if word is not None
        ]


def word_of_phrase(phrase: str, words: Sequence[str]) -> str | None:
    """The word that a phrase read back from a prompt belongs to; None where none shares a token.

    Grounding DINO names a box by the prompt's tokens that fired, which may be a part of a label
    ("phone" for "cell phone") or run over into the next.
    """
    tokens = set(normalize_label(phrase).split())

    def closeness(word: str) -> float:
        own = set(word.split())
        return len(tokens & own) / max(1, len(tokens | own))

    best = max(words, key=closeness, default=None)
    return best if best is not None and closeness(best) > 0 else None
