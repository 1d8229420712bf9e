"""Registration: the map that lays one picture over another of the same scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .geometric import Fit, fit_features, is_plausible
from .locate import cached_features
from .padding import find_padding
from .rasters import Bytes, Floats, Matrix, Raster, centred, require_cv2, uncentred

BLOCK = 24
"""Side of the blocks whose correlation says how much of a picture agrees, work pixels."""

LEAST_AGREEMENT = 0.25
"""Share of the textured blocks that must correlate for two pictures to show one scene."""

FLAT_SHARE = 0.15
"""Share of textured blocks below which a picture is nearly flat."""

RIM = 7
"""Width of the square by which the common part of two pictures is worn off, pixels: next to a
border of one picture, resampling and compression mix in what lies beyond it."""


@dataclass(frozen=True, slots=True)
class Registration:
    """How the second picture lies over the first.

    Attributes:
        matrix: 3 x 3, first raster to second raster, continuous coordinates.
        agreement: share of the textured blocks of the first that correlate with the second.
        overlap: share of the first that the second covers.
    """

    matrix: Matrix
    agreement: float
    overlap: float


def register(first: Raster, second: Raster) -> Registration | None:
    """The best map from the first raster to the second, or None where no map fits.

    Candidates are the plain resize and the fits of local features; each is refined by ECC and
    judged by how many textured blocks correlate, so that a changed part of any size that leaves a
    quarter of the scene does not pull the map away.
    """
    plain = np.diag([second.width / first.width, second.height / first.height, 1.0])
    fits: list[Fit] = fit_features(
        cached_features(first), cached_features(second), (first.width, first.height), ratio=0.8
    )
    best: Registration | None = None
    for matrix in [plain, *(fit.matrix for fit in fits[:3])]:
        judged = judge_registration(first.grey, second.grey, matrix)
        if best is None or judged.agreement > best.agreement + 0.005:
            best = judged
    if best is None:
        return None
    if best.agreement < LEAST_AGREEMENT and _nearly_flat(first, second, plain):
        return Registration(plain, LEAST_AGREEMENT, 1.0)
    refined = refine_registration(first.grey, second.grey, best.matrix)
    if refined is not None:
        judged = judge_registration(first.grey, second.grey, refined)
        if judged.agreement >= best.agreement - 0.002:
            best = judged
    return best if best.agreement >= LEAST_AGREEMENT and best.overlap >= 0.3 else None


def _nearly_flat(first: Raster, second: Raster, plain: Matrix) -> bool:
    """Whether two pictures of one shape show next to nothing, such as a thing in a clear sky.

    Then the little texture that there is may be all that changed, and can't speak for the scene.
    """
    if abs(first.width * second.height / (first.height * second.width) - 1.0) > 0.02:
        return False
    size = (first.width, first.height)
    inside = np.ones((first.height, first.width), dtype=bool)
    _, textured = block_correlation(first.grey, warp_onto(second.grey, plain, size), inside)
    return float(textured.mean()) < FLAT_SHARE


def warp_onto(image: np.ndarray, matrix: Matrix, size: tuple[int, int]) -> np.ndarray:
    """The second picture's pixels at each pixel of the first; replicated beyond its border.

    Args:
        image: (h, w) or (h, w, c) of the second raster.
        matrix: first raster to second raster.
        size: (width, height) of the first raster.
    """
    cv2 = require_cv2()
    return cv2.warpPerspective(
        image,
        centred(matrix),
        size,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def covered(matrix: Matrix, second: tuple[int, int], first: tuple[int, int]) -> np.ndarray:
    """Which pixels of the first raster the second covers, (h, w) bool."""
    cv2 = require_cv2()
    ones = np.full((second[1], second[0]), 255, dtype=np.uint8)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpPerspective(ones, centred(matrix), first, flags=flags) >= 250


def both_show(first: Raster, second: Raster, matrix: Matrix) -> np.ndarray:
    """Which pixels of the first raster show the scene in both, rims left out; (h, w) bool."""
    cv2 = require_cv2()
    size = (first.width, first.height)
    inside = covered(matrix, (second.width, second.height), size)
    empty = warp_onto(find_padding(second.rgb).astype(np.uint8) * 255, matrix, size) > 0
    inside &= ~empty & ~find_padding(first.rgb)
    worn = inside.astype(np.uint8)
    if not inside.all():
        worn = cv2.copyMakeBorder(worn, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
        worn = cv2.erode(worn, np.ones((RIM, RIM), dtype=np.uint8))[1:-1, 1:-1]
    return worn > 0


def judge_registration(first: Bytes, second: Bytes, matrix: Matrix) -> Registration:
    """How much of the first agrees with the second under a map."""
    height, width = first.shape
    warped = warp_onto(second, matrix, (width, height))
    inside = covered(matrix, (second.shape[1], second.shape[0]), (width, height))
    values, textured = block_correlation(first, warped, inside)
    agreement = float((values[textured] > 0.6).mean()) if textured.any() else 0.0
    if not textured.any():
        difference = np.abs(first.astype(np.float32) - warped)[inside]
        agreement = 1.0 if difference.size and float(np.median(difference)) < 12.0 else 0.0
    return Registration(matrix, agreement, float(inside.mean()))


def block_correlation(first: Bytes, second: Bytes, inside: np.ndarray) -> tuple[Floats, np.ndarray]:
    """Correlation of every `BLOCK` square, and which squares have enough texture to tell."""
    cv2 = require_cv2()
    a = cv2.GaussianBlur(first, (0, 0), 1.5).astype(np.float32)
    b = cv2.GaussianBlur(second, (0, 0), 1.5).astype(np.float32)
    rows, cols = max(1, a.shape[0] // BLOCK), max(1, a.shape[1] // BLOCK)
    side = min(BLOCK, *a.shape)

    def blocks(values: np.ndarray) -> np.ndarray:
        cut = values[: rows * side, : cols * side].reshape(rows, side, cols, side)
        return cut.transpose(0, 2, 1, 3).reshape(rows * cols, side * side)

    x, y, m = blocks(a), blocks(b), blocks(inside.astype(np.float32)).mean(axis=1)
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    sx, sy = np.sqrt((x * x).mean(axis=1)), np.sqrt((y * y).mean(axis=1))
    values = (x * y).mean(axis=1) / np.maximum(sx * sy, 1e-3)
    return values, (np.maximum(sx, sy) > 5.0) & (m > 0.9)


def refine_registration(first: Bytes, second: Bytes, matrix: Matrix) -> Matrix | None:
    """The map improved by ECC as a homography; None where ECC fails or runs away."""
    cv2 = require_cv2()
    start = centred(matrix)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-5)
    try:
        _, found = cv2.findTransformECC(
            first,
            second,
            (start / start[2, 2]).astype(np.float32),
            cv2.MOTION_HOMOGRAPHY,
            criteria,
            None,
            5,
        )
    except cv2.error:
        return None
    refined = uncentred(np.asarray(found, dtype=np.float64))
    size = (first.shape[1], first.shape[0])
    return refined if np.isfinite(refined).all() and is_plausible(refined, size) else None
