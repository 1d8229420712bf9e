"""What a detector is: scenes and labels in, boxes with names and scores out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from PIL import Image

from ..boxes import Box
from ..vocabulary import Resolution

VocabularyKind = Literal["closed", "open"]


@dataclass(frozen=True, slots=True)
class Scene:
    """A window of a picture, not yet rendered.

    The detector asks for the pixels at the size that its model takes, so that a large picture is
    shrunk before it is batched.

    Attributes:
        digest: of the picture's content; with `window` it names the scene (caches use it).
        window: the part of the picture, upright picture pixels.
        render: pixels of the window at a (width, height), RGB.
    """

    digest: str
    window: Box
    render: Callable[[tuple[int, int]], Image.Image]


class Detection(NamedTuple):
    """One object: its box in upright picture pixels, its class name, its score in [0, 1]."""

    box: Box
    label: str
    score: float


class Detector(Protocol):
    """Something that finds named objects. Safe to share between threads.

    A fake for tests needs exactly these members; `resolve` can be a `Vocabulary`'s.
    """

    @property
    def name(self) -> str:
        """For people and for records, such as `yolo26m`."""
        ...

    @property
    def vocabulary(self) -> VocabularyKind:
        """Closed: a fixed list of classes. Open: any words."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Every name that it can give; empty where there is no list."""
        ...

    @property
    def default_score(self) -> float:
        """The threshold that it is used with where the caller names none."""
        ...

    def resolve(self, label: str) -> Resolution:
        """The detector's own names for a word of the user; none where it doesn't know it.

        Raises:
            GemvgError: it could know the word, but something is missing; the text says what.
        """
        ...

    def detect(
        self, scenes: Sequence[Scene], labels: Sequence[str], min_score: float
    ) -> list[list[Detection]]:
        """Find objects.

        Args:
            scenes: any number of them.
            labels: names as `resolve` gives them; empty means every class.
            min_score: the least score to report.

        Returns:
            For each scene its detections, best first, inside the scene's window, without
            repeats of one object under one name.

        Raises:
            GemvgError: the detector can't work; the text says why.
        """
        ...
