"""Pictures as text, for protocols that carry them so."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image


def jpeg_base64(image: Image.Image, side: int | None = None, quality: int = 88) -> str:
    """An RGB picture as JPEG in base64, made no larger than `side` pixels on its longer side."""
    if side is not None and max(image.size) > side:
        scale = side / max(image.size)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image.resize(size, reducing_gap=3.0)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
