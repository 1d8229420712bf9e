import hashlib
import io
import struct
import tracemalloc
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from gemvg.tools.errors import ImageError
from gemvg.tools.images import (
    ImageLimits,
    picture_from_array,
    picture_from_bytes,
    picture_from_image,
    picture_from_path,
    to_rgb,
)
from tests.tools.odd_files import ifd, tiff


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(1)
    return Image.fromarray(rng.integers(0, 255, (height, width, 3), dtype=np.uint8))


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header promises width x height pixels and holds next to none."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def with_orientation(kind: int, count: int, value: bytes) -> bytes:
    """A JPEG of 6 x 4 pixels whose EXIF orientation has a value of some type."""
    exif = b"Exif\0\0" + ifd((0x0112, kind, count, value))
    data = encoded(noise(6, 4), "JPEG")
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]


def refused(make: object) -> str:
    with pytest.raises(ImageError) as caught:
        make()  # type: ignore[operator]
    text = str(caught.value)
    assert "\n" not in text
    assert "Traceback" not in text
    return text


def test_files_that_are_no_pictures(tmp_path: Path) -> None:
    text_file = tmp_path / "text.jpg"
    text_file.write_text("this is no picture")
    empty = tmp_path / "empty.png"
    empty.write_bytes(b"")
    assert "not a picture" in refused(lambda: picture_from_path(text_file))
    assert "empty" in refused(lambda: picture_from_path(empty))
    assert "no such file" in refused(lambda: picture_from_path(tmp_path / "missing.jpg"))
    assert "folder" in refused(lambda: picture_from_path(tmp_path))
    assert str(text_file) in refused(lambda: picture_from_path(text_file))
    refused(lambda: picture_from_path("nul\0byte.jpg"))
    refused(lambda: picture_from_path("x" * 5000))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_truncated_picture_says_that_it_is_damaged(kind: str) -> None:
    data = encoded(noise(200, 150), kind)[:4000]
    try:
        picture = picture_from_bytes(data, "cut")
    except ImageError as error:
        assert "cut" in str(error)
        return
    assert "damaged" in refused(lambda: picture.pixels)


def test_a_damaged_tiff_in_which_a_number_is_text_says_so() -> None:
    assert picture_from_bytes(tiff()).array()[0, 7].tolist() == [7, 7, 7]
    picture = picture_from_bytes(tiff(offset_type=2), "odd.tif")
    assert "odd.tif: the picture is damaged" in refused(lambda: picture.pixels)
    lazy = Image.open(io.BytesIO(tiff(offset_type=2)))
    assert "<image>: the picture is damaged" in refused(lambda: picture_from_image(lazy))


WHOLE = {
    "TIFF": tiff(),
    "EXIF": with_orientation(3, 1, b"\6\0\0\0"),
    **{kind: encoded(noise(12, 9), kind) for kind in ("PNG", "WEBP", "GIF", "BMP", "PPM")},
}


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(WHOLE)),
    st.lists(st.tuples(st.integers(0, 250), st.integers(0, 255)), min_size=1, max_size=5),
    st.integers(0, 60),
)
@example("TIFF", [(8 + 2 + 5 * 12 + 2, 2)], 0)
@example("TIFF", [(8 + 2 + 5 * 12 + 2, 5)], 0)
def test_damaged_bytes_are_a_picture_or_an_image_error(kind, changes, cut) -> None:
    data = bytearray(WHOLE[kind])
    for place, value in changes:
        data[place % len(data)] = value
    try:
        picture = picture_from_bytes(bytes(data[: len(data) - cut]), "odd")
        if picture.width * picture.height < 1_000_000:
            assert picture.pixels.size == picture.size
    except ImageError as error:
        assert str(error).startswith("odd: ")


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (with_orientation(3, 1, b"\6\0\0\0"), (4, 6)),
        (with_orientation(2, 2, b"x\0\0\0"), (6, 4)),
        (with_orientation(3, 1, b"\x63\0\0\0"), (6, 4)),
        (with_orientation(5, 1, b"\xff\xff\xff\xff"), (6, 4)),
    ],
)
def test_an_orientation_that_says_nothing_is_upright(data: bytes, size: tuple[int, int]) -> None:
    picture = picture_from_bytes(data)
    assert picture.size == picture.pixels.size == size
    assert picture_from_image(Image.open(io.BytesIO(data))).size == size


