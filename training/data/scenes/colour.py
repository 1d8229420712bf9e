"""Colour words measured from pixels, only where one word clearly fits."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

COLOURS = (
    "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "grey",
)  # fmt: skip

_UNSURE = len(COLOURS)


def _name_index(hue: float, saturation: float, value: float) -> int:
    """Index of the colour word, or `_UNSURE` between two words. hue 0-180, the others 0-255."""
    word: str | None = None
    if value < 50:
        word = "black"
    elif saturation < 38:
        word = "white" if value > 205 else "grey" if 75 < value < 180 else None
    elif saturation > 75 and value > 70:
        word = _hue_word(hue, saturation, value)
    return _UNSURE if word is None else COLOURS.index(word)


def _hue_word(hue: float, saturation: float, value: float) -> str | None:
    if 5 <= hue < 20 and value < 150:
        return "brown"
    if hue < 6 or hue >= 174:
        return "red" if saturation > 120 else None
    if 9 <= hue < 19:
        return "orange" if value > 190 and saturation > 130 else None
    spans = ((23, 33, "yellow"), (40, 82, "green"), (96, 126, "blue"), (131, 148, "purple"))
    for low, high, word in spans:
        if low <= hue < high:
            return word if word != "yellow" or value > 150 else None
    return "pink" if 152 <= hue < 172 and value > 150 else None


@lru_cache(maxsize=1)
def _table() -> NDArray[np.uint8]:
    """Colour index by hue / 2, saturation / 8, value / 8: (90, 32, 32)."""
    table = np.empty((90, 32, 32), dtype=np.uint8)
    for h in range(90):
        for s in range(32):
            for v in range(32):
                table[h, s, v] = _name_index(h * 2 + 1, s * 8 + 4, v * 8 + 4)
    return table


def colour_shares(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> dict[str, float]:
    """Share of each colour word among the masked pixels of an RGB picture (h, w, 3)."""
    import cv2

    inside = pixels[mask]
    if inside.size == 0:
        return {}
    if len(inside) > 4096:
        inside = inside[:: len(inside) // 2048]
    hsv = cv2.cvtColor(inside.reshape(1, -1, 3), cv2.COLOR_RGB2HSV)[0]
    index = _table()[hsv[:, 0] // 2, hsv[:, 1] // 8, hsv[:, 2] // 8]
    counts = np.bincount(index, minlength=_UNSURE + 1)
    return {word: float(counts[i]) / len(hsv) for i, word in enumerate(COLOURS) if counts[i]}


def colour_word(shares: dict[str, float], least: float = 0.6) -> str | None:
    """The word that covers at least this share, all others together leaving no doubt; or None."""
    if not shares:
        return None
    word = max(shares, key=lambda name: shares[name])
    rest = max((share for name, share in shares.items() if name != word), default=0.0)
    return word if shares[word] >= least and rest <= 0.25 else None
