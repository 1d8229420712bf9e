"""What changed between two registered pictures: a noise-normalised difference, cut into regions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..boxes import Box
from .lighting import relight_to
from .rasters import Bytes, Floats, require_cv2

STRUCTURE_REACH = 2.0
"""Standard deviation of the window in which structure is compared, pixels."""

STRUCTURE_FLOOR = 4.5
"""Energy of the fine lightness of two flat pictures (noise, compression), Lab units squared."""

SAME = 1.5
"""Difference of a pixel, in units of its noise, up to which it is the same in both pictures."""


@dataclass(frozen=True, slots=True)
class Change:
    """One changed region.

    Attributes:
        box: pixels of the first raster.
        score: how clearly it changed, 0 to 1.
        strength: mean difference inside, in units of the noise.
        share: changed pixels over the raster's pixels.
    """

    box: Box
    score: float
    strength: float
    share: float


def find_changes(first: Bytes, second: Bytes, inside: np.ndarray) -> list[Change]:
    """Changed regions, best first.

    Args:
        first: (h, w, 3) uint8, RGB.
        second: (h, w, 3) uint8, RGB, laid over the first.
        inside: (h, w) bool, where both show the scene.
    """
    cv2 = require_cv2()
    # Each in the light of the other, and the smaller difference counts: where one picture is
    # burnt out, only the other can be mapped onto it.
    a, b = to_lab(first), to_lab(second)
    relit_a = to_lab(relight_to(first, second, inside))
    relit_b = to_lab(relight_to(second, first, inside))
    # Where only one shows the scene it stands in for the other, so that no edge leaks inwards.
    outside = ~inside[..., None]
    b, relit_b = np.where(outside, relit_a, b), np.where(outside, a, relit_b)
    forward, backward = _normalised(relit_a, b, inside), _normalised(a, relit_b, inside)
    colour = cv2.GaussianBlur(np.minimum(forward, backward), (0, 0), 1.2)
    structure = np.minimum(
        structural_difference(relit_a, b, inside), structural_difference(a, relit_b, inside)
    )
    return cut_regions(np.maximum(colour, structure), inside)


def _normalised(a: Floats, b: Floats, inside: np.ndarray) -> Floats:
    """The tolerant difference in units of its noise, 0 where only one shows the scene."""
    difference = tolerant_difference(a, b)
    noise = noise_level(difference, a, b, inside)
    return np.where(inside, difference / noise, 0.0).astype(np.float32)


def to_lab(rgb: Bytes | Floats) -> Floats:
    """RGB to CIE Lab, float32, slightly smoothed: L 0 to 100, a and b about -100 to 100."""
    cv2 = require_cv2()
    smooth = cv2.GaussianBlur(rgb.astype(np.float32) / 255.0, (0, 0), 1.0)
    return cv2.cvtColor(smooth, cv2.COLOR_RGB2LAB)


def tolerant_difference(a: Floats, b: Floats, reach: int = 1) -> Floats:
    """Distance of each pixel's colour from the range of colours around it in the other picture.

    The mean of both ways; an edge that lies a pixel off is no difference.
    """
    cv2 = require_cv2()
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), dtype=np.uint8)

    def outside(x: Floats, y: Floats) -> Floats:
        low, high = cv2.erode(y, kernel), cv2.dilate(y, kernel)
        gap = np.maximum(np.maximum(low - x, x - high), 0.0)
        return np.sqrt((gap * gap).sum(axis=2)).astype(np.float32)

    return (0.5 * (outside(a, b) + outside(b, a))).astype(np.float32)


def structural_difference(a: Floats, b: Floats, inside: np.ndarray) -> Floats:
    """How little the fine structure of two pictures agrees, in the units of `find_changes`.

    The energy of the difference of the high-passed lightness over the energy of both: 0 where the
    structure is the same, 1 where it is unrelated, whatever the contrast; so a thing is seen in
    front of a texture of its own colour. Flat places have no structure and come out as 0.

    Args:
        a: (h, w, 3) Lab.
        b: (h, w, 3) Lab.
        inside: (h, w) bool, where both show the scene.
    """
    cv2 = require_cv2()
    mask = inside.astype(np.float32)
    fine_a, fine_b = ((x[..., 0] - cv2.GaussianBlur(x[..., 0], (0, 0), 4.0)) * mask for x in (a, b))
    apart = cv2.GaussianBlur((fine_a - fine_b) ** 2, (0, 0), STRUCTURE_REACH)
    whole = cv2.GaussianBlur(fine_a**2 + fine_b**2, (0, 0), STRUCTURE_REACH)
    ratio = apart / (whole + STRUCTURE_FLOOR)
    usual = float(np.median(ratio[inside])) if inside.any() else 0.0
    # The window reaches beyond the edge of a thing; the pixels there are the same in both.
    point = cv2.GaussianBlur(np.sqrt(((a - b) ** 2).sum(axis=2)), (0, 0), 0.8)
    noise = 1.0 + 1.5 * float(np.median(point[inside])) if inside.any() else 1.0
    known = inside & (point > SAME * noise)
    return np.where(known, ratio / max(0.16, 3.0 * usual), 0.0).astype(np.float32)


def noise_level(difference: Floats, a: Floats, b: Floats, inside: np.ndarray) -> Floats:
    """The difference that noise alone makes at each pixel: a base plus a share of the texture."""
    cv2 = require_cv2()
    texture = np.minimum(_texture(a), _texture(b))
    known = difference[inside]
    base = 1.0 + 1.5 * float(np.median(known)) if known.size else 1.0
    smooth = cv2.GaussianBlur(texture, (0, 0), 3.0)
    return (base + 0.15 * smooth).astype(np.float32)


def _texture(lab: Floats) -> Floats:
    """Local spread of lightness: a 5 x 5 range."""
    cv2 = require_cv2()
    kernel = np.ones((5, 5), dtype=np.uint8)
    return cv2.dilate(lab[..., 0], kernel) - cv2.erode(lab[..., 0], kernel)


def cut_regions(
    z: Floats, inside: np.ndarray, *, high: float = 5.0, low: float = 2.2, least: float = 6e-4
) -> list[Change]:
    """Regions of a normalised difference: seeds above `high`, grown to `low`, fragments joined.

    Args:
        z: (h, w), the difference in units of its noise.
        inside: (h, w) bool, where both show the scene.
        high: a region needs some pixels above it.
        low: a region is made of pixels above it.
        least: smallest share of the picture that counts as a change.
    """
    cv2 = require_cv2()
    weak = ((z > low) & inside).astype(np.uint8)
    weak = cv2.morphologyEx(weak, cv2.MORPH_OPEN, np.ones((3, 3), dtype=np.uint8))
    reach = max(3, round(0.012 * max(z.shape))) | 1
    closed = cv2.morphologyEx(
        weak, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    )
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    changes: list[Change] = []
    for index in range(1, count):
        x, y, w, h, area = (int(value) for value in stats[index])
        if area / z.size < least:
            # Noise makes thousands of these; each would cost a pass over the picture.
            continue
        part = np.s_[y : y + h, x : x + w]
        mask = (labels[part] == index) & (weak[part] > 0)
        pixels = int(mask.sum())
        if pixels == 0:
            continue
        values = z[part][mask]
        seeds = int((values > high).sum())
        share = pixels / z.size
        if seeds < max(6, 0.08 * pixels) or share < least:
            continue
        strength = float(values.mean())
        changes.append(Change(Box(x, y, x + w, y + h), 0.0, strength, share))
    merged = merge_fragments(changes)
    ranked = sorted(merged, key=lambda c: -c.strength * c.share)
    return [
        Change(c.box, round(float(1 - np.exp(-c.strength / 8)), 4), c.strength, c.share)
        for c in ranked
    ]


def merge_fragments(changes: list[Change]) -> list[Change]:
    """Pieces of one object joined: those whose gap is small against the larger piece."""
    pieces = sorted(changes, key=lambda c: -c.box.area)
    joined = True
    while joined:
        joined = False
        for i, big in enumerate(pieces):
            for j in range(len(pieces) - 1, i, -1):
                if _belongs(big.box, pieces[j].box):
                    big = _join(big, pieces.pop(j))
                    joined = True
            pieces[i] = big
    return pieces


def _belongs(big: Box, small: Box) -> bool:
    gap_x = max(big.x1 - small.x2, small.x1 - big.x2, 0.0)
    gap_y = max(big.y1 - small.y2, small.y1 - big.y2, 0.0)
    reach = 0.15 * min(big.width, big.height) ** 0.5 * max(big.width, big.height) ** 0.5
    return max(gap_x, gap_y) <= max(3.0, reach)


def _join(a: Change, b: Change) -> Change:
    share = a.share + b.share
    strength = (a.strength * a.share + b.strength * b.share) / share
    return Change(a.box.union(b.box), 0.0, strength, share)
