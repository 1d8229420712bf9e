"""Where the content of one raster lies in another: features first, template search after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..boxes import Box
from .features import BoundedCache, Features, extract_features
from .geometric import fit_features
from .rasters import Matrix, Raster, map_box
from .template import search_template
from .verify import Evidence, judge_placement

_features: BoundedCache[tuple[object, ...], Features] = BoundedCache(64)


ACCEPT = 0.5
"""Score from which a placement is reported."""

SURE = 0.95
"""Score from which no other way of looking is tried."""

LEAST_SIDE = 19.0
"""Short side, pixels, under which a correlation says too little to place anything."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A place where the content was found.

    Attributes:
        matrix: 3 x 3, source raster to target raster (mirroring included).
        box: upright box around the placed source, target raster pixels, clipped to the target.
        score: 0 to 1.
        mirrored: the target shows the content left-right mirrored.
        method: what proposed it.
        inliers: feature matches that agree; 0 for a template.
    """

    matrix: Matrix
    box: Box
    score: float
    mirrored: bool
    method: Literal["features", "template"]
    inliers: int
    evidence: Evidence


def cached_features(raster: Raster, mirrored: bool = False) -> Features:
    """The features of a raster, or of its mirror image; kept for the next call."""
    grey = np.ascontiguousarray(raster.grey[:, ::-1]) if mirrored else raster.grey
    return _features.get((raster.key, mirrored), lambda: extract_features(grey))


def locate(source: Raster, target: Raster) -> Placement | None:
    """The best placement of the source's content in the target, or None where it is not there."""
    best: Placement | None = None
    for mirrored in (False, True):
        for placement in _by_features(source, target, mirrored):
            if best is None or placement.score > best.score:
                best = placement
        if best is not None and best.score >= SURE:
            return best
    for mirrored in (False, True):
        for placement in _by_template(source, target, mirrored):
            if best is None or placement.score > best.score:
                best = placement
        if best is not None and best.score >= SURE:
            break
    return best if best is not None and best.score >= ACCEPT else None


def _by_features(source: Raster, target: Raster, mirrored: bool) -> list[Placement]:
    fits = fit_features(
        cached_features(source, mirrored), cached_features(target), (source.width, source.height)
    )
    placements = [
        _place(source, target, fit.matrix, mirrored, "features", fit.inliers) for fit in fits[:3]
    ]
    return [placement for placement in placements if placement is not None]


def _by_template(source: Raster, target: Raster, mirrored: bool) -> list[Placement]:
    grey = np.ascontiguousarray(source.grey[:, ::-1]) if mirrored else source.grey
    candidates = search_template(grey, target.grey)
    placements = [_place(source, target, c.matrix, mirrored, "template", 0) for c in candidates]
    return [placement for placement in placements if placement is not None]


def _place(
    source: Raster,
    target: Raster,
    matrix: Matrix,
    mirrored: bool,
    method: Literal["features", "template"],
    inliers: int,
) -> Placement | None:
    """Judge a map of the (mirrored) source and make a placement of it."""
    grey = np.ascontiguousarray(source.grey[:, ::-1]) if mirrored else source.grey
    evidence = judge_placement(grey, target.grey, matrix)
    if evidence is None:
        return None
    whole = Box(0.0, 0.0, float(source.width), float(source.height))
    box = map_box(evidence.matrix, whole).clip(target.width, target.height)
    if not box.is_valid:
        return None
    full = evidence.matrix
    if mirrored:
        full = full @ np.array([[-1.0, 0.0, source.width], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    score = placement_score(evidence, inliers)
    return Placement(full, box, score, mirrored, method, inliers, evidence)


def placement_score(evidence: Evidence, inliers: int) -> float:
    """How surely a placement is right: 0 to 1, at least `ACCEPT` where it is believed.

    A logistic regression on what placements of degraded crops in their own and in other pictures
    look like: a correlation tells more over more pixels, over more detail, and where features
    agree too. Correlations enter by Fisher's transform, under which their noise is even.
    """
    coarse = np.arctanh(np.clip(evidence.coarse, -0.2, 0.995))
    fine = np.arctanh(np.clip(evidence.fine, -0.2, 0.995))
    size = np.log(evidence.side / 32.0)
    if evidence.side < LEAST_SIDE:
        return 0.0
    logit = (
        -8.0
        + 3.37 * coarse
        + (1.08 + 2.14 * size) * fine
        + 2.69 * size
        + 0.28 * np.log1p(inliers)
        + 0.22 * min(inliers, 30)
        - 2.84 * np.log(max(evidence.contrast, 1.0) / 20.0)
        + 2.91 * np.log(max(evidence.detail, 0.5) / 10.0)
    )
    return float(1.0 / (1.0 + np.exp(-np.clip(logit, -30.0, 30.0))))
