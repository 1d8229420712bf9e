"""What is scored: a rollout's boxes and behaviour against a sample's true boxes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...policy.dialect import ReadingStatus
from ...policy.modes import Mode
from ...tools.boxes import GroundedBox, boxes_array

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def _no_boxes() -> Floats:
    return np.empty((0, 4))


def _no_images() -> Ints:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class BoxSet:
    """Boxes of one answer or one truth.

    Attributes:
        boxes: (n, 4), x1 y1 x2 y2, upright picture pixels. Any space would do as long as truth and
            answer share it picture by picture: IoU does not change when an axis is scaled.
        images: (n,) 1-based picture indexes.
        labels: n labels or None each; only label-aware presets look at them.
    """

    boxes: Floats = field(default_factory=_no_boxes)
    images: Ints = field(default_factory=_no_images)
    labels: tuple[str | None, ...] = ()

    @classmethod
    def of(cls, boxes: Iterable[GroundedBox]) -> BoxSet:
        """From grounded boxes."""
        listed = list(boxes)
        return cls(
            boxes_array([b.box for b in listed]),
            np.asarray([b.image for b in listed], dtype=np.int64),
            tuple(b.label for b in listed),
        )

    @classmethod
    def of_rows(cls, rows: Sequence[Sequence[float]], labels: Sequence[str | None] = ()) -> BoxSet:
        """From rows `[image, x1, y1, x2, y2]`, the form in which training data stores truth."""
        table = np.asarray(rows, dtype=np.float64).reshape(-1, 5)
        return cls(table[:, 1:], table[:, 0].astype(np.int64), tuple(labels) or (None,) * len(rows))

    def __len__(self) -> int:
        return int(self.boxes.shape[0])


@dataclass(frozen=True, slots=True)
class Rollout:
    """One sampled answer, read.

    Attributes:
        answer: the boxes that it gives.
        status: what the dialect read; `unparsable` and `truncated` earn nothing for boxes, not even
            where nothing was to be found.
        asked: the mode that its prompt asked for; `auto` left the choice to the policy.
        thought: whether it holds a non-empty reasoning part.
        well_formed: whether tags and answer body are exactly as the dialect wants them, with
            nothing mended in reading.
        tokens: generated tokens, reasoning included.
        tool_calls: how many tools it called; `tool_errors`: how many of the calls were refused.
        tool_mattered: whether its answer rests on what a tool returned: it names a tool's box, or
            lies inside a view that a tool made.
        scores: confidences of its boxes where the answer states them (Visual-RFT's format).
    """

    answer: BoxSet = field(default_factory=BoxSet)
    status: ReadingStatus = "unparsable"
    asked: Mode = "direct"
    thought: bool = False
    well_formed: bool = False
    tokens: int = 0
    tool_calls: int = 0
    tool_errors: int = 0
    tool_mattered: bool = False
    scores: tuple[float, ...] = ()

    @property
    def readable(self) -> bool:
        """Whether there is an answer to compare with the truth."""
        return self.status in ("ok", "none", "partial")


@dataclass(frozen=True, slots=True)
class Sample:
    """What a rollout is scored against.

    Attributes:
        truth: the true boxes; empty where nothing is to be found.
        info: anything else that a preset needs (such as the single true picture).
    """

    truth: BoxSet
    info: dict[str, Any] = field(default_factory=dict[str, Any])
