"""A caller's own pictures: whatever is wrong with one is told as an ImageError."""

import io
import struct
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from gemvg.agent import pictures as loading
from gemvg.agent.pictures import load_pictures
from gemvg.agent.settings import AskSettings
from gemvg.tools import images
from gemvg.tools.errors import GemvgError, ImageError, UsageError
from gemvg.tools.header import ORIENTATION_TAG
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


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_threads_that_share_an_opened_picture_all_see_it_upright(kind):
    tags = Image.Exif()
    tags[ORIENTATION_TAG] = 6
    for k in range(40):
        tags[0x9C00 + k] = b"x" * 10
    buffer = io.BytesIO()
    Image.new("RGB", (8, 4)).save(buffer, kind, exif=tags)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            for _ in range(40):
                image = opened(buffer.getvalue())
                sizes = threads.map(lambda image: load_pictures([image])[0].size, [image] * 8)
                assert set(sizes) == {(4, 8)}
    finally:
        sys.setswitchinterval(before)


@pytest.mark.parametrize(
    "alone",
    [
        np.zeros((4, 6, 3), np.uint8),
        np.zeros((4, 6), np.uint8),
        Image.new("RGB", (6, 4)),
        bytearray(tiff()),
        load_pictures([np.zeros((4, 6, 3), np.uint8)])[0],
    ],
)
def test_one_picture_is_a_list_of_one(alone):
    assert len(load_pictures(alone)) == 1


def test_what_is_several_pictures_stays_so_and_what_has_no_end_is_told():
    assert [p.size for p in load_pictures(np.zeros((2, 4, 6, 3), np.uint8))] == [(6, 4)] * 2
    with pytest.raises(ImageError, match="no such file"):
        load_pictures(np.array(["b.jpg", "c.jpg"]))
    for wrong in (None, iter([]), 5):
        with pytest.raises(UsageError, match="Give a list"):
            load_pictures(wrong)


@pytest.mark.parametrize("allowed", [False, True])
@pytest.mark.parametrize(
    ("address", "cure"),
    [
        ("file:///tmp/my%20a.jpg", "Name the file by its path, as in: folder/picture.jpg."),
        ("file:a.jpg", "Name the file by its path, as in: folder/picture.jpg."),
        ("data:image/png,AA", "Save the picture that it holds to a file and name the file."),
        ("s3://bucket/a.jpg", "Save it to a file and name the file."),
    ],
)
def test_an_address_that_is_never_fetched_is_told_with_a_cure_that_helps(address, cure, allowed):
    fetch = AskSettings.model_validate({"allow_urls": allowed}).fetcher()
    with pytest.raises(GemvgError) as caught:
        load_pictures([address], fetch=fetch)
    assert caught.value.cure == cure and "--allow-urls" not in str(caught.value)


def test_an_address_that_could_be_fetched_is_told_how_to_allow_it():
    with pytest.raises(UsageError, match="allow it with --allow-urls"):
        load_pictures(["https://a.example/a.jpg"])


def painted(count):
    """Encoded pictures of 40 x 30 pixels, each in a colour of its own."""
    made = []
    for k in range(count):
        buffer = io.BytesIO()
        Image.new("RGB", (40, 30), (k, 0, 0)).save(buffer, "PNG")
        made.append(buffer.getvalue())
    return made


@pytest.mark.parametrize(
    ("limit", "looks", "held", "decodings"),
    [
        # Within the limit nothing is ever given up.
        (4, [0, 1, 2, 3, 0, 1], [0, 1, 2, 3], 0),
        # Beyond it, what was looked at least recently.
        (2, [2], [1, 2], 1),
        (2, [0, 2], [0, 2], 1),
        (2, [2, 3], [2, 3], 2),
        (2, [3, 3, 3, 3], [1, 3], 1),
        (2, [0, 3, 0, 3, 0, 3], [0, 3], 1),
        (3, [0, 3, 1, 0, 3, 1], [0, 1, 3], 2),
        # A picture of more than the limit is held while it is looked at.
        (0, [2, 2, 2], [2], 1),
    ],
)
@pytest.mark.parametrize("again", [False, True])
def test_decoded_pixels_keep_to_the_limit(limit, looks, held, decodings, again, monkeypatch):
    monkeypatch.setattr(loading, "DECODED_PIXELS_KEPT", limit * 40 * 30)
    loaded = load_pictures(painted(4))
    # A program may ask about what it has loaded; that decodes nothing beyond the limit once more.
    loaded = load_pictures(loaded) if again else loaded
    done = []
    decode = images._decode
    monkeypatch.setattr(images, "_decode", lambda *a: done.append(a) or decode(*a))
    for k in looks:
        assert loaded[k].array()[0, 0, 0] == k
        assert sum(picture.decoded for picture in loaded) <= max(limit, 1)
    assert [k for k in range(4) if loaded[k].decoded] == held
    assert len(done) == decodings


def test_equal_pictures_share_what_is_held_and_arrays_take_their_part_of_the_limit(monkeypatch):
    monkeypatch.setattr(loading, "DECODED_PIXELS_KEPT", 2 * 40 * 30)
    one, two, three = painted(3)
    array = np.full((30, 40, 3), 9, np.uint8)
    loaded = load_pictures([one, array, two, three, one])
    assert loaded[4].pixels is loaded[0].pixels
    assert loaded[3].pixels.getpixel((0, 0)) == (2, 0, 0)
    assert [picture.decoded for picture in loaded] == [False, True, False, True, False]
    assert (loaded[4].source, loaded[4].size, loaded[4].digest) == (
        "<bytes 5>", (40, 30), loaded[0].digest,
    )  # fmt: skip
