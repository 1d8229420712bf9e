"""VLM-R1 (arXiv 2504.07615): average precision of one answer times a length penalty."""

from __future__ import annotations

import numpy as np

from ..batch import Floats, ScoredBatch
from ..format import tag_format
from ..preset import Preset

THRESHOLDS = np.arange(0.5, 0.96, 0.05)


def _average_precision(iou: Floats) -> float:
    """Mean over IoU .5 to .95 of precision times recall, all boxes at one confidence.

    With equal confidences the precision-recall curve has one point, and the area under it is their
    product; the published reward runs a whole COCO evaluation to find it. Matched optimally instead
    of greedily, so that the order in which boxes are written does not matter.
    """
    from scipy.optimize import linear_sum_assignment

    n, m = iou.shape
    if not n or not m:
        return 0.0
    values: list[float] = []
    for threshold in THRESHOLDS:
        rows, cols = linear_sum_assignment(iou >= threshold, maximize=True)
        hits = float((iou[rows, cols] >= threshold).sum())
        values.append(hits / m * (hits / n))
    return float(np.mean(values))


def od_length(batch: ScoredBatch) -> Floats:
    """Average precision times min(1, #GT / #pred), (B,): extra boxes can't be free."""
    values = np.asarray(
        [
            _average_precision(iou[: int(n), : int(m)])
            for iou, n, m in zip(batch.iou, batch.predicted, batch.true, strict=True)
        ]
    )
    penalty = np.minimum(1.0, batch.true / np.maximum(batch.predicted, 1.0))
    return batch.if_empty(values * penalty)


VLM_R1 = Preset(
    name="vlm-r1",
    source=(
        "VLM-R1, arXiv 2504.07615, odLength: mAP * min(1, #GT/#pred) + format. Mended: a box "
        "without label no longer stops the step, garbage earns nothing on an empty truth, and "
        "1-pixel boxes have an area."
    ),
    terms={"od_length": od_length, "format": tag_format},
)
