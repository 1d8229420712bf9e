"""Which answered box lies on which true box, for whole batches of answers at once.

Nearly all pairs of boxes of a picture do not touch, so nothing here is (n, m): only touching pairs
are kept, flat, and every term of a reward works on those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...tools.geometry import areas
from .rollout import BoxSet, Floats, Ints

Flags = NDArray[np.bool_]

PAIRS_AT_ONCE = 16_384
"""Pairs worked on at once: their temporary arrays then stay in a core's own cache."""


@dataclass(frozen=True, slots=True)
class Side:
    """The boxes of B answers, or of B truths, behind each other.

    Attributes:
        boxes: (N, 4). images: (N,). owner: (N,) which of the B a box belongs to.
        place: (N,) its index in there.
    """

    boxes: Floats
    images: Ints
    owner: Ints
    place: Ints

    @classmethod
    def of(cls, sets: Sequence[BoxSet], limit: int) -> Side:
        """Of B sets, at most `limit` boxes of each."""
        sizes = np.asarray([min(len(s), limit) for s in sets], dtype=np.int64)
        owner = np.repeat(np.arange(len(sets)), sizes)
        begin = np.cumsum(sizes) - sizes
        place = np.arange(len(owner)) - begin[owner]
        if not len(owner):
            return cls(np.empty((0, 4)), place, owner, place)
        boxes = np.concatenate([s.boxes[:limit] for s in sets])
        images = np.concatenate([s.images[:limit] for s in sets])
        return cls(boxes, images, owner, place)

    def __len__(self) -> int:
        return len(self.owner)

    @property
    def widest(self) -> int:
        """The most boxes of one of the B."""
        return int(self.place.max(initial=-1)) + 1

    def of_owner(self, index: int) -> Side:
        """The boxes of one of the B."""
        low, high = np.searchsorted(self.owner, [index, index + 1])
        return self.take(np.arange(low, high))

    def take(self, order: Ints) -> Side:
        """The boxes of these indexes, in this order."""
        return Side(self.boxes[order], self.images[order], self.owner[order], self.place[order])


@dataclass(frozen=True, slots=True)
class Pairs:
    """The P touching pairs of a batch, ordered by block and, within it, by answered box.

    Attributes:
        owner: (P,) rollout. row, column: (P,) places of the answered and the true box in it.
        said, true: (P,) numbers of the two boxes in the whole batch.
        block: (P,) number of the picture of a rollout; pairs of different blocks share no box.
        iou: (P,) in (0, 1].
        leads: (P,) whether a pair has the greatest IoU of its answered box; one pair of each box.
    """

    owner: Ints
    row: Ints
    column: Ints
    said: Ints
    true: Ints
    block: Ints
    iou: Floats
    leads: Flags


def touching_pairs(said: Side, true: Side) -> Pairs:
    """All pairs of an answered and a true box that share rollout and picture and overlap."""
    pictures = np.unique(true.images[true.images > 0])
    said_block, true_block = _blocks(said, pictures), _blocks(true, pictures)
    said_order = np.argsort(said_block, kind="stable")
    said_order = said_order[np.searchsorted(said_block[said_order], 0) :]
    true_order = np.argsort(true_block, kind="stable")
    true_order = true_order[np.searchsorted(true_block[true_order], 0) :]
    left, right = said.take(said_order), true.take(true_order)
    block = said_block[said_order]
    count = int(max(block.max(initial=-1), true_block.max(initial=-1))) + 1
    held = np.bincount(true_block[true_order], minlength=count)
    first = np.cumsum(held) - held
    rows, columns, iou = _overlaps(left.boxes, right.boxes, first[block], held[block])
    return Pairs(
        left.owner[rows], left.place[rows], right.place[columns], rows, columns, block[rows], iou,
        _leads(rows, iou),
    )  # fmt: skip


def _blocks(side: Side, pictures: Ints) -> Ints:
    """(N,) number of each box's rollout and picture; -1 for a picture without true boxes."""
    if not len(pictures):
        return np.full(len(side.images), -1, dtype=np.int64)
    rank = np.minimum(np.searchsorted(pictures, side.images), len(pictures) - 1)
    return np.where(pictures[rank] == side.images, side.owner * len(pictures) + rank, -1)


