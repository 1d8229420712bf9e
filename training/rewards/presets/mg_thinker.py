"""MG-Thinker: tag format + (image id + banded IoU) per target, aligned within pictures."""

from __future__ import annotations

import numpy as np

from ..batch import Floats, ScoredBatch
from ..format import thinks_as_asked
from ..preset import Preset
from ..quality import banded


def tag_parts(batch: ScoredBatch) -> Floats:
    """Half for readable, a quarter each for well-formed and for thinking as asked."""
    return np.asarray(
        [
            0.5 * r.readable
            + 0.25 * (r.readable and r.well_formed)
            + 0.25 * (r.readable and thinks_as_asked(r))
            for r in batch.rollouts
        ]
    )


def id_and_iou(batch: ScoredBatch) -> Floats:
    """Sum of (1 + banded IoU) / 2 over true boxes whose picture is right, over the count, (B,).

    IoU at or above .9 counts 1, at or below .1 counts 0, itself between; a wrong picture earns
    neither part. Targets are aligned one to one within pictures. The published sum grows with the
    number of targets; dividing by it, or by that of predicted boxes where they are more, keeps the
    term in [0, 1] and lets boxes astray cost.
    """

    def quality(iou: Floats) -> Floats:
        return np.where(iou > 0.0, 0.5 + 0.5 * banded(iou, 0.1, 0.9), 0.0)

    total = batch.best_total(quality, ("mg-thinker", 0.1))
    return batch.if_empty(total / np.maximum(np.maximum(batch.true, batch.predicted), 1.0))


MG_THINKER = Preset(
    name="mg-thinker",
    source="MG-Thinker (2026): R_format + R_acc, R_acc = R_id + R_IoU per aligned target.",
    terms={"format": tag_parts, "accuracy": id_and_iou},
    weights={"accuracy": 2.0},
)
