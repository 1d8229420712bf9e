"""From what a caller gives (paths, bytes, arrays, PIL images) to checked pictures."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..tools.errors import ImageError, UsageError
from ..tools.header import ORIENTATION_TAG
from ..tools.images import (
    DEFAULT_LIMITS,
    ImageLimits,
    Picture,
    check_size,
    damaged,
    picture_from_array,
    picture_from_bytes,
    picture_from_image,
    picture_from_path,
)
from ..tools.text import clean_text
from .pixel_bound import BoundedPicture, bounded

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

DECODERS = 8
"""Pictures that are decoded at the same time, at most."""

WORTH_THREADS = 1_000_000
"""Pixels below which the threads would take longer to start than they save."""

Fetcher = Callable[[str], bytes]
"""Gets a picture's bytes from a URL. It is the only way to the network, and off by default."""

_DECODING = threading.Lock()
"""PIL reads an opened file, and its tags, when it is first looked at; one thread at a time may."""

_WEB = ("http", "https")

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
        sources: paths, encoded bytes, PIL images, arrays (height, width, 3) uint8 RGB, pictures; or
            one of them.
        limits: of each picture.
        max_images: of the whole list.
        fetch: takes a URL; where it is None, URLs are refused.

    Raises:
        UsageError: no pictures, too many, something that is no picture source, a URL not allowed.
        ImageError: a picture that can't be used; the message names it.
    """
    sources = _listed(sources)
    if len(sources) == 0:
        raise UsageError("no pictures were given.", "Name at least one picture.")
    if len(sources) > max_images:
        raise UsageError(
            f"{len(sources)} pictures were given; one question may be about {max_images} at most.",
            "Ask about fewer, or raise --max-images.",
        )
    pictures = [_load(one, number, limits, fetch) for number, one in enumerate(sources, 1)]
    first: dict[str, Picture] = {}
    for picture in pictures:
        first.setdefault(picture.digest, picture)
    _decode(list(first.values()))
    loaded = [
        _same_pixels(picture, earlier)
        if picture is not (earlier := first[picture.digest])
        and earlier.decoded
        and not isinstance(source, Picture)
        else picture
        for picture, source in zip(pictures, sources, strict=True)
    ]
    if not beyond_bound(pictures):
        return loaded
    return bounded(loaded, first, DECODED_PIXELS_KEPT)


def beyond_bound(pictures: Sequence[Picture]) -> bool:
    """Whether a question's pictures have more pixels than are decoded at once."""
    return sum({p.digest: _area(p) for p in pictures}.values()) > DECODED_PIXELS_KEPT


def _listed(sources: Any) -> Sequence[Any]:
    """The pictures as a list, also where there is one; the rows of an array are no pictures."""
    from PIL import Image

    alone = (str, bytes, bytearray, Path, Picture, Image.Image)
    if isinstance(sources, alone) or getattr(sources, "ndim", None) in (2, 3):
        return [sources]
    if not hasattr(sources, "__len__"):
        raise UsageError(f"pictures are given as a {type(sources).__name__}.", "Give a list.")
    return sources


def _area(picture: Picture) -> int:
    return picture.width * picture.height


def _decode(pictures: Sequence[Picture]) -> None:
    """Decode every picture, several at once: that finds a damaged file before the policy is asked.

    What is beyond `DECODED_PIXELS_KEPT` is decoded one after the other and given up again, unless
    that was done before.

    Raises:
        ImageError: of the first picture that can't be decoded.
    """
    kept = 0
    together: list[Picture] = []
    alone: list[Picture] = []
    for picture in pictures:
        kept += _area(picture)
        (together if kept <= DECODED_PIXELS_KEPT else alone).append(picture)
    workers = min(len(together), DECODERS, os.cpu_count() or 1)
    pixels = sum(map(_area, together))
    if workers > 1 and pixels > WORTH_THREADS:
        # A pool of its own each time: one that is kept would be dead in a forked process.
        with ThreadPoolExecutor(workers) as pool:
            for _ in pool.map(attrgetter("pixels"), together):
                pass
    for picture in together:
        picture.pixels  # noqa: B018
    for picture in alone:
        if not isinstance(picture, BoundedPicture):
            picture.pixels  # noqa: B018
            picture.release()


def _load(source: Any, number: int, limits: ImageLimits, fetch: Fetcher | None) -> Picture:
    """One source as a picture; nothing decoded yet where it has an encoding."""
    from PIL import Image

    if isinstance(source, Picture):
        return source
    if isinstance(source, str) and is_address(source):
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
            # PIL reads the tags once, and a second thread would find none while they are read.
            image.getexif().get(ORIENTATION_TAG)
    except Exception as error:
        raise damaged(name) from error
    return picture_from_image(image, name)


def is_address(source: str) -> bool:
    """Whether a name has a scheme (`http://...`, `data:...`) and no drive letter (`c:b.jpg`)."""
    found = _URL.match(source)
    if found is None or len(found.group(1)) == 1:
        return False
    return found.group(2) == "//" or found.group(1).lower() in ("data", "file", "http", "https")


def _fetched(url: str, number: int, fetch: Fetcher | None) -> bytes:
    if fetch is None:
        raise not_fetched(url)
    try:
        return fetch(url)
    except ImageError as error:
        cure = error.cure if _scheme(url) in _WEB else _cure(url)
        raise type(error)(f"picture {number}: {error.message}", cure) from error


def not_fetched(url: str) -> UsageError:
    """The error of an address where nothing is fetched, with the cure of its own scheme.

    Args:
        url: the address.
    """
    return UsageError(
        f"{clean_text(url, 80)}: pictures are not fetched from addresses unless that is allowed."
        if _scheme(url) in _WEB
        else f"{clean_text(url, 80)}: pictures are not fetched from such addresses.",
        _cure(url),
    )


def _cure(url: str) -> str:
    """What to do instead: only http and https can be allowed."""
    if _scheme(url) == "file":
        # Not the path itself: nothing of an address may look as if its file had been read.
        return "Name the file by its path, as in: folder/picture.jpg."
    if _scheme(url) in _WEB:
        return "Save it to a file and name the file, or allow it with --allow-urls."
    if _scheme(url) == "data":
        return "Save the picture that it holds to a file and name the file."
    return "Save it to a file and name the file."


def _scheme(url: str) -> str:
    found = _URL.match(url)
    return found.group(1).lower() if found else ""


def _within(picture: Picture, limits: ImageLimits) -> Picture:
    """A picture that came decoded, held to the same limits in pixels."""
    check_size(*picture.size, picture.source, limits)
    return picture


def _same_pixels(picture: Picture, earlier: Picture) -> Picture:
    """A picture of its own name that shares the decoded pixels of an equal one."""
    return replace(picture, _pixels=earlier.pixels, _lock=threading.Lock())
