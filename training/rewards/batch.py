"""Rollouts of whole groups side by side: padded arrays, one IoU computation, cached matchings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...tools.geometry import giou_matrix, iou_matrix
from .rollout import BoxSet, Rollout, Sample

Floats = NDArray[np.float64]

MAX_BOXES = 512
"""Boxes of one answer that are looked at. The rest still count as predicted, so they only cost."""

CACHED_PAIRS = 8192
"""Box pairs worked on at once: their temporary arrays then fit a core's own cache."""


def _padded(sets: Sequence[BoxSet], limit: int) -> tuple[Floats, NDArray[np.int64]]:
    """(B, n, 4) boxes and (B, n) pictures, filled with zeros where a set is shorter."""
    sizes = np.asarray([min(len(s), limit) for s in sets], dtype=np.int64)
    width = int(sizes.max(initial=0))
    boxes = np.zeros((len(sets), width, 4))
    images = np.zeros((len(sets), width), dtype=np.int64)
    if width:
        filled = np.arange(width) < sizes[:, None]
        boxes[filled] = np.concatenate([s.boxes[:limit] for s in sets])
        images[filled] = np.concatenate([s.images[:limit] for s in sets])
    return boxes, images


class ScoredBatch:
    """B rollouts with their samples, and everything that several terms need, computed once.

    Args:
        rollouts: B of them, in any order.
        samples: the sample of each, B long (rollouts of one group repeat the same object).
        progress: how far training is, in [0, 1]; progressive thresholds read it.
    """

    def __init__(
        self, rollouts: Sequence[Rollout], samples: Sequence[Sample], progress: float = 0.0
    ) -> None:
        if len(rollouts) != len(samples):
            raise ValueError(f"{len(rollouts)} rollouts for {len(samples)} samples")
        self.rollouts = tuple(rollouts)
        self.samples = tuple(samples)
        self.progress = min(1.0, max(0.0, progress))
        answers = [r.answer if r.readable else BoxSet() for r in rollouts]
        truths = [s.truth for s in samples]
        self._boxes, self._images = _padded(answers, MAX_BOXES)
        self._true_boxes, self._true_images = _padded(truths, MAX_BOXES)
        self.predicted: Floats = np.asarray([len(a) for a in answers], dtype=np.float64)
        self.true: Floats = np.asarray([len(t) for t in truths], dtype=np.float64)
        self._totals: dict[tuple[str, float], Floats] = {}

    def __len__(self) -> int:
        return len(self.rollouts)

    @cached_property
    def readable(self) -> NDArray[np.bool_]:
        """(B,) whether each rollout has an answer at all."""
        return np.asarray([r.readable for r in self.rollouts], dtype=np.bool_)

    @cached_property
    def _same_picture(self) -> NDArray[np.bool_]:
        same = self._images[:, :, None] == self._true_images[:, None, :]
        return same & (self._images[:, :, None] > 0)

    @cached_property
    def iou(self) -> Floats:
        """(B, n, m) IoU of predicted with true boxes; 0 across pictures and for padding."""
        return self._pairwise(iou_matrix, 0.0)

    @cached_property
    def giou(self) -> Floats:
        """(B, n, m) generalized IoU; -1 across pictures and for padding."""
        return self._pairwise(giou_matrix, -1.0)

    def _pairwise(self, matrix: Callable[[Floats, Floats], Floats], apart: float) -> Floats:
        """(B, n, m) values of the pairs that share a picture, `apart` elsewhere."""
        values = np.full(self._same_picture.shape, apart)
        where = np.nonzero(self._same_picture)
        for start in range(0, len(where[0]), CACHED_PAIRS):
            rollout, row, column = (axis[start : start + CACHED_PAIRS] for axis in where)
            said, true = self._boxes[rollout, row], self._true_boxes[rollout, column]
            values[rollout, row, column] = matrix(said[:, None], true[:, None])[:, 0, 0]
        return values

    def best_total(self, quality: Callable[[Floats], Floats], key: tuple[str, float]) -> Floats:
        """(B,) the greatest sum of pair qualities over one-to-one matchings within pictures.

        The matching maximises the very quantity that is paid, so bettering one pair's quality can
        never lower the total (optimal assignment is monotone in its weights).

        Args:
            quality: elementwise map of IoU to [0, 1], 0 at 0.
            key: names `quality`, so that two terms that share it match only once.
        """
        if key not in self._totals:
            self._totals[key] = _best_totals(quality(self.iou))
        return self._totals[key]

    def if_empty(self, otherwise: Floats) -> Floats:
        """What a term is where truth or answer is empty, (B,).

        1 where a readable answer rightly says that nothing is there, 0 where only one side is
        empty or the answer can't be read, `otherwise` elsewhere.
        """
        nothing_true, nothing_said = self.true == 0, self.predicted == 0
        rightly = nothing_true & nothing_said & self.readable
        return np.where(nothing_true | nothing_said, rightly.astype(np.float64), otherwise)


def _best_totals(pairs: Floats) -> Floats:
    """Greatest matching total of each (n, m) matrix of non-negative qualities, (B,)."""
    totals: Floats = pairs.sum(axis=(1, 2))
    found = pairs > 0.0
    # Where no two pairs share a row or a column, as for most well-separated objects, the sum is it.
    rivals = (found.sum(axis=1) > 1).any(axis=1) | (found.sum(axis=2) > 1).any(axis=1)
    if rivals.any():
        from scipy.optimize import linear_sum_assignment

        for index in np.flatnonzero(rivals):
            matrix = pairs[index]
            totals[index] = matrix[linear_sum_assignment(matrix, maximize=True)].sum()
    return totals
