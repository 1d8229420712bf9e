"""From what a caller gives (paths, bytes, arrays, PIL images) to checked pictures."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..tools.errors import ImageError, UsageError
from ..tools.images import (
    DEFAULT_LIMITS,
    ImageLimits,
    Picture,
    picture_from_array,
    picture_from_bytes,
    picture_from_image,
    picture_from_path,
)
from ..tools.text import clean_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    PictureSource = str | Path | bytes | bytearray | Image.Image | NDArray[np.uint8] | Picture
else:
    PictureSource = Any

MAX_IMAGES = 64
"""Pictures that one question may be about, unless told otherwise."""

DECODED_PIXELS_KEPT = 400_000_000
"""Decoded pixels of one question that are held at once; 3 bytes each."""

Fetcher = Callable[[str], bytes]
"""Gets a picture's bytes from a URL. It is the only way to the network, and off by default."""

_DECODING = threading.Lock()
"""PIL reads an opened file when it is first looked at, and two threads must not do that at once."""

_URL = re.compile(r"^\s*([a-zA-Z][a-zA-Z0-9+.-]*):(//)?", re.ASCII)


def load_pictures(
    sources: Sequence[PictureSource],
    *,
    limits: ImageLimits = DEFAULT_LIMITS,
    max_images: int = MAX_IMAGES,
    fetch: Fetcher | None = None,
) -> list[Picture]:
    """Check and decode every picture, in order; the same file named twice is decoded once.

    Args:
        sources: paths, encoded bytes, PIL images, arrays (height, width, 3) uint8 RGB, pictures.
        limits: of each picture.
        max_images: of the whole list.
        fetch: takes a URL; where it is None, URLs are refused.

    Raises:
        UsageError: no pictures, too many, something that is no picture source, a URL not allowed.
        ImageError: a picture that can't be used; the message names it.
    """
    if isinstance(sources, (str, bytes, Path)):
        sources = [sources]
    if len(sources) == 0:
        raise UsageError("no pictures were given.", "Name at least one picture.")
    if len(sources) > max_images:
        raise UsageError(
            f"{len(sources)} pictures were given; one question may be about {max_images} at most.",
            "Ask about fewer, or raise --max-images.",
        )
    pictures: list[Picture] = []
    seen: dict[str, Picture] = {}
    kept = 0
    for number, source in enumerate(sources, 1):
        picture = _load(source, number, limits, fetch)
        if picture.digest in seen and not isinstance(source, Picture):
            picture = _same_pixels(picture, seen[picture.digest])
        picture.pixels  # noqa: B018  decoding now finds a damaged file before the policy is asked
        kept += picture.width * picture.height
        if kept > DECODED_PIXELS_KEPT:
            picture.release()
        seen[picture.digest] = picture
        pictures.append(picture)
    return pictures


def _load(source: Any, number: int, limits: ImageLimits, fetch: Fetcher | None) -> Picture:
    """One source as a picture; nothing decoded yet where it has an encoding."""
    from PIL import Image

    if isinstance(source, Picture):
        return source
    if isinstance(source, str) and _is_url(source):
        return picture_from_bytes(_fetched(source, number, fetch), source, limits)
    if isinstance(source, (str, Path)):
        if not str(source).strip():
            raise UsageError(f"picture {number}: the name is empty.", "Name a picture file.")
        return picture_from_path(source, limits)
    if isinstance(source, (bytes, bytearray)):
        return picture_from_bytes(bytes(source), f"<bytes {number}>", limits)
    if isinstance(source, Image.Image):
        return _within(_from_pil(source, f"<image {number}>"), limits)
    if hasattr(source, "__array_interface__") and hasattr(source, "dtype"):
        return _within(picture_from_array(source, f"<array {number}>"), limits)
    raise UsageError(
        f"picture {number} is a {type(source).__name__}.",
        "Give a path, bytes, a PIL image or an array (height, width, 3) uint8.",
    )


def _from_pil(image: Image.Image, name: str) -> Picture:
    """A caller's PIL image, which may be a file that PIL has only opened so far."""
    try:
        with _DECODING:
            image.load()
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise ImageError(f"{name}: the picture is damaged and can't be decoded.") from error
    return picture_from_image(image, name)


def _is_url(source: str) -> bool:
    """Something with a scheme (`http://...`, `data:...`), and not a drive letter or `a:b.jpg`."""
    found = _URL.match(source)
    if found is None or len(found.group(1)) == 1:
        return False
    return found.group(2) == "//" or found.group(1).lower() in ("data", "file", "http", "https")


def _fetched(url: str, number: int, fetch: Fetcher | None) -> bytes:
    shown = clean_text(url, 80)
    if fetch is None:
        raise UsageError(
            f"{shown}: pictures are not fetched from addresses unless that is allowed.",
            "Save it to a file and name the file, or allow it with --allow-urls.",
        )
    try:
        return fetch(url)
    except ImageError as error:
        raise type(error)(f"picture {number}: {error.message}", error.cure) from error


def _within(picture: Picture, limits: ImageLimits) -> Picture:
    """A picture that came decoded, held to the same limits in pixels."""
    width, height = picture.size
    if width * height > limits.max_pixels or max(width, height) > limits.max_side:
        raise ImageError(
            f"{picture.source}: {width} x {height} pixels, more than the limit of "
            f"{limits.max_pixels / 1e6:.0f} million pixels or {limits.max_side} a side.",
            "Make it smaller first.",
        )
    return picture


def _same_pixels(picture: Picture, earlier: Picture) -> Picture:
    """A picture of its own name that shares the decoded pixels of an equal one."""
    return replace(picture, _pixels=earlier.pixels, _lock=threading.Lock())