@pytest.mark.parametrize("tag", ["x", "", None, (1, 2), 0, 9, float("nan"), float("inf")])
def test_an_image_of_a_caller_may_have_any_orientation_tag(tag: object) -> None:
    image = noise(6, 4)
    image.getexif()[0x0112] = tag
    picture = picture_from_image(image)
    assert (picture.size, picture.orientation) == ((6, 4), 1)


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (100_000, 2), (9000, 9000)])
def test_a_decompression_bomb_is_refused_by_its_header(width: int, height: int) -> None:
    assert "limit" in refused(lambda: picture_from_bytes(bomb(width, height)))


def test_too_many_bytes_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(encoded(noise(64, 64), "PNG"))
    limits = ImageLimits(max_bytes=1000)
    assert "limit" in refused(lambda: picture_from_path(file, limits))
    assert "limit" in refused(lambda: picture_from_bytes(file.read_bytes(), limits=limits))


@pytest.mark.parametrize("size", [(1, 1), (30_000, 20), (3, 4000)])
def test_unusual_sizes_are_pictures(size: tuple[int, int]) -> None:
    picture = picture_from_bytes(encoded(Image.new("RGB", size, (7, 8, 9)), "PNG"))
    assert picture.size == size
    assert picture.array().shape == (size[1], size[0], 3)


def test_an_animation_is_its_first_frame() -> None:
    frames = [Image.new("RGB", (20, 10), c) for c in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)
    assert picture_from_bytes(data).pixels.getpixel((5, 5)) == (255, 0, 0)


def test_a_two_picture_mpo_is_its_first() -> None:
    data = encoded(noise(40, 30), "MPO", save_all=True, append_images=[noise(40, 30)])
    assert picture_from_bytes(data).array().shape == (30, 40, 3)


def test_a_picture_is_not_changed_by_what_a_caller_does_to_its_own_later() -> None:
    image, array = Image.new("RGB", (4, 4), "red"), np.zeros((4, 4, 3), np.uint8)
    pictures = picture_from_image(image), picture_from_array(array)
    image.paste("blue", (0, 0, 4, 4))
    array[:] = 255
    assert [p.pixels.getpixel((1, 1)) for p in pictures] == [(255, 0, 0), (0, 0, 0)]


def test_modes_become_rgb() -> None:
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    assert to_rgb(clear).getpixel((0, 0)) == (255, 255, 255)
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([10, 20, 30] * 256)
    palette.info["transparency"] = 0
    data = encoded(palette, "PNG", transparency=0)
    assert picture_from_bytes(data).pixels.getpixel((1, 1)) == (255, 255, 255)
    cmyk = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    red = picture_from_bytes(encoded(cmyk, "JPEG")).pixels.getpixel((1, 1))
    assert red[0] > 150
    assert max(red[1:]) < 100
    assert to_rgb(Image.new("1", (4, 4), 1)).getpixel((0, 0)) == (255, 255, 255)
    assert to_rgb(Image.new("LA", (4, 4), (100, 255))).getpixel((0, 0)) == (100, 100, 100)
    half = Image.new("RGBA", (4, 4), (200, 0, 0, 128))
    assert to_rgb(half.convert("RGBa")).getpixel((0, 0)) == to_rgb(half).getpixel((0, 0))
    assert picture_from_image(Image.new("La", (4, 4))).pixels.getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("turn", [1, 6])
