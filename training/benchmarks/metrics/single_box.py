"""Single-box accuracy: one predicted box against one true box, whole benchmark at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

THRESHOLDS = (0.3, 0.5, 0.7)
"""IoU thresholds of MIG-Bench (arXiv 2501.05767, section 5); a box counts at `>=`."""


def paired_iou(predicted: Floats, truth: Floats) -> Floats:
    """IoU of row i of one array with row i of the other.

    Args:
        predicted: (n, 4), x1 y1 x2 y2; a row with a NaN, or an inverted or empty one, scores 0.
        truth: (n, 4), the same space.

    Returns:
        (n,) in [0, 1].
    """
    px1, py1, px2, py2 = np.ascontiguousarray(predicted.T)
    tx1, ty1, tx2, ty2 = np.ascontiguousarray(truth.T)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        width = np.minimum(px2, tx2) - np.maximum(px1, tx1)
        height = np.minimum(py2, ty2) - np.maximum(py1, ty1)
        # `fmax` takes the other number where one is NaN, so a NaN box has no common part.
        common = np.fmax(width, 0.0) * np.fmax(height, 0.0)
        total = (px2 - px1) * (py2 - py1) + (tx2 - tx1) * (ty2 - ty1) - common
        iou = common / total
    return np.where((common > 0.0) & (total > 0.0), np.minimum(iou, 1.0), 0.0)


@dataclass(frozen=True, slots=True)
class AccuracyRow:
    """Counts of one task.

    Attributes:
        n: items, unanswered ones included.
        hits: items at or above each of `THRESHOLDS`, in their order.
        iou_sum: sum of IoU over all items.
    """

    n: int
    hits: tuple[int, ...]
    iou_sum: float

    def accuracy(self, threshold: float) -> float:
        """Accuracy at one of `THRESHOLDS`, percent; 0 for no items."""
        return 100.0 * self.hits[THRESHOLDS.index(threshold)] / self.n if self.n else 0.0

    @property
    def mean_iou(self) -> float:
        """Mean IoU, percent; 0 for no items."""
        return 100.0 * self.iou_sum / self.n if self.n else 0.0


def accuracy_rows(iou: Floats, tasks: NDArray[np.intp], count: int) -> list[AccuracyRow]:
    """Counts per task.

    Args:
        iou: (n,).
        tasks: (n,) task number of each item, 0 to count - 1.
        count: how many tasks there are.
    """
    # How many thresholds each item reaches, counted per task in one go.
    reached = np.zeros(len(iou), dtype=np.intp)
    for threshold in THRESHOLDS:
        reached += iou >= threshold
    levels = len(THRESHOLDS) + 1
    counts = np.bincount(tasks * levels + reached, minlength=count * levels)
    counts = counts.reshape(count, levels)
    at_least = counts[:, ::-1].cumsum(axis=1)[:, ::-1].tolist()
    sums = np.bincount(tasks, weights=iou, minlength=count).tolist()
    return [
        AccuracyRow(n, tuple(hits), total) for (n, *hits), total in zip(at_least, sums, strict=True)
    ]


def pooled(rows: Sequence[AccuracyRow]) -> AccuracyRow:
    """All tasks as one (micro average)."""
    hits = tuple(sum(r.hits[i] for r in rows) for i in range(len(THRESHOLDS)))
    return AccuracyRow(sum(r.n for r in rows), hits, sum(r.iou_sum for r in rows))
