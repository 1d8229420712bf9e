"""Does a placement hold, pixel by pixel: refinement by ECC, and correlation at two scales."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .rasters import Bytes, Floats, Matrix, centred, map_points, require_cv2, uncentred

WORK_SIDE = 96
"""Short side, pixels, at which a placement is refined and judged."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """How well a placed source agrees with the target underneath it.

    Attributes:
        matrix: the refined 3 x 3 map, source raster to target raster.
        coarse: correlation of the grey values, -1 to 1.
        fine: correlation of what is left after the slow changes are taken away, -1 to 1.
        contrast: standard deviation of the source's grey values at the judged size, 0 to 127.
        detail: standard deviation of the fine part of the source, 0 to 127.
        inside: share of the source that lies inside the target.
        side: short side at which they were compared, pixels.
    """

    matrix: Matrix
    coarse: float
    fine: float
    contrast: float
    detail: float
    inside: float
    side: float


def judge_placement(
    source: Bytes, target: Bytes, matrix: Matrix, *, refine: bool = True, side: int = WORK_SIDE
) -> Evidence | None:
    """Warp the target under the source, refine the map, and correlate.

    Both are compared at the resolution of the poorer one, so that a magnified or reduced copy is
    not taken for a different one.

    Args:
        source: (h, w) uint8.
        target: (h, w) uint8.
        matrix: source raster to target raster, continuous coordinates.
        refine: improve the map by ECC (Evangelidis & Psarakis 2008) first.
        side: short side at which they are compared, at most.

    Returns:
        None where the map is degenerate or leaves too little to compare.
    """
    cv2 = require_cv2()
    height, width = source.shape
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    if not np.isfinite(scale) or scale < 1e-3 or scale > 1e3:
        return None
    short = min(width, height)
    goal = min(float(short), short * scale, float(side))
    if goal < 8.0:
        return None
    work = (max(8, round(width * goal / short)), max(8, round(height * goal / short)))
    to_source = np.diag([width / work[0], height / work[1], 1.0])
    part = _around(target, matrix @ to_source, work, scale * short / goal)
    if part is None:
        return None
    reduced, to_target = part
    # work raster -> reduced target
    warp = np.linalg.inv(to_target) @ matrix @ to_source
    small = cv2.resize(source, work, interpolation=cv2.INTER_AREA)
    template = cv2.GaussianBlur(small, (0, 0), 0.8).astype(np.float32)
    if refine:
        warp = _refine(template, reduced, warp)
    under, inside = _sample(reduced, warp, work)
    if float(inside.mean()) < 0.5:
        return None
    under = cv2.GaussianBlur(under, (0, 0), 0.8)
    refined = to_target @ warp @ np.linalg.inv(to_source)
    sigma = max(2.0, goal / 10)
    fine_a = template - cv2.GaussianBlur(template, (0, 0), sigma)
    fine_b = under - cv2.GaussianBlur(under, (0, 0), sigma)
    return Evidence(
        refined / refined[2, 2],
        correlation(template, under, inside),
        correlation(fine_a, fine_b, inside),
        float(template[inside].std()),
        float(fine_a[inside].std()),
        float(inside.mean()),
        goal,
    )


def _around(
    target: Bytes, warp: Matrix, size: tuple[int, int], factor: float
) -> tuple[Floats, Matrix] | None:
    """The part of the target around a placed work raster, made smaller by about `factor`.

    Kept at its size where the factor is near or below 1. Returns float32 pixels and the map from
    them to the target; None where nothing of the target is there.
    """
    cv2 = require_cv2()
    corners = np.array([[0, 0], [size[0], 0], list(size), [0, size[1]]], dtype=np.float64)
    placed = map_points(warp, corners)
    if not np.isfinite(placed).all():
        return None
    margin = 0.3 * (placed.max(axis=0) - placed.min(axis=0)) + 4.0 * max(1.0, factor)
    limit = np.array([target.shape[1], target.shape[0]])
    low = np.clip(np.floor(placed.min(axis=0) - margin), 0, limit).astype(int)
    high = np.clip(np.ceil(placed.max(axis=0) + margin), 0, limit).astype(int)
    if (high - low < 4).any():
        return None
    part = target[low[1] : high[1], low[0] : high[0]]
    scale = np.ones(2)
    if factor > 1.1:
        small = (max(4, round(part.shape[1] / factor)), max(4, round(part.shape[0] / factor)))
        scale = np.array([part.shape[1] / small[0], part.shape[0] / small[1]])
        part = cv2.resize(part, small, interpolation=cv2.INTER_AREA)
    back = np.array([[scale[0], 0.0, low[0]], [0.0, scale[1], low[1]], [0.0, 0.0, 1.0]])
    return part.astype(np.float32), back


def _sample(target: Floats, warp: Matrix, size: tuple[int, int]) -> tuple[Floats, np.ndarray]:
    """The target under each work pixel (float32), and which of them lie inside the target."""
    cv2 = require_cv2()
    matrix = centred(warp)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    under = cv2.warpPerspective(target, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    ones = np.ones(target.shape, dtype=np.uint8)
    inside = cv2.warpPerspective(ones, matrix, size, flags=flags) > 0
    return under, inside


def _refine(template: Floats, target: Floats, warp: Matrix) -> Matrix:
    """The warp improved by ECC; as given where ECC does not converge or runs away."""
    cv2 = require_cv2()
    start = centred(warp)
    matrix = (start / start[2, 2])[:2].astype(np.float32)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-4)
    try:
        _, found = cv2.findTransformECC(
            template, target, matrix.copy(), cv2.MOTION_AFFINE, criteria, None, 3
        )
    except cv2.error:
        return warp
    if not np.isfinite(found).all():
        return warp
    height, width = template.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)
    full = np.vstack([found.astype(np.float64), [0.0, 0.0, 1.0]])
    refined = uncentred(full)
    moved = np.abs(map_points(refined, corners) - map_points(warp, corners)).max()
    return refined if moved <= 0.25 * min(width, height) else warp


def correlation(a: Floats, b: Floats, inside: np.ndarray) -> float:
    """Pearson's correlation of two rasters over a mask; 0 where either is flat."""
    x, y = a[inside], b[inside]
    if x.size < 16:
        return 0.0
    x, y = x - x.mean(), y - y.mean()
    norm = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum() / norm) if norm > 1e-6 * x.size else 0.0
