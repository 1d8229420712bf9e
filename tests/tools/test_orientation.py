import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gemvg.tools.boxes import Box
from gemvg.tools.images import ORIENTATION_TAG, picture_from_bytes, picture_from_image
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
