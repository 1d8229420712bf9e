"""Multi-scale template search: where a source with few features correlates with a target."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .rasters import Bytes, Matrix, require_cv2


class Effort(NamedTuple):
    """How finely scales are searched.

    Attributes:
        step: ratio of neighbouring scales.
        side: short side of the reduced template, pixels; the target is reduced by the same factor.
        places: how many places are returned; they differ in place or in scale.
    """

    step: float
    side: int
    places: int


THOROUGH = Effort(1.09, 20, 6)
"""For targets of about a megapixel."""

SWIFT = Effort(1.15, 16, 8)
"""For targets of many megapixels: a third of the cost at half a pixel's more slack at the rim."""


class Candidate(NamedTuple):
    """A place that correlates: the map from source raster to target raster, and how much."""

    matrix: Matrix
    value: float


def search_template(
    source: Bytes,
    target: Bytes,
    *,
    smallest: float = 20.0,
    largest: float = float("inf"),
    effort: Effort = THOROUGH,
) -> list[Candidate]:
    """The best places of a source in a target over all scales at which it fits, best first.

    Args:
        source: (h, w) uint8.
        target: (h, w) uint8.
        smallest: least short side of the content in the target, target pixels.
        largest: greatest short side of the content in the target, target pixels.
        effort: how finely scales are searched.
    """
    height, width = source.shape
    short = min(width, height)
    scale = min(target.shape[0] / height, target.shape[1] / width, largest / short)
    found: list[Candidate] = []
    while scale * short >= smallest:
        found.extend(_search_scale(source, target, scale, effort.side))
        scale /= effort.step
    return _distinct(found, (width, height), effort.places)


def _search_scale(source: Bytes, target: Bytes, scale: float, side: int) -> list[Candidate]:
    """The best places at one scale (target pixels per source pixel)."""
    cv2 = require_cv2()
    height, width = source.shape
    content = scale * min(width, height)
    reduction = min(1.0, side / content)
    target_size = (
        max(1, round(target.shape[1] * reduction)),
        max(1, round(target.shape[0] * reduction)),
    )
    size = (
        min(target_size[0], max(4, round(width * scale * reduction))),
        min(target_size[1], max(4, round(height * scale * reduction))),
    )
    template = cv2.resize(source, size, interpolation=cv2.INTER_AREA)
    if float(template.std()) < 1.5:
        return []
    reduced = cv2.resize(target, target_size, interpolation=cv2.INTER_AREA)
    response = cv2.matchTemplate(reduced, template, cv2.TM_CCOEFF_NORMED)
    np.nan_to_num(response, copy=False, nan=-1.0, posinf=-1.0, neginf=-1.0)
    fx, fy = target.shape[1] / target_size[0], target.shape[0] / target_size[1]
    places: list[Candidate] = []
    for _ in range(2):
        index = int(np.argmax(response))
        y, x = divmod(index, response.shape[1])
        value = float(response[y, x])
        if value < 0.3:
            break
        sx, sy = size[0] * fx / width, size[1] * fy / height
        matrix = np.array([[sx, 0.0, x * fx], [0.0, sy, y * fy], [0.0, 0.0, 1.0]])
        places.append(Candidate(matrix, value))
        dy, dx = max(2, size[1] // 3), max(2, size[0] // 3)
        response[max(0, y - dy) : y + dy + 1, max(0, x - dx) : x + dx + 1] = -1.0
    return places


def _distinct(found: list[Candidate], size: tuple[int, int], count: int) -> list[Candidate]:
    """The best candidates whose placed centres or scales differ."""
    kept: list[Candidate] = []
    middle = np.array([size[0] / 2, size[1] / 2, 1.0])
    for candidate in sorted(found, key=lambda c: -c.value):
        centre = (candidate.matrix @ middle)[:2]
        reach = 0.15 * min(size) * candidate.matrix[0, 0]
        for other in kept:
            near = np.abs((other.matrix @ middle)[:2] - centre).max() < reach
            if near and 0.85 < other.matrix[0, 0] / candidate.matrix[0, 0] < 1.18:
                break
        else:
            kept.append(candidate)
            if len(kept) == count:
                break
    return kept
