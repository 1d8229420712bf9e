"""MC-Bench's two metrics (Xu et al. 2025, arXiv 2410.12332, section 4), written anew.

Instance AP50: AP at IoU .5 of each instance group, averaged with weights = true boxes of the
group. Image accuracy: a sample counts where every picture has a box exactly if it should have one,
negative samples included.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...tools.boxes import boxes_array
from ...tools.geometry import iou_matrix, match_optimal
from .metrics.average_precision import AveragePrecision, Detection, TrueObject, average_precision


@dataclass(frozen=True, slots=True)
class McSample:
    """One sample: ids of its pictures in order, true boxes and predicted boxes (category = group).

    A picture id belongs to one sample only. Where it was not answered, no picture is judged right.
    """

    images: tuple[int, ...]
    truth: tuple[TrueObject, ...]
    found: tuple[Detection, ...]
    answered: bool = True


def assign_groups(sample: McSample, groups: int) -> tuple[Detection, ...]:
    """Predicted boxes under the true groups' numbers.

    A model can't know the order in which the annotators numbered the groups of a sample ("pairs
    with the same role"), so its groups are put to the true ones one to one where their boxes,
    matched optimally in each picture, overlap most in total. A predicted group that is left over
    takes a number that is free in this sample, where its boxes are false alarms.

    Args:
        sample: with groups as predicted.
        groups: how many group numbers there are, from 1.
    """
    true = sorted({t.category for t in sample.truth})
    predicted = sorted({d.category for d in sample.found})
    overlap = np.zeros((len(predicted), len(true)))
    for p, mine in enumerate(predicted):
        for t, theirs in enumerate(true):
            overlap[p, t] = sum(_overlap(sample, image, mine, theirs) for image in sample.images)
    pairs = match_optimal(overlap)
    renamed = {predicted[p]: true[t] for p, t in zip(pairs.rows, pairs.cols, strict=True)}
    taken = set(renamed.values())
    free = [g for g in range(1, groups + 1) if g not in taken]
    # Groups that overlap nothing take a true group first: that is where one was looked for.
    free.sort(key=lambda g: (g not in true, g))
    for p in predicted:
        if p not in renamed:
            renamed[p] = free.pop(0) if free else groups
    return tuple(d._replace(category=renamed[d.category]) for d in sample.found)


def _overlap(sample: McSample, image: int, predicted: int, true: int) -> float:
    """Total IoU of one picture's boxes of two groups, matched optimally."""
    left = [d.box for d in sample.found if d.image == image and d.category == predicted]
    right = [t.box for t in sample.truth if t.image == image and t.category == true]
    if not left or not right:
        return 0.0
    return float(match_optimal(iou_matrix(boxes_array(left), boxes_array(right))).values.sum())


def weighted_ap50(
    samples: Sequence[McSample], found: Sequence[Detection], groups: Sequence[int]
) -> tuple[float, AveragePrecision]:
    """AP50 of each group weighted by its true boxes, percent (NaN for no truth), and all figures.

    Args:
        samples: for their pictures and truth.
        found: predicted boxes, already under the true groups' numbers.
        groups: all group numbers.
    """
    images = [i for s in samples for i in s.images]
    truth = [t for s in samples for t in s.truth]
    result = average_precision(images, groups, truth, found)
    total = sum(result.counts.values())
    parts = [
        result.by_category50[g] * n / total
        for g, n in result.counts.items()
        if n and not math.isnan(result.by_category50[g])
    ]
    return (math.fsum(parts) if total else math.nan), result


def image_correct(sample: McSample) -> bool:
    """Whether every picture of a sample has a box exactly if it should have one."""
    if not sample.answered:
        return False
    true = {t.image for t in sample.truth}
    found = {d.image for d in sample.found}
    return all((i in true) == (i in found) for i in sample.images)


def image_accuracy(samples: Sequence[McSample]) -> float:
    """Samples whose pictures are all judged right, percent; NaN for none."""
    if not samples:
        return math.nan
    return 100.0 * sum(image_correct(s) for s in samples) / len(samples)
