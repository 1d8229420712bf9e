"""Precision, recall and F1 of grounded boxes: right place, in the right picture, one to one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ....tools.boxes import Box, boxes_array
from ....tools.geometry import iou_matrix, match_optimal


class Placed(NamedTuple):
    """A box and the picture it lies in (1-based)."""

    image: int
    box: Box


class Agreement(NamedTuple):
    """How well predicted boxes agree with the true ones.

    Attributes:
        matched: pairs at or above the threshold, one to one, as many as can be.
        predicted, true: how many boxes there were.
        iou: mean IoU of the matched pairs; 0 where there are none.
    """

    matched: int
    predicted: int
    true: int
    iou: float

    @property
    def precision(self) -> float:
        """Matched over predicted; 1 where nothing was predicted and nothing is there."""
        return self.matched / self.predicted if self.predicted else float(self.true == 0)

    @property
    def recall(self) -> float:
        """Matched over true; 1 where nothing is there (false alarms show in the precision)."""
        return self.matched / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        """2 matched / (predicted + true); 1 where both are empty."""
        total = self.predicted + self.true
        return 2.0 * self.matched / total if total else 1.0


def agreement(
    predicted: Sequence[Placed], true: Sequence[Placed], threshold: float = 0.5
) -> Agreement:
    """Match boxes one to one at an IoU threshold, only inside the same picture.

    The matching is optimal: it makes as many pairs as can be made, and among those the greatest
    total IoU. A duplicate, an inverted box and a box with a NaN match nothing and count as false.
    """
    matched, total = 0, 0.0
    for image in {t.image for t in true}:
        left = boxes_array(p.box for p in predicted if p.image == image)
        right = boxes_array(t.box for t in true if t.image == image)
        if not len(left):
            continue
        iou = iou_matrix(left, right)
        # One more than any sum of IoU can gain: first the number of pairs, then their overlap.
        bonus = float(min(iou.shape)) + 1.0
        pairs = match_optimal(np.where(iou >= threshold, iou + bonus, 0.0))
        matched += len(pairs.rows)
        total += float(iou[pairs.rows, pairs.cols].sum())
    return Agreement(matched, len(predicted), len(true), total / matched if matched else 0.0)
