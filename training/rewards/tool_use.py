"""Tool use: paid only when the answer is right and the tool mattered."""

from __future__ import annotations

import numpy as np

from .batch import Floats, ScoredBatch
from .quality import touching


def answer_quality(batch: ScoredBatch) -> Floats:
    """F1 of the answer with pairs worth their IoU from .5 on, (B,) in [0, 1]."""
    total = batch.best_total(_half, ("half", 0.5))
    return batch.if_empty(2.0 * total / np.maximum(batch.predicted + batch.true, 1.0))


def _half(iou: Floats) -> Floats:
    return np.where(iou >= 0.5, iou, 0.0)


def tool_use(batch: ScoredBatch) -> Floats:
    """The answer's quality where a tool's result carries it and no call was refused, else 0, (B,).

    DeepEyes (arXiv 2505.14362) pays the bonus only for right answers; asking in addition that the
    answer rests on the tool keeps ritual calls from being paid.
    """
    earned = np.asarray(
        [r.tool_calls > 0 and r.tool_mattered and r.tool_errors == 0 for r in batch.rollouts]
    )
    if not earned.any():
        return np.zeros(len(batch))
    found = batch.best_total(touching, ("touching", 0.0)) > 0.0
    return np.where(earned & found, answer_quality(batch), 0.0)
