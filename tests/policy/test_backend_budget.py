import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gemvg.policy.backends.image_budget import (
    QWEN2_GRID,
    QWEN3_GRID,
    ImageNeed,
    PixelGrid,
    fit_size,
    grid_of_family,
    plan_images,
)
from gemvg.tools.errors import ContextOverflow

GRIDS = st.sampled_from(
    [QWEN2_GRID, QWEN3_GRID, PixelGrid(28, 4 * 784, 64 * 784), PixelGrid(32, 4096, 100 * 1024)]
)
SIDES = st.one_of(st.integers(1, 60), st.integers(1, 40_000))


def cells(size, grid):
    return size[0] // grid.factor, size[1] // grid.factor


@settings(deadline=None, max_examples=600)
@given(SIDES, SIDES, GRIDS, st.integers(1, 20_000))
@example(40_000, 1, QWEN3_GRID, 64)
@example(1, 40_000, QWEN2_GRID, 16)
def test_a_planned_size_passes_the_processors_resize_unchanged(width, height, grid, tokens):
    """Transformers' own smart_resize is the judge: what servers and processors run."""
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

    planned = fit_size(width, height, grid, tokens)
    assert smart_resize(planned[1], planned[0], grid.factor, grid.min_pixels, grid.max_pixels) == (
        planned[1],
        planned[0],
    )
    columns, rows = cells(planned, grid)
    assert columns * rows <= max(tokens, grid.floor)


@settings(deadline=None, max_examples=300)
@given(st.integers(64, 8000), st.integers(64, 8000), st.sampled_from([QWEN2_GRID, QWEN3_GRID]))
def test_pictures_keep_their_shape(width, height, grid):
    """Neither side is bent by more than a cell, at the scale that the other side has."""
    columns, rows = cells(fit_size(width, height, grid, 2048), grid)
    if max(width, height) / min(width, height) <= 20:
        across, down = rows * width / height, columns * height / width
        assert abs(columns - across) <= 1 + across / rows or abs(rows - down) <= 1 + down / columns


def test_a_picture_that_fits_is_only_rounded():
    assert fit_size(640, 480, QWEN2_GRID, 2048) == (644, 476)
    assert fit_size(640, 480, QWEN3_GRID, 2048) == (640, 480)
    assert fit_size(100, 60, QWEN3_GRID, 2048)[0] * fit_size(100, 60, QWEN3_GRID, 2048)[1] >= 65536


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.tuples(st.integers(20, 5000), st.integers(20, 5000)), min_size=1, max_size=12),
    st.integers(16, 20_000),
)
@example([(127, 378), (183, 1106), (210, 3346), (210, 3375), (351, 2087), (378, 463), (466, 4241),
          (527, 3519), (602, 1382), (799, 994), (855, 967)], 10692)  # fmt: skip
def test_the_plan_fits_or_says_which_picture_does_not(sizes, room):
    needs = [ImageNeed(k, f"p{k}.jpg", w, h) for k, (w, h) in enumerate(sizes, 1)]
    smallest = plan_images(needs, QWEN2_GRID, max_tokens=1)
    free = room - 2 * len(needs)
    try:
        plan = plan_images(needs, QWEN2_GRID, room=room)
    except ContextOverflow as error:
        assert smallest.tokens > free
        assert any(f"{n.source} (view {n.view})" in error.message for n in needs)
        return
    assert plan.tokens <= free
    assert [image.view for image in plan.images] == [n.view for n in needs]
    # What fits alone keeps what it would have had: only the large give way.
    full = plan_images(needs, QWEN2_GRID)
    limit = max(image.tokens for image in plan.images)
    for got, wanted in zip(plan.images, full.images, strict=True):
        assert got.tokens <= wanted.tokens
        assert wanted.tokens > limit or got.tokens == wanted.tokens


@pytest.mark.parametrize(
    ("names", "grid"),
    [
        (("Qwen/Qwen2.5-VL-7B-Instruct",), QWEN2_GRID),
        (("served", "qwen3-vl"), QWEN3_GRID),
        (("Migician",), QWEN2_GRID),
        (("GD-ML/UniVG-R1",), QWEN2_GRID),
        (("gpt-like", "gemvg"), QWEN3_GRID),
    ],
)
def test_grids_of_families(names, grid):
    assert grid_of_family(*names) == grid
