"""Placements from local features: tentative matches and a robust fit (USAC, MAGSAC++)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .features import Features, tentative_matches
from .rasters import Matrix, require_cv2


@dataclass(frozen=True, slots=True)
class Fit:
    """A map that many feature matches agree with.

    Attributes:
        matrix: 3 x 3, source raster to target raster.
        inliers: how many matches agree.
        matches: how many there were.
        spread: share of the source's width times height that the agreeing matches span.
    """

    matrix: Matrix
    inliers: int
    matches: int
    spread: float


def fit_features(
    source: Features, target: Features, source_size: tuple[int, int], *, ratio: float = 0.85
) -> list[Fit]:
    """Maps from source to target: similarity, affine and homography, those that hold.

    Args:
        source: features of the source raster.
        target: features of the target raster.
        source_size: (width, height) of the source raster, for the spread.
        ratio: see `tentative_matches`.

    Returns:
        Best first (by inliers); empty where fewer than three matches agree.
    """
    cv2 = require_cv2()
    rows, cols, _ = tentative_matches(source, target, ratio)
    if len(rows) < 3:
        return []
    a, b = source.points[rows].astype(np.float64), target.points[cols].astype(np.float64)
    scales = target.sizes[cols] / np.maximum(source.sizes[rows], 1e-6)
    threshold = float(np.clip(2.0 * np.median(scales), 1.5, 6.0))
    fits: list[Fit] = []

    def keep(found: tuple[np.ndarray | None, np.ndarray | None], least: int) -> None:
        matrix, mask = found
        if matrix is None or mask is None or not np.isfinite(matrix).all():
            return
        full = matrix if matrix.shape == (3, 3) else np.vstack([matrix, [0.0, 0.0, 1.0]])
        inside = mask.ravel().astype(bool)
        if int(inside.sum()) >= least and is_plausible(full, source_size):
            spread = _spread(a[inside], source_size)
            fits.append(Fit(full / full[2, 2], int(inside.sum()), len(rows), spread))

    keep(cv2.estimateAffinePartial2D(a, b, ransacReprojThreshold=threshold, maxIters=3000), 3)
    if len(rows) >= 6:
        keep(cv2.estimateAffine2D(a, b, ransacReprojThreshold=threshold, maxIters=3000), 5)
    if len(rows) >= 10:
        keep(cv2.findHomography(a, b, cv2.USAC_MAGSAC, threshold, maxIters=3000), 9)
    return sorted(fits, key=lambda fit: -fit.inliers)


def is_plausible(matrix: Matrix, size: tuple[int, int]) -> bool:
    """Whether a map keeps orientation and bends a source of `size` by no more than a camera may.

    The local area factor must be positive at all corners and vary by less than 6, and neither
    direction may shrink by more than 4 against the other.
    """
    width, height = size
    x = np.array([0.0, width, width, 0.0, width / 2])
    y = np.array([0.0, 0.0, height, height, height / 2])
    w = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
    if (w <= 1e-9).any():
        return False
    factors = np.linalg.det(matrix) / w**3
    if (factors <= 1e-6).any() or factors.max() / factors.min() > 6.0:
        return False
    singular = np.linalg.svd(matrix[:2, :2] / matrix[2, 2], compute_uv=False)
    return bool(singular[1] > 0 and singular[0] / singular[1] < 4.0)


def _spread(points: np.ndarray, size: tuple[int, int]) -> float:
    """Share of the source that the box around some of its points covers."""
    if len(points) < 2:
        return 0.0
    extent = points.max(axis=0) - points.min(axis=0)
    return float(extent[0] * extent[1] / (size[0] * size[1]))
