"""What detectors that wrap another one have in common: everything but `detect` is the other's."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ..vocabulary import Resolution
from .protocol import Detector, VocabularyKind


class ForwardingDetector(ABC):
    """Answers as `inner` for all members of `Detector` but `detect`, which a subclass writes."""

    @property
    @abstractmethod
    def inner(self) -> Detector:
        """The detector that does the work. May raise GemvgError where it can't be had."""

    @property
    def name(self) -> str:
        """See `Detector.name`."""
        return self.inner.name

    @property
    def vocabulary(self) -> VocabularyKind:
        """See `Detector.vocabulary`."""
        return self.inner.vocabulary

    @property
    def classes(self) -> tuple[str, ...]:
        """See `Detector.classes`."""
        return self.inner.classes

    @property
    def default_score(self) -> float:
        """See `Detector.default_score`."""
        return self.inner.default_score

    def resolve(self, label: str) -> Resolution:
        """See `Detector.resolve`."""
        return self.inner.resolve(label)
