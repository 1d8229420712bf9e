"""UniVG-R1 (arXiv 2505.14231): IoU of the first box plus format, weighted by difficulty."""

from __future__ import annotations

import numpy as np

from ..batch import Floats, ScoredBatch
from ..format import tag_format
from ..preset import Preset


def box_iou(batch: ScoredBatch) -> Floats:
    """IoU of the answered with the true box, (B,).

    The published reward reads the first box alone. For one box this is the same; for several it is
    the best one-to-one sum over the greater count, so that order is irrelevant and extras cost.
    """
    total = batch.best_total(_raw, ("raw", 0.0))
    return batch.if_empty(total / np.maximum(np.maximum(batch.true, batch.predicted), 1.0))


def _raw(iou: Floats) -> Floats:
    return iou


def difficulty(mean_iou: Floats) -> Floats:
    """exp(1 - mIoU) of each group: hard questions weigh more (their difficulty-aware weight)."""
    return np.exp(1.0 - np.clip(mean_iou, 0.0, 1.0))


UNIVG_R1 = Preset(
    name="univg-r1",
    source="UniVG-R1, arXiv 2505.14231: IoU + format (0 or 1), policy loss times exp(1 - mIoU).",
    terms={"iou": box_iou, "format": tag_format},
    group_weight=difficulty,
)
