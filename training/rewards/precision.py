"""Precision: how much of what was said is there. An extra box always costs."""

from __future__ import annotations

from functools import partial

import numpy as np

from .batch import Floats, ScoredBatch
from .quality import threshold_at, thresholded


def precision(batch: ScoredBatch) -> Floats:
    """Matched quality over the number of predicted boxes, (B,) in [0, 1].

    Vision-R1's term of that name averages over matched pairs only, so extra boxes are free there;
    here every predicted box counts, beyond those that are looked at too.
    """
    threshold = threshold_at(batch.progress)
    total = batch.best_total(partial(thresholded, threshold=threshold), ("thresholded", threshold))
    return batch.if_empty(total / np.maximum(batch.predicted, 1.0))