def test_a_transparent_colour_of_a_file_is_white_and_that_of_an_rgb_image_stays(turn) -> None:
    image = Image.new("RGB", (4, 4), (255, 0, 0))
    image.putpixel((3, 3), (0, 0, 255))
    exif = Image.Exif()
    exif[0x0112] = turn
    pixels = picture_from_bytes(encoded(image, "PNG", transparency=(255, 0, 0), exif=exif)).pixels
    assert sorted(color for _, color in pixels.getcolors()) == [(0, 0, 255), (255, 255, 255)]
    image.info["transparency"] = (255, 0, 0)
    assert picture_from_image(image).pixels.getpixel((0, 0)) == (255, 0, 0)


def test_a_palette_with_transparency_lies_over_white() -> None:
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 0)).quantize(4)
    assert to_rgb(image).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("odd", [np.inf, -np.inf, np.nan])
def test_numbers_that_are_none_do_not_change_the_others_scale(odd: float) -> None:
    row = to_rgb(Image.fromarray(np.array([[0.2, 1.0, odd]], np.float32)))
    assert [row.getpixel((x, 0))[0] for x in (0, 1)] == [51, 255]
    assert to_rgb(Image.fromarray(np.full((2, 2), odd, np.float32))).size == (2, 2)


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    picture = picture_from_bytes(encoded(Image.fromarray(ramp), "PNG"))
    values = picture.array()[..., 0].ravel().astype(int)
    assert values[0] == 0
    assert values[-1] == 255
    assert abs(values[128] - 128) <= 1


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_deep_pixels_take_little_memory_on_their_way(kind: type) -> None:
    image = Image.fromarray(np.full((2000, 2500), 65535, kind))
    tracemalloc.start()
    assert to_rgb(image).getpixel((2499, 1999)) == (255, 255, 255)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2000 * 2500 * 16


def test_equal_bytes_have_equal_digests(tmp_path: Path) -> None:
    data = encoded(noise(30, 20), "PNG")
    file = tmp_path / "a.png"
    file.write_bytes(data)
    assert picture_from_path(file).digest == picture_from_bytes(data).digest
    assert picture_from_bytes(data).digest == hashlib.sha256(data).hexdigest()
    wide, high = np.zeros((2, 3, 3), np.uint8), np.zeros((3, 2, 3), np.uint8)
    assert picture_from_array(wide).digest != picture_from_array(high).digest


def test_a_relative_name_is_read_again_from_another_working_folder(tmp_path, monkeypatch) -> None:
    noise(6, 4).save(tmp_path / "a.png")
    monkeypatch.chdir(tmp_path)
    picture = picture_from_path("a.png")
    monkeypatch.chdir("/")
    assert picture.pixels.size == (6, 4) and picture.source == "a.png"


def test_pixels_are_released_and_read_again(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(encoded(noise(30, 20), "PNG"))
    picture = picture_from_path(file)
    before = picture.array().copy()
    picture.release()
    assert (picture.array() == before).all()
    picture.release()
    file.write_bytes(encoded(noise(31, 20), "PNG"))
    assert "changed" in refused(lambda: picture.pixels)
    memory = picture_from_image(noise(9, 9))
    memory.release()
    assert memory.pixels.size == (9, 9)


@pytest.mark.parametrize(
    "array",
    [np.zeros((3, 3, 2), np.uint8), np.zeros((3, 3)), np.zeros((0, 3, 3), np.uint8),
     np.zeros(5, np.uint8)],
)  # fmt: skip
def test_arrays_that_are_no_pictures(array: np.ndarray) -> None:
    assert "no picture" in refused(lambda: picture_from_array(array))


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 3), (4, 5, 4)])
def test_arrays_that_are_pictures(shape: tuple[int, ...]) -> None:
    assert picture_from_array(np.full(shape, 255, np.uint8)).size == (5, 4)


@pytest.mark.parametrize("size", [(0, 0), (0, 5), (5, 0)])
def test_an_image_without_pixels_is_refused(size: tuple[int, int]) -> None:
    assert "too small" in refused(lambda: picture_from_image(Image.new("RGB", size)))


def test_pictures_read_in_threads_leave_the_warnings_on() -> None:
    data = encoded(noise(400, 300), "PNG")
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: picture_from_bytes(data).pixels, range(40)))
    assert warnings.filters == before
