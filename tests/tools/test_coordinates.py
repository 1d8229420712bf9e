import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemvg.tools.boxes import Box
from gemvg.tools.coordinates import (
    Frame,
    PixelSpace,
    RelativeSpace,
    ResizedPixelSpace,
    UnitSpace,
)

sides = st.integers(1, 6000)
share = st.floats(0, 1)
SPACES = [RelativeSpace(), RelativeSpace(100), UnitSpace(), PixelSpace(), PixelSpace(3),
          ResizedPixelSpace()]  # fmt: skip


@pytest.mark.parametrize("space", SPACES, ids=lambda s: f"{s.name}-{s!r}")
@given(sides, sides, share, share, share, share)
def test_written_boxes_come_back_within_half_a_step(
    space, width: int, height: int, a: float, b: float, c: float, d: float
) -> None:
    frame = Frame(width, height, (max(28, width // 28 * 28), max(28, height // 28 * 28)))
    box = Box.ordered(a * width, b * height, c * width, d * height)
    back = space.decode(space.encode(box, frame), frame)
    sx, sy = space.spacing(frame)
    off = np.abs(np.array(back) - np.array(box))
    assert (off <= np.array([sx, sy, sx, sy]) * 0.5 + 1e-6 * max(width, height)).all()


def test_the_families_write_what_they_should() -> None:
    frame = Frame(640, 480, (1288, 952))
    box = Box(64, 48, 320, 240)
    assert RelativeSpace().encode(box, frame) == (100, 100, 500, 500)
    assert UnitSpace().encode(box, frame) == (0.1, 0.1, 0.5, 0.5)
    assert ResizedPixelSpace().encode(box, frame) == (129, 95, 644, 476)


def test_resized_pixels_are_never_guessed() -> None:
    with pytest.raises(ValueError, match="grid"):
        ResizedPixelSpace().decode((1, 2, 3, 4), Frame(640, 480))
