import cv2
import numpy as np
import pytest
from PIL import Image

from gemvg.tools.boxes import Box, GroundedBox
from gemvg.tools.images import picture_from_array, picture_from_path
from gemvg.tools.match import Match
from gemvg.tools.tool import ToolContext, ToolResult
from gemvg.tools.views import ViewBook
from tests.shared import SHARED, needs_shared

WINDOW = (150, 100, 330, 240)


def photo_paths() -> list[str]:
    return [str(p) for p in sorted((SHARED / "photos" / "images").glob("*.jpg"))[:3]]


def find(crop: np.ndarray, paths: list[str]) -> ToolResult:
    book = ViewBook([*(picture_from_path(p) for p in paths), picture_from_array(crop)])
    return Match().call({"source": {"view": len(book)}}, ToolContext(book))


CHANGES = {
    "plain": lambda c: c,
    "smaller": lambda c: cv2.resize(c, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "larger": lambda c: cv2.resize(c, None, fx=2.5, fy=2.5),
    "mirror": lambda c: c[:, ::-1],
    "blur": lambda c: cv2.GaussianBlur(c, (0, 0), 1.2),
    "light": lambda c: np.clip(c * 0.8 + 25, 0, 255).astype(np.uint8),
    "jpeg": lambda c: cv2.imdecode(cv2.imencode(".jpg", c, [1, 30])[1], 1),
}


@needs_shared
@pytest.mark.parametrize("change", CHANGES)
def test_a_degraded_crop_is_found_in_its_picture_alone(change: str) -> None:
    paths = photo_paths()
    pixels = np.asarray(Image.open(paths[1]).convert("RGB"))
    x1, y1, x2, y2 = WINDOW
    crop = np.ascontiguousarray(CHANGES[change](pixels[y1:y2, x1:x2]))
    result = find(crop, paths)
    assert [found.image for _, found in result.boxes] == [2]
    found = result.boxes[0][1]
    assert found.box.iou(Box(*WINDOW)) > 0.9
    assert found.score_kind == "match"
    assert ("mirrored" in result.text) == (change == "mirror")
    absent = find(crop, [paths[0], paths[2]])
    assert absent.ok
    assert not absent.boxes
    assert "not found" in absent.text


def test_a_flat_source_is_not_found() -> None:
    flat = np.full((50, 50, 3), 90, np.uint8)
    book = ViewBook([picture_from_array(np.full((200, 300, 3), 90, np.uint8)),
                     picture_from_array(flat)])  # fmt: skip
    result = Match().call({"source": {"view": 2}}, ToolContext(book))
    assert result.ok
    assert not result.boxes


def test_failures_say_what_to_do() -> None:
    context = ToolContext(ViewBook([picture_from_array(np.zeros((60, 60, 3), np.uint8))]))
    alone = Match().call({"source": {"view": 1}}, context)
    assert not alone.ok
    assert "Name the views" in alone.text
    context.boxes.add(GroundedBox(1, Box(1, 1, 4, 4)))
    tiny = Match().call({"source": {"id": "b1"}, "views": [1]}, context)
    assert not tiny.ok
    assert "larger box" in tiny.text or "Name the views" in tiny.text


def test_a_small_part_of_a_large_picture_is_found() -> None:
    rng = np.random.default_rng(3)
    coarse = cv2.resize(rng.integers(60, 200, (30, 42, 3), dtype=np.uint8), (2100, 1500))
    fine = cv2.resize(rng.integers(0, 60, (500, 700, 3), dtype=np.uint8), (2100, 1500))
    large = cv2.add(coarse, fine)
    crop = np.ascontiguousarray(large[900:940, 1300:1350])
    book = ViewBook([picture_from_array(large), picture_from_array(crop)])
    result = Match().call({"source": {"view": 2}}, ToolContext(book))
    assert [found.image for _, found in result.boxes] == [1]
    assert result.boxes[0][1].box.iou(Box(1300, 900, 1350, 940)) > 0.9
    other = cv2.resize(rng.integers(0, 255, (500, 700, 3), dtype=np.uint8), (2100, 1500))
    book = ViewBook([picture_from_array(other), picture_from_array(crop)])
    assert not Match().call({"source": {"view": 2}}, ToolContext(book)).boxes


def test_a_source_that_is_found_in_its_own_picture_is_still_sought_in_large_ones() -> None:
    rng = np.random.default_rng(3)
    coarse = cv2.resize(rng.integers(60, 200, (30, 42, 3), dtype=np.uint8), (3150, 2250))
    fine = cv2.resize(rng.integers(0, 60, (500, 700, 3), dtype=np.uint8), (3150, 2250))
    large = cv2.add(coarse, fine)
    small = rng.integers(0, 255, (200, 300, 3), dtype=np.uint8)
    small[50:90, 100:150] = large[900:940, 1300:1350]
    context = ToolContext(ViewBook([picture_from_array(small), picture_from_array(large)]))
    source = {"view": 1, "box": [100, 50, 150, 90]}
    result = Match().call({"source": source, "views": [1, 2]}, context)
    (found,) = (found for _, found in result.boxes if found.image == 2)
    assert found.box.iou(Box(1300, 900, 1350, 940)) > 0.9
