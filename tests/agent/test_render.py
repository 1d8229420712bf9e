"""Drawn answers: boxes where they belong, readable at any size, nothing written elsewhere."""

import numpy as np
import pytest
from PIL import Image

from gemvg.agent.answer import AnswerBox
from gemvg.agent.colors import PALETTE, color_of
from gemvg.agent.render.annotate import MAX_SIDE, Marked, annotate, caption, drawing_scale
from gemvg.agent.render.saving import slug
from gemvg.agent.render.sheet import WIDTH, contact_sheet
from gemvg.tools.images import picture_from_image


def grey(width, height):
    return Image.new("RGB", (width, height), (128, 128, 128))


def marked(number, box, image=1, label="cat", score=None):
    kind = None if score is None else "detector"
    return Marked(
        number, AnswerBox(image=image, box=box, label=label, score=score, score_kind=kind)
    )


def near(pixels, color):
    """Where a drawing has (almost) a colour, (height, width) bool."""
    return np.abs(np.asarray(pixels).astype(int) - color).max(axis=-1) < 40


@pytest.mark.parametrize("size", [(640, 480), (1, 1), (30_000, 12), (12, 9000), (5000, 4000)])
def test_a_drawing_is_neither_tiny_nor_huge(size):
    box = (0.0, 0.0, size[0] / 2, size[1] / 2)
    drawn = annotate(grey(*size), [marked(0, box)])
    assert max(drawn.size) <= MAX_SIDE
    assert max(drawn.size) >= min(480, 8 * max(size))
    assert near(drawn, color_of(0)).any()


@pytest.mark.parametrize("size", [(640, 480), (60, 50), (6000, 4000)])
def test_the_outline_is_where_the_box_is(size):
    width, height = size
    box = (0.25 * width, 0.5 * height, 0.75 * width, 0.9 * height)
    drawn = annotate(grey(*size), [marked(1, box, label=None)])
    scale = drawing_scale(*size)
    rows, columns = np.nonzero(near(drawn, color_of(1)))
    thick = 10
    # The label sits above the box, so only left, right and bottom are the outline's alone.
    assert abs(columns.min() - box[0] * scale) <= thick
    assert abs(columns.max() - box[2] * scale) <= thick
    assert abs(rows.max() - box[3] * scale) <= thick


def test_without_boxes_the_picture_is_unchanged_and_the_original_never():
    image = grey(640, 480)
    assert np.array_equal(np.asarray(annotate(image, [])), np.asarray(image))
    annotate(image, [marked(0, (10, 10, 100, 100))])
    assert len(image.getcolors()) == 1


def test_every_object_has_its_own_colour_everywhere():
    assert len({color_of(k) for k in range(len(PALETTE))}) == len(PALETTE)
    image = grey(640, 480)
    marks = [marked(0, (10, 60, 200, 300)), marked(3, (300, 100, 500, 400), image=2)]
    sheet = contact_sheet([picture_from_image(image), picture_from_image(image)], marks)
    left, right = np.asarray(sheet)[:, : WIDTH // 2], np.asarray(sheet)[:, WIDTH // 2 :]
    assert near(left, color_of(0)).any() and not near(left, color_of(3)).any()
    assert near(right, color_of(3)).any() and not near(right, color_of(0)).any()


@pytest.mark.parametrize("count", [1, 2, 5, 64])
def test_the_sheet_holds_all_pictures_of_any_shape(count):
    shapes = [(640, 480), (30_000, 12), (9, 900), (1, 1)]
    pictures = [picture_from_image(grey(*shapes[k % 4]), f"p{k}.jpg") for k in range(count)]
    sheet = contact_sheet(pictures, [])
    assert sheet.width == WIDTH and 0 < sheet.height < 20_000


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        (marked(0, (0, 0, 1, 1), score=0.914), "1 cat 0.91"),
        (marked(4, (0, 0, 1, 1), label=None), "5"),
        (marked(0, (0, 0, 1, 1), label="café"), "1 café"),
        (marked(0, (0, 0, 1, 1), label="猫"), "1"),
    ],
)
def test_captions(mark, words):
    assert caption(mark) == words


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("photos/My Dog (1).jpeg", "My-Dog-1"),
        ("../../etc/passwd", "passwd"),
        ("C:\\pictures\\a.png", "a"),
        ("<array 2>", "array-2"),
        ("https://example.org/x/y.jpg?z=../..", "picture"),
        ("...", "picture"),
    ],
)
def test_file_names_are_plain(source, name):
    assert slug(source) == name
