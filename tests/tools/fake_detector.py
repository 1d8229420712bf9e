"""A detector by script, for tests that need one and no weights."""

from collections.abc import Mapping, Sequence

from gemvg.tools.boxes import Box
from gemvg.tools.detectors import Detection, Scene
from gemvg.tools.vocabulary import Resolution, Vocabulary, coco_classes


class FakeDetector:
    """Finds what it is told, in picture pixels, wherever it falls into the scene's window.

    Args:
        objects: picture digest -> (label, box, score) of everything in that picture.
        classes: its vocabulary.
    """

    def __init__(
        self,
        objects: Mapping[str, Sequence[tuple[str, Sequence[float], float]]],
        classes: Sequence[str] | None = None,
        vocabulary: str = "closed",
        name: str = "fake",
    ) -> None:
        self.objects = objects
        self.name = name
        self.vocabulary = vocabulary
        self.classes = tuple(coco_classes() if classes is None else classes)
        self.default_score = 0.3
        self.calls: list[tuple[int, tuple[str, ...], float]] = []
        self._words = Vocabulary(self.classes)

    def resolve(self, label: str) -> Resolution:
        return self._words.resolve(label)

    def detect(
        self, scenes: Sequence[Scene], labels: Sequence[str], min_score: float
    ) -> list[list[Detection]]:
        self.calls.append((len(scenes), tuple(labels), min_score))
        results: list[list[Detection]] = []
        for scene in scenes:
            found: list[Detection] = []
            for label, corners, score in self.objects.get(scene.digest, ()):
                box = Box(*corners).intersect(scene.window)
                wanted = (not labels or label in labels) and score >= min_score
                if wanted and box.is_valid and box.area >= 0.5 * Box(*corners).area:
                    found.append(Detection(box, label, score))
            results.append(sorted(found, key=lambda d: -d.score))
        return results
