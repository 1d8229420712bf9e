"""IoU matrices and optimal matching over arrays of boxes. Shapes are (n, 4), x1 y1 x2 y2."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def areas(boxes: Floats) -> Floats:
    """Areas of boxes (..., 4), shape (...,); 0 for inverted boxes and boxes that hold a NaN."""
    with np.errstate(invalid="ignore", over="ignore"):
        width = np.maximum(boxes[..., 2] - boxes[..., 0], 0.0)
        height = np.maximum(boxes[..., 3] - boxes[..., 1], 0.0)
        return np.nan_to_num(width * height, nan=0.0, posinf=0.0, neginf=0.0)


def iou_matrix(a: Floats, b: Floats) -> Floats:
    """IoU of every box of a with every box of b.

    Args:
        a: (..., n, 4).
        b: (..., m, 4); leading dimensions broadcast, so a whole group is scored at once.

    Returns:
        (..., n, m) in [0, 1]; 0 wherever either box is empty, inverted or not finite.
    """
    left, right = a[..., :, None, :], b[..., None, :, :]
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        width = np.minimum(left[..., 2], right[..., 2]) - np.maximum(left[..., 0], right[..., 0])
        height = np.minimum(left[..., 3], right[..., 3]) - np.maximum(left[..., 1], right[..., 1])
        common = np.maximum(width, 0.0) * np.maximum(height, 0.0)
        total = areas(a)[..., :, None] + areas(b)[..., None, :] - common
        iou = np.where((common > 0.0) & (total > 0.0), common / total, 0.0)
    return np.clip(np.nan_to_num(iou, nan=0.0, posinf=0.0, neginf=0.0), 0.0, 1.0)


def giou_matrix(a: Floats, b: Floats) -> Floats:
    """Generalized IoU (Rezatofighi et al. 2019, eq. 3) of every pair, (..., n, m) in [-1, 1]."""
    iou = iou_matrix(a, b)
    left, right = a[..., :, None, :], b[..., None, :, :]
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        hull_w = np.maximum(left[..., 2], right[..., 2]) - np.minimum(left[..., 0], right[..., 0])
        hull_h = np.maximum(left[..., 3], right[..., 3]) - np.minimum(left[..., 1], right[..., 1])
        hull = np.maximum(hull_w, 0.0) * np.maximum(hull_h, 0.0)
        both = areas(a)[..., :, None] + areas(b)[..., None, :]
        union = both / (1.0 + iou)
        loose = np.where(hull > 0.0, (hull - union) / hull, 1.0)
    return np.clip(np.nan_to_num(iou - loose, nan=-1.0, posinf=-1.0, neginf=-1.0), -1.0, 1.0)


class Matching(NamedTuple):
    """Which row goes with which column: three arrays of the same length k."""

    rows: NDArray[np.intp]
    cols: NDArray[np.intp]
    values: Floats


def match_optimal(similarity: Floats, minimum: float = 0.0) -> Matching:
    """One-to-one matching of rows to columns with the greatest total similarity.

    Args:
        similarity: (n, m), higher is better; entries that are not finite never match.
        minimum: pairs at or below it when 0, and below it otherwise, are no pairs at all; they
            are removed before matching, so a hopeless pair never takes a good one's place.
    """
    from scipy.optimize import linear_sum_assignment

    values: Floats = np.nan_to_num(
        np.asarray(similarity, dtype=np.float64), nan=-np.inf, posinf=-np.inf, neginf=-np.inf
    )
    allowed = values > 0.0 if minimum == 0.0 else values >= minimum
    if not allowed.any():
        empty = np.empty(0, dtype=np.intp)
        return Matching(empty, empty, np.empty(0))
    found: Any = linear_sum_assignment(np.where(allowed, values, 0.0), maximize=True)
    rows, cols = np.asarray(found[0]), np.asarray(found[1])
    keep = allowed[rows, cols]
    return Matching(rows[keep], cols[keep], values[rows[keep], cols[keep]])
