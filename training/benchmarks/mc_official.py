"""What MC-Bench's published script does (XuYunqiu/MC-Bench, eval_mc_bench.py), bugs included.

Only under `--official`. Written anew from its behaviour; `MC_QUIRKS` names each difference from
the metric that the paper describes.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from ...tools.boxes import boxes_array
from ...tools.geometry import iou_matrix
from .mc_metrics import McSample
from .metrics.average_precision import Detection, TrueObject

MC_QUIRKS = (
    "The predictions are read again for every picture that has a second group, so only the"
    " re-labelling of the last such picture's sample survives; all other samples keep the"
    " model's own group numbers.",
    "That re-labelling goes group by group over one list: a box moved from 1 to 2 is moved again"
    " with group 2.",
    "A sample with more predicted groups than true ones is not re-labelled at all.",
    "A numbering is judged by the mean overlap of its matched boxes, so matching fewer can win.",
    "Image accuracy takes pictures two by two in order of their ids.",
)


def official_found(samples: Sequence[McSample]) -> list[Detection]:
    """All predicted boxes with the groups that the script ends up with."""
    found = [d for s in samples for d in s.found]
    # The script goes over a Python set of picture ids; which one is last is the set's order.
    order = list({t.image for s in samples for t in s.truth if t.category == 2})
    if not order:
        return found
    last = order[-1]
    sample = next(s for s in samples if last in s.images)
    own = {last, *sample.images}
    for old, new in enumerate(_chosen(sample, last), start=1):
        found = [
            d._replace(category=new) if d.category == old and d.image in own else d for d in found
        ]
    return found


def _chosen(sample: McSample, first: int) -> tuple[int, ...]:
    """True groups in the order in which they stand for predicted groups 1, 2, ..."""
    true = list({t.category for t in sample.truth})
    predicted = {d.category for d in sample.found}
    numberings = list(itertools.permutations(true, len(predicted)))
    if not numberings:
        return ()
    images = (first, *(i for i in sample.images if i != first))
    means = [_mean_overlap(sample, images, numbering) for numbering in numberings]
    return numberings[means.index(max(means))]


def _mean_overlap(sample: McSample, images: Sequence[int], numbering: Sequence[int]) -> float:
    from scipy.optimize import linear_sum_assignment

    overlaps: list[float] = []
    for group, true in enumerate(numbering, start=1):
        for image in images:
            left = [d.box for d in sample.found if d.image == image and d.category == group]
            right = [t.box for t in sample.truth if t.image == image and t.category == true]
            if left and right:
                iou = iou_matrix(boxes_array(left), boxes_array(right))
                rows, columns = linear_sum_assignment(-iou)
                overlaps.extend(float(v) for v in iou[rows, columns])
    return float(np.mean(overlaps)) if overlaps else 0.0


def official_accuracy(samples: Sequence[McSample], found: Sequence[Detection]) -> float:
    """Image accuracy, percent, over pictures taken two by two in order of their ids."""
    images = sorted(i for s in samples for i in s.images)
    truth: list[TrueObject] = [t for s in samples for t in s.truth]
    true, seen = {t.image for t in truth}, {d.image for d in found}
    pairs = list(zip(images[::2], images[1::2], strict=False))
    right = sum(all((i in true) == (i in seen) for i in pair) for pair in pairs)
    return 100.0 * right / (len(images) / 2) if images else float("nan")
