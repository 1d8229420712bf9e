"""Where the content of one raster lies in another: features first, template search after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..boxes import Box
from .features import BoundedCache, Features, extract_features
from .geometric import fit_features
from .rasters import Matrix, Raster, map_box
from .score import placement_logit, probability
from .template import SWIFT, search_template
from .verify import Evidence, judge_placement

_features: BoundedCache[tuple[object, ...], Features] = BoundedCache(64)


ACCEPT = 0.5
"""Score from which a placement is reported."""

SURE = 0.95
"""Score from which no other way of looking is tried."""

SMALLEST = 24.0
"""Short side, target pixels, down to which `locate_small` looks."""

ENLARGED = 4.0
"""How much larger than its content in the target a source may be for `locate_small` to be tried."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A place where the content was found.

    Attributes:
        matrix: 3 x 3, source raster to target raster (mirroring included).
        box: upright box around the placed source, target raster pixels, clipped to the target.
        logit: how surely it is right, log odds; orders placements that are all but certain.
        mirrored: the target shows the content left-right mirrored.
        method: what proposed it.
        inliers: feature matches that agree; 0 for a template.
    """

    matrix: Matrix
    box: Box
    logit: float
    mirrored: bool
    method: Literal["features", "template"]
    inliers: int
    evidence: Evidence

    @property
    def score(self) -> float:
        """0 to 1."""
        return probability(self.logit)


def cached_features(raster: Raster, mirrored: bool = False) -> Features:
    """The features of a raster, or of its mirror image; kept for the next call."""
    grey = np.ascontiguousarray(raster.grey[:, ::-1]) if mirrored else raster.grey
    return _features.get((raster.key, mirrored), lambda: extract_features(grey))


def locate(source: Raster, target: Raster) -> Placement | None:
    """The best placement of the source's content in the target, or None where it is not there."""
    best: Placement | None = None
    for propose in (_by_features, _by_template):
        for mirrored in (False, True):
            best = _better(best, propose(source, target, mirrored))
            if best is not None and best.score >= SURE:
                return best
    return best if best is not None and best.score >= ACCEPT else None


def may_be_small(source: Raster, coarse: Raster) -> bool:
    """Whether the content may lie in the picture at a size that the reduced target hides.

    Args:
        source: what is looked for; its window has its own pixels.
        coarse: the target as `locate` saw it.
    """
    reduction = coarse.width / coarse.window.width
    content = min(source.window.width, source.window.height) / ENLARGED
    return reduction < 0.9 and content * reduction < SMALLEST


def locate_small(source: Raster, target: Raster, reduction: float) -> Placement | None:
    """The best placement at sizes too small for `locate`, in a target of full resolution.

    Args:
        source: what is looked for.
        target: at (or near) its picture's own resolution.
        reduction: size of the target that `locate` saw over the size of this one, below 1.
    """
    best: Placement | None = None
    for mirrored in (False, True):
        grey = np.ascontiguousarray(source.grey[:, ::-1]) if mirrored else source.grey
        candidates = search_template(
            grey, target.grey, smallest=SMALLEST, largest=1.2 * SMALLEST / reduction, effort=SWIFT
        )
        places = [_place(source, target, c.matrix, mirrored, "template", 0) for c in candidates]
        best = _better(best, places)
        if best is not None and best.score >= SURE:
            break
    return best if best is not None and best.score >= ACCEPT else None


def _better(best: Placement | None, others: list[Placement | None]) -> Placement | None:
    """The most likely of several placements."""
    for other in others:
        if other is not None and (best is None or other.logit > best.logit):
            best = other
    return best


def _by_features(source: Raster, target: Raster, mirrored: bool) -> list[Placement | None]:
    fits = fit_features(
        cached_features(source, mirrored), cached_features(target), (source.width, source.height)
    )
    return [_place(source, target, f.matrix, mirrored, "features", f.inliers) for f in fits[:3]]


def _by_template(source: Raster, target: Raster, mirrored: bool) -> list[Placement | None]:
    grey = np.ascontiguousarray(source.grey[:, ::-1]) if mirrored else source.grey
    candidates = search_template(grey, target.grey)
    return [_place(source, target, c.matrix, mirrored, "template", 0) for c in candidates]


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
    logit = placement_logit(evidence, inliers)
    return Placement(full, box, logit, mirrored, method, inliers, evidence)
