"""A caller's own pictures: whatever is wrong with one is told as an ImageError."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from gemvg.agent.pictures import load_pictures
from gemvg.tools.errors import ImageError
from tests.tools.odd_files import tiff


def opened(content):
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: opened(tiff(offset_type=2)), "<image 2>: the picture is damaged"),
        (lambda: tiff(offset_type=2), "<bytes 2>: the picture is damaged"),
        (lambda: Image.new("RGB", (0, 5)), "<image 2>: 0 x 5 pixels is too small"),
        (lambda: struct.pack("<I", 7) * 9, "<bytes 2>: not a picture"),
    ],
)
def test_a_picture_that_cant_be_used_is_named_by_its_number(make, words):
    with pytest.raises(ImageError) as caught:
        load_pictures([np.zeros((4, 4, 3), np.uint8), make()])
    assert str(caught.value).startswith(words)


def test_an_opened_picture_is_used_and_may_be_used_again():
    image = opened(tiff())
    for picture in load_pictures([image, image]):
        assert picture.size == (10, 10)
