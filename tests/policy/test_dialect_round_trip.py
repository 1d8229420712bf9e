"""Pixel box to text to pixel box, for every dialect, every size and shape of picture."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gemvg.policy.dialects import DIALECT_NAMES, get_dialect
from gemvg.policy.policy import Completion
from gemvg.tools.boxes import Box, GroundedBox

from .pictures import context_of

side = st.integers(28, 8000)
unit = st.floats(0.0, 1.0)
labels = st.one_of(st.none(), st.sampled_from(["dog", "a red kite", "狗", 'a 5" disc', "o'clock"]))


@st.composite
def sizes(draw):
    """A size of 28 to 8000 pixels a side, at most 20 times as long as wide."""
    width = draw(side)
    return width, draw(st.integers(max(28, -(-width // 20)), min(8000, width * 20)))


@st.composite
def scenes(draw):
    """One to four pictures and one to six boxes in them, down to a twentieth of a pixel."""
    pictures = draw(st.lists(sizes(), min_size=1, max_size=4))
    boxes = []
    for _ in range(draw(st.integers(1, 6))):
        image = draw(st.integers(1, len(pictures)))
        width, height = pictures[image - 1]
        x1, y1 = draw(unit) * (width - 0.05), draw(unit) * (height - 0.05)
        x2 = x1 + 0.05 + draw(unit) * (width - x1 - 0.05)
        y2 = y1 + 0.05 + draw(unit) * (height - y1 - 0.05)
        boxes.append(GroundedBox(image, Box(x1, y1, x2, y2), draw(labels)))
    return pictures, boxes


def allowed(dialect, context, image):
    """Half a pixel plus the grid's own rounding: half a step, a whole one for a widened corner."""
    frame = context.book[image].frame(context.grids[image])
    x, y = dialect.space.spacing(frame)
    stretch = 1.1 if dialect.name == "migician" else 1.0
    return 0.5 + x, 0.5 + y * stretch


@pytest.mark.parametrize("name", DIALECT_NAMES)
@settings(max_examples=60, deadline=None)
@given(scenes())
# What migician's two corrections would have made flat.
@example(([(28, 71)], [GroundedBox(1, Box(0.0, 8.17587890625, 0.05, 8.22587890625))]))
def test_round_trip(name, scene):
    pictures, boxes = scene
    dialect, context = get_dialect(name), context_of(*pictures)
    text = dialect.write(boxes, context)
    reading = dialect.read(Completion(text), context)
    assert reading.status == "ok", text
    limits = {k: allowed(dialect, context, k) for k in range(1, len(pictures) + 1)}
    # Two boxes that are the same on the grid are merged on reading; everything else is there.
    assert len(reading.boxes) <= len(boxes)
    for found in boxes:
        assert any(is_near(b, found, limits) for b in reading.boxes), (found, text)
    for read in reading.boxes:
        assert any(is_near(read, b, limits) for b in boxes), text
        width, height = pictures[read.image - 1]
        assert read.box.is_valid
        assert read.box == read.box.clip(width, height)
    assert not [
        n for n in reading.notes if not n.startswith(("y stretched", "repeated", "clamped"))
    ]


def is_near(read, found, limits):
    return read.image == found.image and all(
        abs(a - b) <= limit
        for a, b, limit in zip(read.box, found.box, limits[found.image] * 2, strict=True)
    )


@pytest.mark.parametrize("name", DIALECT_NAMES)
def test_nothing_round_trips(name):
    dialect, context = get_dialect(name), context_of((640, 480), (300, 300))
    reading = dialect.read(Completion(dialect.write([], context)), context)
    assert (reading.status, reading.boxes) == ("none", ())


@pytest.mark.parametrize("name", DIALECT_NAMES)
@pytest.mark.parametrize("size", [(28, 28), (8000, 400), (400, 8000), (8000, 8000), (1000, 1000)])
def test_corners_of_the_picture_are_reached(name, size):
    dialect, context = get_dialect(name), context_of(size)
    whole = GroundedBox(1, Box(0.0, 0.0, float(size[0]), float(size[1])), "all")
    (read,) = dialect.read(Completion(dialect.write([whole], context)), context).boxes
    for value, truth, limit in zip(read.box, whole.box, allowed(dialect, context, 1) * 2,
                                   strict=True):  # fmt: skip
        assert abs(value - truth) <= limit
