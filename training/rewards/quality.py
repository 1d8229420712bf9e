"""How much a pair of boxes is worth at a given IoU, and how the bar rises during training."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def threshold_at(progress: float, start: float = 0.5, end: float = 0.75) -> float:
    """The IoU that counts as found, rising linearly from `start` to `end` (progress in [0, 1]).

    Vision-R1 (arXiv 2503.18013, section 3.3) switches from .5 to .75 once, half way; the linear
    rise keeps the reward of a fixed answer from jumping within one optimizer step.
    """
    return start + (end - start) * min(1.0, max(0.0, progress))


def thresholded(iou: Floats, threshold: float) -> Floats:
    """IoU where it reaches the threshold, 0 below it; monotone, in [0, 1]."""
    return np.where(iou >= threshold, iou, 0.0)


def touching(iou: Floats) -> Floats:
    """1 where the boxes overlap at all, else 0."""
    return (iou > 0.0).astype(np.float64)


def banded(iou: Floats, low: float, high: float) -> Floats:
    """0 up to `low`, the IoU itself between, 1 from `high` on (Vision-R1, MG-Thinker)."""
    return np.where(iou >= high, 1.0, np.where(iou <= low, 0.0, iou))
