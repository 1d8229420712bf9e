"""Rollouts of whole groups side by side: one computation of overlaps, cached matchings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...tools.geometry import giou_matrix
from .pairs import Pairs, Side, best_totals, touching_pairs
from .rollout import BoxSet, Rollout, Sample

Floats = NDArray[np.float64]

MAX_BOXES = 512
"""Boxes of one answer that are looked at. The rest still count as predicted, so they only cost."""


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
        self._said, self._truth = Side.of(answers, MAX_BOXES), Side.of(truths, MAX_BOXES)
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
    def pairs(self) -> Pairs:
        """The pairs of answered and true boxes that overlap."""
        return touching_pairs(self._said, self._truth)

    @cached_property
    def iou(self) -> Floats:
        """(B, n, m) IoU of predicted with true boxes; 0 across pictures and for padding."""
        values = np.zeros(self._shape)
        pairs = self.pairs
        values[pairs.owner, pairs.row, pairs.column] = pairs.iou
        return values

    @cached_property
    def giou(self) -> Floats:
        """(B, n, m) generalized IoU; -1 across pictures and for padding."""
        values = np.full(self._shape, -1.0)
        for index in range(len(self)):
            said, true = self._said.of_owner(index), self._truth.of_owner(index)
            same = (said.images[:, None] == true.images) & (said.images[:, None] > 0)
            values[index, : len(said), : len(true)] = np.where(
                same, giou_matrix(said.boxes, true.boxes), -1.0
            )
        return values

    @property
    def _shape(self) -> tuple[int, int, int]:
        return len(self), self._said.widest, self._truth.widest

    def best_total(self, quality: Callable[[Floats], Floats], key: tuple[str, float]) -> Floats:
        """(B,) the greatest sum of pair qualities over one-to-one matchings within pictures.

        The matching maximises the very quantity that is paid, so bettering one pair's quality can
        never lower the total (optimal assignment is monotone in its weights).

        Args:
            quality: elementwise map of IoU to [0, 1], 0 at 0 and nowhere falling.
            key: names `quality`, so that two terms that share it match only once.
        """
        if key not in self._totals:
            self._totals[key] = best_totals(self.pairs, quality(self.pairs.iou), len(self))
        return self._totals[key]

    def if_empty(self, otherwise: Floats) -> Floats:
        """What a term is where truth or answer is empty, (B,).

        1 where a readable answer rightly says that nothing is there, 0 where only one side is
        empty or the answer can't be read, `otherwise` elsewhere.
        """
        nothing_true, nothing_said = self.true == 0, self.predicted == 0
        rightly = nothing_true & nothing_said & self.readable
        return np.where(nothing_true | nothing_said, rightly.astype(np.float64), otherwise)
