"""A question about photographs with its exact answer, and how its pictures are made."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageDraw

from ...tools.boxes import Box
from ...tools.images import picture_from_path
from ...tools.views import render_window
from .photos import Photo, Thing

QuestionTask = Literal["retrieval", "common", "reference", "region", "absent", "difference"]
TASKS: tuple[QuestionTask, ...] = (
    "retrieval", "common", "reference", "region", "absent", "difference",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Paste:
    """An object of another photograph put into one.

    Attributes:
        source, thing: whence. place: its box in the picture that receives it, pixels.
    """

    source: Photo
    thing: Thing
    place: Box


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture of a question: a photograph, or a part of it, or one that was edited.

    Attributes:
        window: the part shown, photograph pixels, or None for all.
        size: (width, height) of the part after scaling.
        paste: an object put in. erase: an object painted over from its surroundings.
        quality: JPEG quality of a picture that is not the file itself.
    """

    photo: Photo
    window: Box | None = None
    size: tuple[int, int] | None = None
    paste: Paste | None = None
    erase: Thing | None = None
    quality: int = 85

    @property
    def is_file(self) -> bool:
        """Whether the picture is the photograph's own file."""
        return self.window is None and self.paste is None and self.erase is None

    def render(self) -> Image.Image:
        """The pixels, RGB, upright. Raises ImageError where a photograph can't be read."""
        image = picture_from_path(self.photo.path).pixels
        if self.is_file:
            return image
        if self.erase is not None:
            image = erased(image, self.erase)
        if self.paste is not None:
            image = pasted(image, self.paste)
        if self.window is not None:
            size = self.size or (round(self.window.width), round(self.window.height))
            image = render_window(image, self.window, size)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=self.quality)
        buffer.seek(0)
        with Image.open(buffer) as again:
            return again.convert("RGB")


@dataclass(frozen=True, slots=True)
class PhotoQuestion:
    """A question and its exact answer.

    Attributes:
        shots: the pictures, in order. truth: (1-based picture, box in its pixels) of every
            target; empty where nothing is there.
        order: by what the target was chosen (a side or a size), and its rank from 1; None where
            it is not one of several.
    """

    task: QuestionTask
    query: str
    shots: tuple[Shot, ...]
    truth: tuple[tuple[int, Box], ...]
    order: tuple[str, int] | None = None


def mask_of(thing: Thing, size: tuple[int, int]) -> Image.Image:
    """The object's outline as a mask of the whole photograph, mode L."""
    mask = Image.new("L", size, 0)
    draw = ImageDraw.Draw(mask)
    for polygon in thing.polygons:
        if len(polygon) >= 6:
            draw.polygon(list(polygon), fill=255)
    return mask


def pasted(image: Image.Image, paste: Paste) -> Image.Image:
    """The picture with an object of another photograph in it, scaled to its place."""
    donor = picture_from_path(paste.source.path).pixels
    box = paste.thing.box.clip(donor.width, donor.height)
    size = (max(1, round(paste.place.width)), max(1, round(paste.place.height)))
    piece = render_window(donor, box, size)
    mask = render_window(mask_of(paste.thing, donor.size), box, size)
    result = image.copy()
    result.paste(piece, (round(paste.place.x1), round(paste.place.y1)), mask)
    return result


def erased(image: Image.Image, thing: Thing) -> Image.Image:
    """The picture with an object painted over from its surroundings (Telea's inpainting)."""
    import cv2
    import numpy as np

    mask = np.asarray(mask_of(thing, image.size))
    grown = cv2.dilate(mask, np.ones((9, 9), np.uint8))
    filled = cv2.inpaint(np.asarray(image), grown, 5, cv2.INPAINT_TELEA)
    return Image.fromarray(filled)
