import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gemvg.tools.boxes import Box
from gemvg.tools.header import ORIENTATION_TAG, late_png_exif
from gemvg.tools.images import picture_from_bytes, picture_from_image
from gemvg.tools.orientation import stored_to_upright, upright_size, upright_to_stored

STORED = (96, 64)
PATCH = Box(16, 8, 40, 24)


def stored_picture() -> Image.Image:
    image = Image.new("RGB", STORED, (20, 20, 20))
    image.paste((250, 250, 250), tuple(int(v) for v in PATCH))
    return image


def bright_box(pixels: np.ndarray) -> Box:
    ys, xs = np.nonzero(pixels.mean(axis=2) > 128)
    return Box(xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_map_agrees_with_real_jpeg_files(orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    buffer = io.BytesIO()
    stored_picture().save(buffer, "JPEG", quality=95, exif=exif)
    picture = picture_from_bytes(buffer.getvalue())
    assert picture.orientation == orientation
    assert picture.size == upright_size(STORED, orientation) == picture.pixels.size
    expected = stored_to_upright(PATCH, STORED, orientation)
    found = bright_box(picture.array())
    assert np.abs(np.array(found) - np.array(expected)).max() <= 0.5
    again = picture_from_image(Image.open(io.BytesIO(buffer.getvalue())))
    assert again.size == picture.size
    assert again.orientation == orientation


@given(st.integers(1, 8), st.floats(0, 96), st.floats(0, 64), st.floats(0, 96), st.floats(0, 64))
def test_the_map_inverts(orientation: int, x1: float, y1: float, x2: float, y2: float) -> None:
    box = Box.ordered(x1, y1, x2, y2)
    upright = stored_to_upright(box, STORED, orientation)
    width, height = upright_size(STORED, orientation)
    assert 0 <= upright.x1 <= upright.x2 <= width
    assert 0 <= upright.y1 <= upright.y2 <= height
    back = upright_to_stored(upright, STORED, orientation)
    assert np.allclose(back, box, atol=1e-9)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_unknown_orientation_is_upright(value: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = value
    buffer = io.BytesIO()
    stored_picture().save(buffer, "JPEG", exif=exif)
    picture = picture_from_bytes(buffer.getvalue())
    assert picture.orientation == 1
    assert picture.size == STORED == picture.pixels.size


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_other_formats_turn_upright_too(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    buffer = io.BytesIO()
    stored_picture().save(buffer, kind, exif=exif)
    picture = picture_from_bytes(buffer.getvalue())
    assert picture.size == picture.pixels.size == upright_size(STORED, orientation)
    expected = stored_to_upright(PATCH, STORED, orientation)
    assert np.abs(np.array(bright_box(picture.array())) - np.array(expected)).max() <= 1.0


def png_chunk(kind: bytes, data: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + check


def png_with_late_exif(orientation: int) -> bytes:
    """A PNG whose EXIF stands behind its pixels."""
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    buffer = io.BytesIO()
    stored_picture().save(buffer, "PNG")
    data = buffer.getvalue()
    end = data.rindex(b"IEND") - 4
    return data[:end] + png_chunk(b"eXIf", exif.tobytes()[6:]) + data[end:]


def tiff_with_xmp(orientation: int) -> bytes:
    """A TIFF that says its orientation in XMP only."""
    buffer = io.BytesIO()
    xmp = f'<rdf:Description tiff:Orientation="{orientation}"/>'.encode()
    stored_picture().save(buffer, "TIFF", tiffinfo={700: xmp})
    return buffer.getvalue()


@pytest.mark.parametrize("make", [png_with_late_exif, tiff_with_xmp])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_orientation_in_an_unusual_place_is_obeyed(make, orientation: int) -> None:
    data = make(orientation)
    picture = picture_from_bytes(data)
    assert picture.size == picture.pixels.size == upright_size(STORED, orientation)
    expected = stored_to_upright(PATCH, STORED, orientation)
    assert np.abs(np.array(bright_box(picture.array())) - np.array(expected)).max() <= 1.0
    opened = picture_from_image(Image.open(io.BytesIO(data)))
    assert (opened.array() == picture.array()).all()


@given(st.binary(max_size=80))
def test_chunks_of_any_bytes_are_walked_to_their_end(data: bytes) -> None:
    assert set(late_png_exif(io.BytesIO(b"\x89PNG\r\n\x1a\n" + data))) <= {"exif"}
