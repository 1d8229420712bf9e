"""One contact sheet of all pictures, their boxes redrawn at the sheet's own size."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...tools.text import clean_text
from .annotate import Marked, annotate

if TYPE_CHECKING:
    from PIL import Image

    from ...tools.images import Picture

WIDTH = 1600
GAP = 12
CAPTION = 26
BACKGROUND = (250, 250, 250)
INK = (40, 40, 40)


def contact_sheet(pictures: Sequence[Picture], marked: Sequence[Marked]) -> Image.Image:
    """All pictures in reading order, each with its number, its name and its boxes."""
    from PIL import Image, ImageDraw, ImageFont

    columns = min(len(pictures), max(1, math.ceil(math.sqrt(len(pictures)))))
    rows = math.ceil(len(pictures) / columns)
    cell = (WIDTH - GAP * (columns + 1)) // columns
    shapes = [_fit(picture, cell) for picture in pictures]
    heights = [
        max(height for _, height in shapes[row * columns : (row + 1) * columns])
        for row in range(rows)
    ]
    total = sum(heights) + rows * (CAPTION + GAP) + GAP
    sheet = Image.new("RGB", (WIDTH, total), BACKGROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(16)
    top = GAP
    for row, height in enumerate(heights):
        for column, number in enumerate(
            range(row * columns, min(len(pictures), (row + 1) * columns))
        ):
            left = GAP + column * (cell + GAP)
            picture = pictures[number]
            name = os.path.basename(picture.source) or picture.source
            words = clean_text(f"image {number + 1}  {name}", max(8, cell // 9))
            draw.text((left, top + 3), words, fill=INK, font=font)
            here = [m for m in marked if m.found.image == number + 1]
            scale = shapes[number][0] / picture.width
            drawn = annotate(picture.pixels, here, scale)
            sheet.paste(drawn, (left, top + CAPTION))
        top += height + CAPTION + GAP
    return sheet


def _fit(picture: Picture, cell: int) -> tuple[int, int]:
    """Size of a picture in its cell: never wider than it, at most 1.4 times as high."""
    scale = min(cell / picture.width, 1.4 * cell / picture.height, 8.0)
    return max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
