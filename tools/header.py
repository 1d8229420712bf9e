"""What a picture's header says: its upright size and how its pixels have to be turned."""

from __future__ import annotations

import struct
from typing import IO, Any, NamedTuple

from PIL import Image

from .orientation import upright_size
from .quiet import without_warnings

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
"""Formats that are opened at all (PIL's names); JPEG opens multi-picture MPO files too."""

ORIENTATION_TAG = 0x0112

_PNG_SIGNATURE = 8
_CHUNK_HEAD = 8
"""Bytes before the data of a PNG's chunk: length and kind; its checksum stands behind."""
_CHUNK_FRAME = _CHUNK_HEAD + 4


class Header(NamedTuple):
    """Upright width and height in pixels, and the EXIF orientation, 1 to 8, of what is stored."""

    width: int
    height: int
    orientation: int


def read_header(stream: IO[bytes]) -> Header:
    """The header of an encoded picture; its pixels are not decoded.

    Args:
        stream: at its beginning, seekable.

    Raises:
        Exception: whatever PIL does. It reads what the bytes say, and where they are wrong raises
            whatever they have led it into (TypeError, struct.error, ...).
    """
    with without_warnings(), Image.open(stream, formats=FORMATS) as opened:
        size = opened.size
        if opened.format == "PNG" and "exif" not in opened.info:
            # PIL finds it as it decodes the pixels, which are not wanted yet.
            opened.info.update(late_png_exif(stream))
        # The base method: that of PNG decodes the whole picture to find a late chunk.
        tags = Image.Image.getexif(opened)
        orientation = exif_orientation(tags.get(ORIENTATION_TAG))
        # The size of a TIFF is upright where its own tag says so. What its XMP says turns it too,
        # but only as it is loaded.
        turned = ORIENTATION_TAG in getattr(opened, "tag_v2", ())
    return Header(*(size if turned else upright_size(size, orientation)), orientation)


def exif_orientation(tag: Any) -> int:
    """1 to 8 from an EXIF tag's value, which may be anything; 1 (upright) where it says nothing."""
    try:
        number = int(tag)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        return 1
    return number if number in range(1, 9) else 1


def late_png_exif(stream: IO[bytes]) -> dict[str, bytes]:
    """The EXIF of an encoded PNG wherever it stands, as PIL keeps it in `info`; empty for none.

    It may stand behind the pixels (PNG, third edition, 5.6), where only chunk lengths lead to it.
    """
    place = _PNG_SIGNATURE
    while True:
        stream.seek(place)
        head = stream.read(_CHUNK_HEAD)
        if len(head) < _CHUNK_HEAD:
            return {}
        length, kind = struct.unpack(">I4s", head)
        if kind == b"eXIf":
            return {"exif": b"Exif\0\0" + stream.read(length)}
        if kind == b"IEND":
            return {}
        place += _CHUNK_FRAME + length
