"""Boxes among words: corners, lists, tags, labels, and the pictures that words name."""

import pytest

from gemvg.policy.parsing import asked_picture, parse_lists, parse_points, parse_points_first
from gemvg.policy.parsing.pictures import LAST, mentions, ordinal_words

A, B = (1, 2, 30, 40), (5, 6, 70, 80)
REF, ENDREF, BOX, ENDBOX = (
    "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>", "<|box_end|>",
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        ("(1,2),(30,40)", [(A, None, None)]),
        ("(1, 2), (30, 40)", [(A, None, None)]),
        ("(1,2)(30,40)", [(A, None, None)]),
        (f"{BOX}(1,2),(30,40){ENDBOX}", [(A, None, None)]),
        (f"{REF}red kite{ENDREF}{BOX}(1,2),(30,40){ENDBOX}{BOX}(5,6),(70,80){ENDBOX}",
         [(A, "red kite", None), (B, "red kite", None)]),
        (f"{REF}kite{ENDREF}{BOX}(1,2),(30,40){ENDBOX}, {REF}boy{ENDREF}{BOX}(5,6),(70,80){ENDBOX}",
         [(A, "kite", None), (B, "boy", None)]),
        ("<ref>a dog</ref><box>(1,2),(30,40)</box>", [(A, "a dog", None)]),
        ("flamingo(1,2),(30,40)", [(A, "flamingo", None)]),
        ("a towel(1,2),(30,40)(5,6),(70,80)", [(A, "a towel", None), (B, "a towel", None)]),
        ("[red fire truck](1,2),(30,40)", [(A, "red fire truck", None)]),
        ("dog(1,2),(30,40) and a cat(5,6),(70,80)", [(A, "dog", None), (B, "a cat", None)]),
        ("The calculator at(1,2),(30,40) can be used.", [(A, "The calculator", None)]),
        ("The glasses are located at (1,2),(30,40).", [(A, None, None)]),
        ("3th image(1,2),(30,40)", [(A, None, 3)]),
        ("It's in the second image. (1,2),(30,40)", [(A, None, 2)]),
        ("Image-3: (1,2),(30,40)", [(A, None, 3)]),
        ("In image 1: dog(1,2),(30,40), cat(5,6),(70,80)", [(A, "dog", 1), (B, "cat", 1)]),
        ("Image-1: (1,2),(30,40)\nImage-2: (5,6),(70,80)", [(A, None, 1), (B, None, 2)]),
        ("the boat(1,2),(30,40) in the first image is at (5,6),(70,80) in the 2th image.",
         [(A, "the boat", 1), (B, None, 2)]),
        ("the car in the first image((1,2),(30,40)):the door(5,6),(70,80)",
         [(A, "the car in the first image", 1), (B, "the door", None)]),
        ("In the first image: (1,2),(30,40)\nIn the second image: (5,6),(70,80)",
         [(A, None, 1), (B, None, 2)]),
        ("dog(1,2),(30,40) in image 2: cat(5,6),(70,80)", [(A, "dog", None), (B, "cat", 2)]),
        ("the last picture (1,2),(30,40)", [(A, None, LAST)]),
        ("第二张图中的狗(1,2),(30,40)", [(A, "狗", 2)]),
        ("(1,2),(30,40) - (5,6),(70,80)", [(A, None, None), (B, None, None)]),
        ("(30.0,40.0),(1.0,2.0)", [((30, 40, 1, 2), None, None)]),
        ("(-5,2),(3000,40)", [((-5, 2, 3000, 40), None, None)]),
    ],
)  # fmt: skip
def test_corners(text, boxes):
    parsed = parse_points(text)
    assert [(b.numbers, b.label, b.image) for b in parsed.boxes] == boxes
    assert not parsed.cut
    assert not parsed.damaged


