"""Image index: were the boxes put into the right pictures, the right number of times."""

from __future__ import annotations

import numpy as np

from .batch import Floats, ScoredBatch
from .quality import touching


def image_index(batch: ScoredBatch) -> Floats:
    """F1 between the multisets of picture indexes of answer and truth, (B,) in [0, 1].

    An index counts once for each box that touches a true box of that picture (one to one), so
    boxes sprayed over a picture that is known to be right are not paid, and a box that touches
    nothing never helps. Nothing true: 1 for a readable empty answer, 0 for any box.
    """
    hits = batch.best_total(touching, ("touching", 0.0))
    return batch.if_empty(2.0 * hits / np.maximum(batch.predicted + batch.true, 1.0))
