"""Black bars and wedges at the rim of a picture: no picture, so nothing there has changed."""

from __future__ import annotations

import numpy as np

from .rasters import Bytes, require_cv2

BLACK = 12
"""Greatest channel value of a padded pixel: black, give or take compression."""

RING = 0.14
"""How far from the nearest side padding reaches at most, in parts of the shorter side.

A dark sky or a dark wall reaches further, and is a part of the picture.
"""


def find_padding(rgb: Bytes) -> np.ndarray:
    """Pixels that a turned, moved or letterboxed picture was filled up with, (h, w) bool.

    Args:
        rgb: (h, w, 3) uint8.
    """
    cv2 = require_cv2()
    height, width = rgb.shape[:2]
    black = (rgb.max(axis=2) <= BLACK).astype(np.uint8)
    reach = max(1, round(RING * min(height, width)))
    ring = np.ones((height, width), dtype=bool)
    ring[reach : height - reach, reach : width - reach] = False
    count, labels = cv2.connectedComponents(black, connectivity=8)
    rim = np.zeros(count, dtype=bool)
    for line in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        rim[line] = True
    deep = np.zeros(count, dtype=bool)
    deep[labels[~ring]] = True
    chosen = rim & ~deep
    chosen[0] = False
    return chosen[labels]
