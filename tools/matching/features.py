"""Local features: SIFT (Lowe 2004) with the root normalisation of Arandjelovic & Zisserman 2012."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from .rasters import Bytes, Floats, require_cv2

MAX_FEATURES = 3000


@dataclass(frozen=True, slots=True)
class Features:
    """The features of one raster.

    Attributes:
        points: (n, 2) float32, continuous raster coordinates.
        sizes: (n,) float32, diameter in raster pixels.
        angles: (n,) float32, degrees clockwise.
        descriptors: (n, 128) float32, unit length.
    """

    points: Floats
    sizes: Floats
    angles: Floats
    descriptors: Floats

    def __len__(self) -> int:
        return len(self.points)


def extract_features(grey: Bytes, limit: int = MAX_FEATURES) -> Features:
    """SIFT features of a grey raster, at most `limit` (those of highest contrast).

    A raster smaller than 160 pixels a side is magnified first, so that its few blobs are found in
    more than one octave; points and sizes are those of the raster as given.
    """
    cv2 = require_cv2()
    height, width = grey.shape
    factor = min(3.0, max(1.0, 160.0 / min(height, width), 1.0))
    if max(height, width) * factor > 1024:
        factor = max(1.0, 1024.0 / max(height, width))
    work = grey
    if factor > 1.0:
        size = (max(8, round(width * factor)), max(8, round(height * factor)))
        work = cv2.resize(grey, size, interpolation=cv2.INTER_CUBIC)
    sift = cv2.SIFT_create(
        nfeatures=limit, contrastThreshold=0.02, edgeThreshold=12, enable_precise_upscale=True
    )
    found, descriptors = sift.detectAndCompute(work, None)
    if descriptors is None or not found:
        empty = np.empty(0, dtype=np.float32)
        return Features(empty.reshape(0, 2), empty, empty, empty.reshape(0, 128))
    sx, sy = width / work.shape[1], height / work.shape[0]
    points = np.array([k.pt for k in found], dtype=np.float32)
    points = (points + np.float32(0.5)) * np.array([sx, sy], dtype=np.float32)
    sizes = np.array([k.size for k in found], dtype=np.float32) * np.float32((sx + sy) / 2)
    angles = np.array([k.angle for k in found], dtype=np.float32)
    root = np.sqrt(descriptors / (descriptors.sum(axis=1, keepdims=True) + 1e-7))
    return Features(points, sizes, angles, root.astype(np.float32))


K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """A least-recently-used cache that threads may share.

    Args:
        limit: how many values are kept.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The value of a key, made where it is not there. Two threads may both make it."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self._limit:
                self._values.popitem(last=False)
        return value

    def __len__(self) -> int:
        return len(self._values)


def tentative_matches(
    source: Features, target: Features, ratio: float = 0.85
) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """Nearest neighbours that pass Lowe's ratio test: (source rows, target rows, distance ratios).

    Each target feature is used once, by the source feature for which it is most distinct.
    """
    if len(source) == 0 or len(target) < 2:
        empty = np.empty(0, dtype=np.intp)
        return empty, empty, np.empty(0, dtype=np.float32)
    similarity = source.descriptors @ target.descriptors.T
    best = np.argmax(similarity, axis=1)
    rows = np.arange(len(source))
    first = similarity[rows, best]
    similarity[rows, best] = -1.0
    second = similarity.max(axis=1)
    # Unit vectors: squared distance is 2 - 2 * cosine.
    quotient = np.sqrt(np.maximum(2 - 2 * first, 0.0) / np.maximum(2 - 2 * second, 1e-9))
    keep = np.flatnonzero(quotient < ratio)
    keep = keep[np.argsort(quotient[keep], kind="stable")]
    _, unique = np.unique(best[keep], return_index=True)
    keep = keep[np.sort(unique)]
    return keep, best[keep], quotient[keep].astype(np.float32)
