import io
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gemvg.tools.boxes import Box
from gemvg.tools.header import ORIENTATION_TAG
from gemvg.tools.images import Picture, picture_from_bytes, picture_from_image
from gemvg.tools.orientation import upright_to_stored
from gemvg.tools.tool import ToolContext
from gemvg.tools.views import ViewBook, render_window
from gemvg.tools.zoom import Zoom

share = st.floats(0.0, 0.75)
extent = st.floats(0.1, 1.0)
crops = st.lists(st.tuples(share, share, extent, extent), min_size=1, max_size=5)
WIDTH, HEIGHT = 640, 427


def oriented(orientation: int) -> Picture:
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    buffer = io.BytesIO()
    Image.new("RGB", (WIDTH, HEIGHT), (9, 90, 180)).save(buffer, "JPEG", exif=exif)
    return picture_from_bytes(buffer.getvalue())


PICTURES = {orientation: oriented(orientation) for orientation in range(1, 9)}


@settings(max_examples=120, deadline=None)
@given(st.integers(1, 8), crops, share, share, extent, extent)
def test_boxes_come_back_from_nested_crops(
    orientation: int, nested: list[tuple[float, ...]], a: float, b: float, c: float, d: float
) -> None:
    picture = PICTURES[orientation]
    context = ToolContext(ViewBook([picture]))
    for x, y, w, h in nested:
        last = context.book[len(context.book)]
        box = [x * last.width, y * last.height,
               min(1.0, x + w) * last.width, min(1.0, y + h) * last.height]  # fmt: skip
        region = {"view": last.index, "box": box}
        assert Zoom().call({"regions": [region], "padding": 0.0}, context).ok
    view = context.book[len(context.book)]
    window = view.window
    inside = Box(
        window.x1 + a * window.width,
        window.y1 + b * window.height,
        window.x1 + min(1.0, a + c) * window.width,
        window.y1 + min(1.0, b + d) * window.height,
    )
    back = view.to_image(view.from_image(inside))
    assert np.abs(np.array(back) - np.array(inside)).max() < 0.5
    stored = upright_to_stored(back, (WIDTH, HEIGHT), orientation)
    assert stored.clip(WIDTH + 1e-6, HEIGHT + 1e-6).iou(stored) > 0.999
    assert window.clip(picture.width, picture.height) == window
    assert view.width >= 1
    assert max(view.width, view.height) <= 1024


def test_the_pixels_of_a_nested_crop_lie_where_the_map_says() -> None:
    pixels = np.zeros((200, 300, 3), dtype=np.uint8)
    pixels[80:120, 140:200] = 255
    context = ToolContext(ViewBook([picture_from_image(Image.fromarray(pixels))]))
    for box in ([60, 30, 280, 180], None, None):
        last = context.book[len(context.book)]
        box = box or [10, 10, last.width - 20, last.height - 10]
        Zoom().call({"regions": [{"view": last.index, "box": box}], "padding": 0.0}, context)
    view = context.book[len(context.book)]
    raster = np.asarray(context.book.raster(view.index)).mean(axis=2) > 127
    ys, xs = np.nonzero(raster)
    seen = Box(xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
    off = np.array(view.to_image(seen)) - np.array([140, 80, 200, 120])
    assert np.abs(off).max() <= 0.5


def test_views_are_numbered_once_over_threads() -> None:
    book = ViewBook([PICTURES[1]])
    window = Box(0, 0, 10, 10)

    def add() -> None:
        for _ in range(50):
            book.add(1, window, (10, 10), "a")

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [view.index for view in book.views] == list(range(1, 402))


@pytest.mark.parametrize("index", [0, -1, 2, True + 1, "1", None, 1.5])
def test_views_that_are_not_there(index: object) -> None:
    book = ViewBook([PICTURES[1]])
    assert index not in book
    with pytest.raises(KeyError):
        book[index]


@given(st.floats(0, 90), st.floats(0, 50), st.floats(1, 10), st.floats(1, 10),
       st.integers(1, 200), st.integers(1, 200))  # fmt: skip
def test_any_window_renders_at_any_size(
    x: float, y: float, w: float, h: float, width: int, height: int
) -> None:
    image = Image.new("RGB", (100, 60), (1, 2, 3))
    out = render_window(image, Box(x, y, x + w, y + h), (width, height))
    assert out.size == (width, height)
    assert out.getpixel((0, 0)) == (1, 2, 3)
