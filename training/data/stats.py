"""What a data set holds: tasks, demands, targets, pictures, areas, words, traces."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from .folder import DataFolder
from .sample import Sample

AREAS = (("under 1%", 0.01), ("1-5%", 0.05), ("5-20%", 0.2), ("20-50%", 0.5), ("over 50%", 9.9))
"""Classes of a box's share of its picture."""


def area_class(share: float) -> str:
    """The class of a share, 0 to 1."""
    return next(name for name, limit in AREAS if share < limit)


@dataclass(slots=True)
class Stats:
    """Counts over a data set; `add` takes one sample at a time, so memory stays small."""

    samples: int = 0
    boxes: int = 0
    pictures: int = 0
    traces: int = 0
    episodes: int = 0
    words: int = 0
    by: dict[str, Counter[str]] = field(
        default_factory=lambda: {
            name: Counter[str]()
            for name in ("task", "demand", "targets", "split", "images", "area", "pointer", "label")
        }
    )
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])

    def add(self, sample: Sample) -> None:
        """Count one sample."""
        self.samples += 1
        self.pictures += len(sample.images)
        self.boxes += len(sample.answer)
        self.words += len(sample.question.split())
        self.traces += sample.trace is not None
        self.episodes += sample.episode is not None
        for name in ("task", "demand", "targets", "split"):
            self.by[name][getattr(sample, name)] += 1
        self.pairs[(sample.task, sample.targets)] += 1
        self.by["images"][str(len(sample.images))] += 1
        for prompt in sample.prompts:
            self.by["pointer"][prompt.form] += 1
        for box in sample.answer:
            ref = sample.images[box.image - 1]
            x1, y1, x2, y2 = box.box
            share = (x2 - x1) * (y2 - y1) / (ref.width * ref.height)
            self.by["area"][area_class(share)] += 1
            self.by["label"][box.label] += 1

    def as_json(self) -> dict[str, Any]:
        """All counts, largest first; of the labels the fifty most frequent."""
        counts = {
            name: dict(counter.most_common(50 if name == "label" else None))
            for name, counter in self.by.items()
        }
        return {
            "samples": self.samples, "pictures": self.pictures, "boxes": self.boxes,
            "traces": self.traces, "episodes": self.episodes, "labels": len(self.by["label"]),
            "words_per_question": round(self.words / max(1, self.samples), 2), **counts,
        }  # fmt: skip


def stats_of(folder: DataFolder) -> Stats:
    """Counts over all samples. Raises DataError for a wrong line."""
    stats = Stats()
    for sample in folder.samples():
        stats.add(sample)
    return stats
