"""EXIF orientation as a map between a file's stored raster and its upright picture."""

from __future__ import annotations

from .boxes import Box


def upright_size(stored: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Size of the upright picture for a stored (width, height) under EXIF orientation 1 to 8."""
    return (stored[1], stored[0]) if orientation >= 5 else stored


def _point(x: float, y: float, w: float, h: float, orientation: int) -> tuple[float, float]:
    """Stored point to upright point; w, h are the stored size."""
    match orientation:
        case 2:
            return w - x, y
        case 3:
            return w - x, h - y
        case 4:
            return x, h - y
        case 5:
            return y, x
        case 6:
            return h - y, x
        case 7:
            return h - y, w - x
        case 8:
            return y, w - x
        case _:
            return x, y


_INVERSE = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}


def stored_to_upright(box: Box, stored: tuple[int, int], orientation: int) -> Box:
    """A box of the stored raster in the upright picture (EXIF 2.32, tag 0x0112).

    Tools that ignore EXIF (OpenCV with IMREAD_IGNORE_ORIENTATION, many annotation formats) write
    boxes of the stored raster; ours are always upright.
    """
    w, h = stored
    a = _point(box.x1, box.y1, w, h, orientation)
    b = _point(box.x2, box.y2, w, h, orientation)
    return Box.ordered(*a, *b)


def upright_to_stored(box: Box, stored: tuple[int, int], orientation: int) -> Box:
    """The inverse of `stored_to_upright`; `stored` is still the stored (width, height)."""
    return stored_to_upright(box, upright_size(stored, orientation), _INVERSE.get(orientation, 1))