@pytest.mark.parametrize(
    ("text", "count", "cut", "damaged"),
    [
        ("(1,2),(30,40)(5,6),(70", 1, True, False),
        ("(1,2),(30,40)(5,6),", 1, True, False),
        ("(1,2),(30,40)(5,", 1, True, False),
        ("(546,0", 0, True, False),
        ("(59,307),(259,691", 0, True, False),
        ("[1,2),(30,40)", 1, False, True),
        ("Top left: (1, 2)\nBottom right: (30, 40)", 0, False, True),
        ("(x1,y1),(x2,y2)", 0, False, False),
        ("([[[(", 0, False, False),
        ("see figure (2)", 0, False, False),
    ],
)
def test_damaged_and_cut_corners(text, count, cut, damaged):
    parsed = parse_points(text)
    assert [b.numbers for b in parsed.boxes] == [A][:count]
    assert (parsed.cut, parsed.damaged) == (cut, damaged)


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        ("[1, 2, 30, 40]", [(A, None, None)]),
        ("The box is [1, 2, 30, 40] in image 2.", [(A, None, 2)]),
        ("(1, 2, 30, 40)", [(A, None, None)]),
        ("<box>1 2 30 40</box>", [(A, None, None)]),
        (f"{BOX}1,2,30,40{ENDBOX}", [(A, None, None)]),
        ("1, 2, 30, 40", [(A, None, None)]),
        ("dog[1, 2, 30, 40] cat[5, 6, 70, 80]", [(A, "dog", None), (B, "cat", None)]),
        ("in 2023, 4, 5, 6 dogs", []),
        ("[1, 2, 30]", []),
        ("[1, 2, 30, 40, 50]", []),
    ],
)
def test_lists(text, boxes):
    assert [(b.numbers, b.label, b.image) for b in parse_lists(text).boxes] == boxes


def test_other_syntaxes_are_tried_in_turn():
    assert parse_points_first('[{"bbox_2d": [1, 2, 30, 40], "image": 2}]').boxes[0].image == 2
    assert parse_points_first("[1, 2, 30, 40]").boxes[0].numbers == A
    assert parse_points_first("no such thing").none


def test_an_explanation_is_kept_and_a_label_is_none():
    long = "Bob needs glasses to read, so he takes the pair at (1,2),(30,40)."
    assert parse_points_first(long).text == long
    assert parse_points_first("a white truck with a crane on top(1,2),(30,40)").text is None


@pytest.mark.parametrize(
    ("text", "images"),
    [
        ("image 2, Image-3, IMAGE 4 and picture #5", [2, 3, 4, 5]),
        ("the 1st image, the 2th photo, the 23rd frame", [1, 2, 23]),
        ("the first picture and the third one, the last image", [1, LAST]),
        ("image two", [2]),
        ("the source image", [1]),
        ("第3张图片 和 图2", [3, 2]),
        ("the 1th region picture", []),
        ("imagine 3 dogs; an image of 3 dogs; preview 2; epic 4", []),
        ("image 3.5 inches", []),
        ("Views 2 and 3", [2]),
    ],
)
def test_pictures_named_in_words(text, images):
    assert [m.image for m in mentions(text)] == images


@pytest.mark.parametrize(
    ("query", "count", "image"),
    [
        ("Recognize and locate this object in the 3th image.", 5, 3),
        ("Locate the 1th region picture in the source image.", 4, 1),
        ("Where does the object in image-1 locate in the image-2", 2, 2),
        ("Find in image 2 the object that is shown in image 1.", 2, 2),
        ("For the car marked in the first image, please locate it in the 4th image.", 6, 4),
        ("Which object in Image-2 can be used in Image-1? Find it in the second image.", 2, 2),
        ("Find the dog in the last picture", 3, 3),
        ("Find the dog.", 3, None),
        ("Find the dog in image 7.", 3, None),
    ],
)
def test_the_picture_a_question_asks_about(query, count, image):
    assert asked_picture(query, count) == image


def test_ordinals():
    assert [ordinal_words(k) for k in (1, 2, 16, 21, 22, 23, 111)] == [
        "first", "second", "sixteenth", "21st", "22nd", "23rd", "111th",
    ]  # fmt: skip
