import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemvg.tools.boxes import Box, GroundedBox, boxes_array

number = st.floats(-1e4, 1e4)
size = st.floats(0.01, 1e4)
boxes = st.builds(lambda x, y, w, h: Box(x, y, x + w, y + h), number, number, size, size)


@given(boxes, boxes)
def test_iou_is_symmetric_and_bounded(a: Box, b: Box) -> None:
    assert 0.0 <= a.iou(b) <= 1.0
    assert math.isclose(a.iou(b), b.iou(a), abs_tol=1e-12)


@given(boxes)
def test_iou_with_itself_is_one_and_with_a_far_box_zero(a: Box) -> None:
    assert math.isclose(a.iou(a), 1.0, rel_tol=1e-9)
    assert a.iou(a.shift(a.width + 1.0, 0.0)) == 0.0


@given(boxes, boxes)
def test_union_holds_both_and_intersection_lies_in_both(a: Box, b: Box) -> None:
    union = a.union(b)
    assert union.x1 <= min(a.x1, b.x1)
    assert union.y2 >= max(a.y2, b.y2)
    common = a.intersect(b)
    if common.is_valid:
        assert common.x1 >= max(a.x1, b.x1)
        assert common.area <= min(a.area, b.area) * (1 + 1e-9)


@given(boxes, st.floats(1, 5000), st.floats(1, 5000))
def test_clip_stays_inside_and_is_idempotent(a: Box, width: float, height: float) -> None:
    clipped = a.clip(width, height)
    assert 0.0 <= clipped.x1 <= clipped.x2 <= width
    assert 0.0 <= clipped.y1 <= clipped.y2 <= height
    assert clipped.clip(width, height) == clipped


@given(number, number, number, number)
def test_ordered_takes_corners_in_any_order(x1: float, y1: float, x2: float, y2: float) -> None:
    box = Box.ordered(x1, y1, x2, y2)
    assert box == Box.ordered(x2, y2, x1, y1) == Box.ordered(x1, y2, x2, y1)
    assert box.x1 <= box.x2


def test_a_one_pixel_box_has_area_one() -> None:
    assert Box(0, 0, 1, 1).area == 1
    assert Box.from_xywh(2, 3, 4, 5) == Box(2, 3, 6, 8)
    assert Box(0, 0, 10, 20).expand(0.1) == Box(-1, -2, 11, 22)
    assert Box(5, 5, 1, 1).area == 0


@pytest.mark.parametrize(
    "bad", [(0, 0, 0, 1), (0, 2, 1, 1), (0, 0, math.nan, 1), (0, 0, math.inf, 1)]
)
def test_empty_inverted_and_infinite_boxes_are_not_valid(bad: tuple[float, ...]) -> None:
    assert not Box(*bad).is_valid


def test_no_boxes_make_an_array_of_four_columns() -> None:
    assert boxes_array([]).shape == (0, 4)
    assert boxes_array([Box(1, 2, 3, 4)]).dtype == np.float64


def test_a_score_needs_a_kind() -> None:
    with pytest.raises(ValueError, match="together"):
        GroundedBox(1, Box(0, 0, 1, 1), score=0.5)
    assert GroundedBox(1, Box(0, 0, 1, 1), "cat").with_label("dog").label == "dog"
