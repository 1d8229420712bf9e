import pytest
from PIL import Image

from gemvg.tools.boxes import Box, GroundedBox
from gemvg.tools.images import picture_from_image
from gemvg.tools.tool import ToolContext
from gemvg.tools.views import ViewBook
from gemvg.tools.zoom import Zoom, raster_size, widen


def context() -> ToolContext:
    made = ToolContext(ViewBook([picture_from_image(Image.new("RGB", (2000, 1000)))]))
    made.boxes.add(GroundedBox(1, Box(100, 100, 200, 150), "cup"))
    return made


def test_a_region_by_id_says_where_it_is() -> None:
    made = context()
    result = Zoom().call({"regions": [{"id": "b1"}], "padding": 0.1}, made)
    (view,) = result.views
    assert view.window == Box(90, 95, 210, 155)
    assert min(view.width, view.height) == 336
    assert view.shows == "image 1, [90, 95, 210, 155], magnified 5.6x (around b1)"
    assert f"view {view.index}" in result.text


def test_several_windows_are_several_views() -> None:
    result = Zoom().call({"regions": [{"view": 1}, {"view": 1, "box": [0, 0, 99, 99]}]}, context())
    assert [view.index for view in result.views] == [2, 3]
    assert (result.views[0].width, result.views[0].height) == (1024, 512)
    assert "nearly the whole" in result.text


@pytest.mark.parametrize(
    ("window", "low", "high"),
    [(Box(5, 5, 5.1, 5.1), 12, 12), (Box(0, 0, 1200, 1), 100, 1200),
     (Box(1999, 999, 2000, 1000), 12, 12)],
)  # fmt: skip
def test_windows_that_show_nothing_are_widened(window: Box, low: float, high: float) -> None:
    wide = widen(window, 2000, 1000)
    assert wide.clip(2000, 1000) == wide
    assert sorted((wide.width, wide.height)) == pytest.approx([low, high])
    (width, height), _ = raster_size(wide)
    assert max(width, height) <= 1024


def test_one_bad_region_adds_no_view() -> None:
    made = context()
    result = Zoom().call({"regions": [{"view": 1}, {"view": 7}]}, made)
    assert not result.ok
    assert len(made.book) == 1


@pytest.mark.parametrize(
    ("max_new", "asked", "shown", "words"),
    [
        (2, (1, 1), 2, ""),
        (2, (1, 1, 1), 2, "the limit of 2 new views is reached. Answer"),
        (1, (2,), 0, "2 new views are more than the 1 left. Answer"),
        (3, (2, 2), 2, "2 new views are more than the 1 left. Answer"),
        (0, (1,), 0, "the limit of 0 new views is reached. Answer"),
    ],
)
def test_a_zoom_beyond_the_limit_adds_no_view(
    max_new: int, asked: tuple[int, ...], shown: int, words: str
) -> None:
    book = ViewBook([picture_from_image(Image.new("RGB", (200, 100)))], max_new)
    for count in asked:
        result = Zoom().call({"regions": [{"view": 1}] * count}, ToolContext(book))
    assert words in result.text
    assert result.ok == (not words)
    assert len(book) - book.image_count == shown
    assert book.refused == (asked[-1] if words else 0)
