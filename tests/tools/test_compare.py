import time

import cv2
import numpy as np
import pytest
from PIL import Image

from gemvg.tools.boxes import Box
from gemvg.tools.compare import Compare
from gemvg.tools.images import picture_from_array
from gemvg.tools.matching.change import cut_regions
from gemvg.tools.tool import ToolContext, ToolResult
from gemvg.tools.views import ViewBook
from tests.shared import SHARED, needs_shared

BOX = (200, 120, 280, 190)


def photo(number: int) -> np.ndarray:
    path = sorted((SHARED / "photos" / "images").glob("*.jpg"))[number]
    return np.asarray(Image.open(path).convert("RGB"))


def compare(first: np.ndarray, second: np.ndarray, report: str = "second") -> ToolResult:
    book = ViewBook([picture_from_array(first), picture_from_array(second)])
    return Compare().call({"first": 1, "second": 2, "report": report}, ToolContext(book))


def changed(pixels: np.ndarray) -> np.ndarray:
    out = pixels.copy()
    x1, y1, x2, y2 = BOX
    out[y1:y2, x1:x2] = (200, 30, 160)
    return out


@needs_shared
def test_a_changed_part_is_boxed_in_the_pictures_asked_for() -> None:
    first = photo(2)
    second = np.roll(changed(first), (3, 6), axis=(0, 1))
    there = Box(BOX[0] + 6, BOX[1] + 3, BOX[2] + 6, BOX[3] + 3)
    for report, places in [("second", [there]), ("first", [Box(*BOX)]), ("both", None)]:
        result = compare(first, second, report)
        assert result.ok
        if places is not None:
            assert result.boxes[0][1].box.iou(places[0]) > 0.8
            assert result.boxes[0][1].image == (2 if report == "second" else 1)
        else:
            assert {found.image for _, found in result.boxes[:2]} == {1, 2}


@needs_shared
def test_light_and_equal_pictures_are_no_change() -> None:
    first = photo(2)
    assert not compare(first, first).boxes
    brighter = np.clip(first * 1.1 + 10, 0, 255).astype(np.uint8)
    result = compare(first, brighter)
    assert result.ok
    assert not result.boxes
    assert "nothing changed" in result.text


@needs_shared
@pytest.mark.parametrize("pair", [(0, 1), (1, 2), (4, 7)])
def test_different_scenes_are_refused_with_a_cure(pair: tuple[int, int]) -> None:
    result = compare(photo(pair[0]), photo(pair[1]))
    assert not result.ok
    assert "detect" in result.text


def test_a_view_is_not_compared_with_itself() -> None:
    book = ViewBook([picture_from_array(np.zeros((9, 9, 3), np.uint8))])
    assert not Compare().call({"first": 1, "second": 1}, ToolContext(book)).ok


@needs_shared
def test_two_changes_are_two_boxes() -> None:
    first = photo(2)
    second = changed(first)
    other = Box(BOX[2] + 40, BOX[1] + 60, BOX[2] + 100, BOX[1] + 120)
    x1, y1, x2, y2 = map(int, other)
    second[y1:y2, x1:x2] = (20, 220, 60)
    found = [box.box for _, box in compare(first, second).boxes]
    assert len(found) == 2
    assert all(max(box.iou(there) for box in found) > 0.8 for there in (Box(*BOX), other))


def test_a_thing_in_front_of_its_own_colour_is_seen() -> None:
    rng = np.random.default_rng(0)
    first, other = (
        cv2.GaussianBlur(rng.integers(0, 255, (300, 400, 3), dtype=np.uint8), (0, 0), 1.5)
        for _ in range(2)
    )
    second = first.copy()
    second[120:190, 200:280] = other[120:190, 200:280]
    (found,) = [box.box for _, box in compare(first, second).boxes]
    assert found.iou(Box(200, 120, 280, 190)) > 0.75


@needs_shared
def test_padding_is_no_change() -> None:
    first = photo(2)
    height, width = first.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 2.0, 1.0)
    second = cv2.warpAffine(first, turn, (width, height), flags=cv2.INTER_CUBIC)
    result = compare(first, second)
    assert result.ok
    assert not result.boxes
    night = first.copy()
    night[: height // 2] = 4
    lit = night.copy()
    lit[10:60, 100:170] = (200, 180, 90)
    (found,) = [box.box for _, box in compare(night, lit).boxes]
    assert found.iou(Box(100, 10, 170, 60)) > 0.75


def test_the_only_thing_in_a_clear_sky_is_gone() -> None:
    sky = np.repeat(np.linspace(120, 190, 300)[:, None], 400, axis=1)
    first = np.stack([sky - 60, sky - 20, sky], axis=2).astype(np.uint8)
    second = first.copy()
    rng = np.random.default_rng(0)
    first[100:150, 150:230] = rng.integers(0, 90, (50, 80, 3), dtype=np.uint8)
    (found,) = [box.box for _, box in compare(first, second).boxes]
    assert found.iou(Box(150, 100, 230, 150)) > 0.75


def test_thousands_of_specks_cost_no_pass_over_the_picture_each() -> None:
    z = np.zeros((1000, 1000), np.float32)
    for y in range(4, 990, 16):
        for x in range(4, 990, 16):
            z[y : y + 4, x : x + 4] = 9.0
    z[300:360, 400:480] = 9.0
    start = time.process_time()
    (change,) = cut_regions(z, np.ones(z.shape, dtype=bool))
    assert time.process_time() - start < 1.5
    assert change.box.iou(Box(400, 300, 480, 360)) > 0.6
