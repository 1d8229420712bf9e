"""Vision-R1 (arXiv 2503.18013, section 3.2-3.3): dual format, recall, pair precision."""

from __future__ import annotations

import numpy as np

from ..batch import Floats, ScoredBatch
from ..preset import Preset
from ..quality import banded

SWITCH = 0.5
"""Progress at which the second, stricter stage begins."""


def dual_format(batch: ScoredBatch) -> Floats:
    """1 for a readable, well-formed answer; thinking is not asked for."""
    return np.asarray([float(r.readable and r.well_formed) for r in batch.rollouts])


def _pairs(batch: ScoredBatch) -> list[tuple[Floats, Floats]]:
    """(IoU, GIoU) of the matched pairs of each rollout; every box is matched as far as they go."""
    from scipy.optimize import linear_sum_assignment

    found: list[tuple[Floats, Floats]] = []
    for iou, giou, n, m in zip(batch.iou, batch.giou, batch.predicted, batch.true, strict=True):
        rows, cols = linear_sum_assignment(giou[: int(n), : int(m)], maximize=True)
        found.append((iou[rows, cols], giou[rows, cols]))
    return found


def stage_recall(batch: ScoredBatch) -> Floats:
    """Pairs with GIoU at or above tau over the number of true boxes, then banded .5 to .75."""
    tau = 0.5 if batch.progress < SWITCH else 0.75
    hits = np.asarray([float((giou >= tau).sum()) for _, giou in _pairs(batch)])
    return batch.if_empty(banded(hits / np.maximum(batch.true, 1.0), 0.4999, 0.75))


def pair_precision(batch: ScoredBatch) -> Floats:
    """Mean banded GIoU of the matched pairs; extra boxes are not counted, as published."""
    low, high = (0.4999, 0.75) if batch.progress < SWITCH else (0.7499, 0.9)
    values = [
        float(banded(np.maximum(giou, 0.0), low, high).mean()) if giou.size else 0.0
        for _, giou in _pairs(batch)
    ]
    return batch.if_empty(np.asarray(values))


VISION_R1 = Preset(
    name="vision-r1",
    source=(
        "Vision-R1, arXiv 2503.18013: dual format + recall + precision, the sum of three terms; "
        "matching by GIoU alone (its L1 part needs class scores that an answer in text lacks)."
    ),
    terms={"format": dual_format, "recall": stage_recall, "precision": pair_precision},
)
