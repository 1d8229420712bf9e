"""Loading pictures safely: checked by header before a pixel is decoded, upright, RGB, hashed.

What is accepted is decided before decoding: the format from an allow-list, the number of bytes,
the number of pixels in the header. Error texts name the picture as the user named it and never
carry a library's own message.
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .errors import ImageError
from .header import FORMATS, ORIENTATION_TAG, Header, exif_orientation, read_header
from .quiet import without_warnings


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What a picture may be.

    Attributes:
        max_bytes: of the encoded file.
        max_pixels: width times height in the header (a decompression bomb says so there).
        max_side: longest side in pixels.
        min_side: shortest side in pixels.
    """

    max_bytes: int = 64 * 1024 * 1024
    max_pixels: int = 64_000_000
    max_side: int = 40_000
    min_side: int = 1


DEFAULT_LIMITS = ImageLimits()


_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _decode(data: bytes, source: str, orientation: int) -> Image.Image:
    """Encoded bytes to upright RGB pixels; the orientation is what the header said."""
    try:
        with without_warnings(), Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            opened.seek(0)
            opened.load()
            # PIL turns a TIFF upright by itself as it loads it.
            turn = None if opened.format == "TIFF" else _UPRIGHT.get(orientation)
            upright = opened if turn is None else opened.transpose(turn)
            # A file may say that one of its colours is transparent. An image that a caller has
            # made RGB keeps such a note, and is meant as it is.
            keyed = opened.mode == "RGB" and "transparency" in opened.info
            return to_rgb(upright.convert("RGBA") if keyed else upright)
    except Image.DecompressionBombError as error:
        raise ImageError(f"{source}: the picture has too many pixels.") from error
    except Exception as error:
        raise damaged(source) from error


def damaged(source: str) -> ImageError:
    """The error of a picture whose pixels can't be had.

    It stands for any exception: PIL reads what a file's bytes say, and where they are wrong raises
    whatever they have led it into (TypeError, struct.error, AttributeError ...).
    """
    return ImageError(
        f"{source}: the picture is damaged and can't be decoded.",
        "Save it again from its source, or leave it out.",
    )


def to_rgb(image: Image.Image) -> Image.Image:
    """Any PIL mode to RGB: transparency over white, 16-bit scaled to 8, CMYK converted.

    Raises:
        ValueError: a mode that PIL has no way from.
    """
    if image.mode == "RGB":
        return image if type(image) is Image.Image else image.copy()
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return Image.fromarray(_to_grey(np.asarray(image), image.mode)).convert("RGB")
    if image.mode in ("La", "RGBa"):
        # Colours that are multiplied by their transparency.
        image = image.convert("LA" if image.mode == "La" else "RGBA")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _to_grey(values: NDArray[Any], mode: str) -> NDArray[np.uint8]:
    """Values (h, w) of a deep PIL mode scaled to 8 bits.

    Row by row: a flat picture of the most pixels is a small file, and would fill the memory with
    copies of eight bytes a pixel.
    """
    # What is infinite (depth beyond the sensor's reach) says nothing about the others' scale.
    largest = float(values.max(initial=0, where=np.isfinite(values)))
    if mode == "F" and largest <= 1.0:
        scale = 255.0
    else:
        scale = 1.0 if largest <= 255.0 else 255.0 / 65535.0
    grey = np.empty(values.shape, dtype=np.uint8)
    rows = max(1, 1_000_000 // max(1, values.shape[1]))
    for top in range(0, len(values), rows):
        part = values[top : top + rows].astype(np.float64) * scale
        grey[top : top + rows] = np.clip(np.nan_to_num(part), 0, 255)
    return grey


@dataclass(slots=True)
class Picture:
    """One input picture, upright; its pixels are decoded at the first look and then shared.

    Attributes:
        source: how the user named it (a path as given, `<bytes>`, `<array>`, a URL).
        width, height: of the upright picture, pixels.
        digest: SHA-256 of the encoded bytes (of the raw pixels where there was no encoding).
        orientation: the EXIF orientation 1 to 8 that was undone.
    """

    source: str
    width: int
    height: int
    digest: str
    orientation: int = 1
    _reread: Callable[[], bytes] | None = None
    _pixels: Image.Image | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height), pixels."""
        return self.width, self.height

    @property
    def pixels(self) -> Image.Image:
        """The upright RGB picture. Raises ImageError where the file turns out damaged."""
        with self._lock:
            if self._pixels is None:
                if self._reread is None:
                    raise ImageError(f"{self.source}: the pixels are gone.")
                data = self._reread()
                if hashlib.sha256(data).hexdigest() != self.digest:
                    raise ImageError(f"{self.source}: the file changed while it was in use.")
                self._pixels = _decode(data, self.source, self.orientation)
            return self._pixels

    @property
    def decoded(self) -> bool:
        """Whether looking at the pixels costs nothing more."""
        return self._pixels is not None

    def release(self) -> None:
        """Forget decoded pixels that can be decoded again."""
        with self._lock:
            if self._reread is not None:
                self._pixels = None

    def array(self) -> NDArray[np.uint8]:
        """Pixels as (height, width, 3) uint8, RGB."""
        return np.asarray(self.pixels)


def check_size(width: int, height: int, source: str, limits: ImageLimits) -> None:
    """Raise ImageError where a picture's size is beyond the limits."""
    if width * height > limits.max_pixels or max(width, height) > limits.max_side:
        raise ImageError(
            f"{source}: {width} x {height} pixels, more than the limit of "
            f"{limits.max_pixels / 1e6:.0f} million pixels or {limits.max_side} a side.",
            "Make it smaller first.",
        )
    if min(width, height) < max(1, limits.min_side):
        raise too_small(width, height, source)


