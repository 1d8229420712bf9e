"""Small copies of a report's pictures, bounded in number and bytes."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator

from ...tools.errors import GemvgError
from ..answer import ImageInfo
from ..batch.shelf import PictureShelf

SIDE = 420
"""Longer side, pixels."""

QUALITY = 70

MOST_BYTES = 40_000_000
"""Of all thumbnails of a report, before base64."""


def thumbnails(images: Iterable[ImageInfo], folder: str, most: int) -> Iterator[str | None]:
    """JPEG in base64 for each picture; None where it can't be had or there are too many.

    Args:
        images: the pictures; those at the beginning are served first.
        folder: what their names are relative to.
        most: how many at most.

    A picture whose size is not the one that the results speak of is another picture: it is left
    out, since boxes would lie in wrong places.
    """
    shelf = PictureShelf(folder, pixels=1)
    spent = made = 0
    for image in images:
        data = _small(shelf, image) if made < most and spent < MOST_BYTES else None
        if data is None:
            yield None
            continue
        made += 1
        spent += len(data)
        yield base64.b64encode(data).decode()


def _small(shelf: PictureShelf, image: ImageInfo) -> bytes | None:
    from PIL import Image

    try:
        picture = shelf.open(image.source)
        if picture.size != (image.width, image.height):
            return None
        pixels = picture.pixels
    except GemvgError:
        return None
    small = pixels.copy()
    small.thumbnail((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    picture.release()
    out = io.BytesIO()
    small.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()