def _overlaps(said: Floats, true: Floats, first: Ints, count: Ints) -> tuple[Ints, Ints, Floats]:
    """(rows, columns, IoU) of overlapping pairs: row i goes with columns first to first + count."""
    ends = np.cumsum(count)
    if not len(ends) or ends[-1] == 0:
        empty = np.empty(0, dtype=np.int64)
        return empty, empty, np.empty(0)
    cuts = np.searchsorted(ends, np.arange(0, int(ends[-1]), PAIRS_AT_ONCE)).tolist()
    found: list[tuple[Ints, Ints, Floats]] = []
    boxes = (np.ascontiguousarray(said.T), np.ascontiguousarray(true.T))
    surfaces = areas(said), areas(true)
    with np.errstate(invalid="ignore", over="ignore"):
        for start, end in pairwise([*cuts, len(count)]):
            some = slice(start, end)
            found.append(_overlaps_of(boxes, surfaces, start, first[some], count[some]))
    rows, cols, values = zip(*found, strict=True)
    return np.concatenate(rows), np.concatenate(cols), np.concatenate(values)


def _overlaps_of(
    boxes: tuple[Floats, Floats],
    surfaces: tuple[Floats, Floats],
    start: int,
    first: Ints,
    count: Ints,
) -> tuple[Ints, Ints, Floats]:
    """`_overlaps` of the rows from `start` on, boxes as (4, n) columns."""
    said, true = boxes
    row = np.repeat(np.arange(start, start + len(count)), count)
    column = np.arange(len(row)) + np.repeat(first - (np.cumsum(count) - count), count)
    width = np.minimum(said[2][row], true[2][column])
    width -= np.maximum(said[0][row], true[0][column])
    near = np.flatnonzero(width > 0.0)
    row, column, width = row[near], column[near], width[near]
    height = np.minimum(said[3][row], true[3][column])
    height -= np.maximum(said[1][row], true[1][column])
    common = width * np.maximum(height, 0.0)
    total = surfaces[0][row] + surfaces[1][column] - common
    # False for NaN, too: a box that is no box overlaps nothing.
    real = np.flatnonzero((common > 0.0) & (total > 0.0))
    row, column = row[real], column[real]
    iou = np.minimum(np.nan_to_num(common[real] / total[real], nan=0.0, posinf=0.0), 1.0)
    kept = np.flatnonzero(iou > 0.0)
    return row[kept], column[kept], iou[kept]


def _leads(rows: Ints, iou: Floats) -> Flags:
    """(P,) the first pair of the greatest IoU of each run of equal rows."""
    leads = np.zeros(len(rows), dtype=np.bool_)
    if len(rows):
        new = np.empty(len(rows), dtype=np.bool_)
        new[0], new[1:] = True, rows[1:] != rows[:-1]
        run = np.cumsum(new) - 1
        best = np.flatnonzero(iou == np.maximum.reduceat(iou, np.flatnonzero(new))[run])
        once = np.empty(len(best), dtype=np.bool_)
        once[0], once[1:] = True, run[best][1:] != run[best][:-1]
        leads[best[once]] = True
    return leads


def best_totals(pairs: Pairs, worth: Floats, count: int) -> Floats:
    """Greatest sum of worths over one-to-one matchings, for each of `count` rollouts, (count,).

    No matching is worth more than the best pair of every answered box together. Where these best
    pairs claim different true boxes they are a matching themselves, and so the greatest one; only
    the pictures in which two claim the same true box are left to the Hungarian algorithm.

    Args:
        pairs: of the batch.
        worth: (P,) in [0, 1], non-decreasing in the pairs' IoU.
        count: B.
    """
    paid = worth > 0.0
    chosen = np.flatnonzero(pairs.leads & paid)
    if not len(chosen):
        return np.zeros(count)
    rivals = np.bincount(pairs.true[chosen])[pairs.true[chosen]] > 1
    block = pairs.block[chosen]
    open_ = np.zeros(int(pairs.block[-1]) + 1, dtype=np.bool_)
    open_[block[rivals]] = True
    settled = chosen[~open_[block]]
    # Counting nothing gives whole numbers.
    totals = np.bincount(pairs.owner[settled], worth[settled], count).astype(np.float64)
    if rivals.any():
        left = np.flatnonzero(open_[pairs.block] & paid)
        cuts = np.flatnonzero(np.diff(pairs.block[left])) + 1
        for some in np.split(left, cuts):
            totals[pairs.owner[some[0]]] += _assign(pairs.said[some], pairs.true[some], worth[some])
    return totals


def _assign(rows: Ints, columns: Ints, worth: Floats) -> float:
    """The greatest total of the pairs of one picture."""
    from scipy.optimize import linear_sum_assignment

    # Boxes of a picture stand near each other in the batch, so their numbers span little.
    low, left = int(rows[0]), int(columns.min())
    matrix = np.zeros((int(rows[-1]) - low + 1, int(columns.max()) - left + 1))
    matrix[rows - low, columns - left] = worth
    return float(matrix[linear_sum_assignment(matrix, maximize=True)].sum())
