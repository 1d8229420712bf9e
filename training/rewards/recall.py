"""Recall: how much of what is there was found."""

from __future__ import annotations

from functools import partial

import numpy as np

from .batch import Floats, ScoredBatch
from .quality import threshold_at, thresholded


def recall(batch: ScoredBatch) -> Floats:
    """Matched quality over the number of true boxes, (B,) in [0, 1].

    Pairs are matched one to one within the same picture; a pair is worth its IoU once that reaches
    the progressive threshold. Nothing true: 1 for a readable empty answer, 0 for any box.
    """
    threshold = threshold_at(batch.progress)
    total = batch.best_total(partial(thresholded, threshold=threshold), ("thresholded", threshold))
    return batch.if_empty(total / np.maximum(batch.true, 1.0))