def too_small(width: int, height: int, source: str) -> ImageError:
    """The error of a picture on which there is nothing to see."""
    return ImageError(f"{source}: {width} x {height} pixels is too small to look at.")


def _check_header(data: bytes, source: str, limits: ImageLimits) -> Header:
    """The header of a picture that may be opened. Raises ImageError."""
    if not data:
        raise ImageError(f"{source}: the file is empty.")
    if len(data) > limits.max_bytes:
        raise ImageError(
            f"{source}: {len(data) / 1e6:.0f} MB, more than the limit of "
            f"{limits.max_bytes / 1e6:.0f} MB."
        )
    try:
        header = read_header(io.BytesIO(data))
    except Image.DecompressionBombError as error:
        raise ImageError(
            f"{source}: the picture says it has more pixels than the limit of "
            f"{limits.max_pixels / 1e6:.0f} million.",
            "Make it smaller first.",
        ) from error
    except Exception as error:
        # See `damaged`.
        raise ImageError(
            f"{source}: not a picture that can be read.",
            f"Accepted: {', '.join(FORMATS[:6])}.",
        ) from error
    check_size(header.width, header.height, source, limits)
    return header


def picture_from_bytes(
    data: bytes, source: str = "<bytes>", limits: ImageLimits = DEFAULT_LIMITS
) -> Picture:
    """A picture from encoded bytes; only the header is read now.

    Raises:
        ImageError: not an allowed format, too large, too small.
    """
    width, height, orientation = _check_header(data, source, limits)
    digest = hashlib.sha256(data).hexdigest()
    return Picture(source, width, height, digest, orientation, lambda: data)


def picture_from_path(path: str | Path, limits: ImageLimits = DEFAULT_LIMITS) -> Picture:
    """A picture from a file; only the header is decoded now, pixels at the first look.

    Raises:
        ImageError: missing, a folder, unreadable, or anything `picture_from_bytes` refuses.
    """
    source = str(path)
    file = Path(path)
    try:
        if file.is_dir():
            raise ImageError(f"{source}: is a folder.", f"Name its pictures: {source}/*.jpg")
        if not file.exists():
            raise ImageError(f"{source}: no such file.", "Check the name.")
        if not file.is_file():
            raise ImageError(f"{source}: not a regular file.")
        size = file.stat().st_size
        if size > limits.max_bytes:
            raise ImageError(
                f"{source}: {size / 1e6:.0f} MB, more than the limit of "
                f"{limits.max_bytes / 1e6:.0f} MB."
            )
        # It may be read again, and a program may go to another working folder until then.
        file = file.absolute()
        data = file.read_bytes()
    except ImageError:
        raise
    except (OSError, ValueError) as error:
        raise ImageError(f"{source}: the file can't be opened.", "Check its rights.") from error
    width, height, orientation = _check_header(data, source, limits)
    digest = hashlib.sha256(data).hexdigest()

    def reread() -> bytes:
        try:
            return file.read_bytes()
        except OSError as error:
            raise ImageError(f"{source}: the file can't be opened any more.") from error

    return Picture(source, width, height, digest, orientation, reread)


def picture_from_image(image: Image.Image, source: str = "<image>") -> Picture:
    """A picture from a PIL image (its EXIF orientation is undone).

    Raises:
        ImageError: it can't be decoded, PIL can't turn its mode into RGB, or it has no pixels.
    """
    try:
        # First, since PIL turns a TIFF upright by itself and takes the tag away as it loads it.
        image.load()
        orientation = exif_orientation(image.getexif().get(ORIENTATION_TAG))
        turn = _UPRIGHT.get(orientation)
        # A copy: what the caller does to the image later must not change the picture.
        upright = to_rgb(image.copy() if turn is None else image.transpose(turn))
    except Exception as error:
        raise damaged(source) from error
    if 0 in upright.size:
        raise too_small(*upright.size, source)
    digest = hashlib.sha256(
        f"{upright.width}x{upright.height}:".encode() + upright.tobytes()
    ).hexdigest()
    return Picture(source, upright.width, upright.height, digest, orientation, None, upright)


def picture_from_array(array: NDArray[np.uint8], source: str = "<array>") -> Picture:
    """A picture from an array (h, w), (h, w, 1), (h, w, 3) RGB or (h, w, 4) RGBA, uint8.

    Raises:
        ImageError: another shape or type.
    """
    squeezed = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    shape_ok = squeezed.ndim == 2 or (squeezed.ndim == 3 and squeezed.shape[2] in (3, 4))
    if squeezed.dtype != np.uint8 or not shape_ok or 0 in squeezed.shape:
        raise ImageError(
            f"{source}: an array of shape {array.shape} and type {array.dtype} is no picture.",
            "Give (height, width, 3) uint8 in RGB order.",
        )
    return picture_from_image(Image.fromarray(np.ascontiguousarray(squeezed)), source)
