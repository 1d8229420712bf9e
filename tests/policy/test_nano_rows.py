"""What nano is told of a tool's boxes, and how its thoughts about them are read."""

import re

import pytest

from gemvg.policy.dialect import ReadContext
from gemvg.policy.dialects import get_dialect
from gemvg.policy.dialects.nano import in_words
from gemvg.policy.dialects.nano_rows import places_of
from gemvg.policy.messages import ToolCall
from gemvg.policy.policy import Completion
from gemvg.tools.boxes import Box, GroundedBox
from gemvg.tools.tool import ToolResult

from .pictures import book_of


def told_to_nano(boxes, tool="detect", images=2, **arguments):
    """The rows of a result: (id, picture, values of its facts, label) in order."""
    result = ToolResult(True, "x", "x", boxes=tuple(boxes.items()))
    book = book_of(*[(100, 100)] * images)
    (turn,) = get_dialect("nano").tool_messages(ToolCall("c", tool, arguments), result, book)
    if turn.text == "<none>":
        return []
    found = [re.fullmatch(r"<image_(\d)>((?:<c\d+>)*) (.*)<(b\d+)>", row)
             for row in turn.text.split("\n")]  # fmt: skip
    return [(m[4], int(m[1]), [int(v) // 8 for v in re.findall(r"\d+", m[2])], m[3])
            for m in found]  # fmt: skip


def test_nano_is_told_ranks_from_left_to_right():
    boxes = {
        "b1": GroundedBox(1, Box(60, 0, 90, 50), "dog"),
        "b2": GroundedBox(2, Box(0, 0, 9, 9), "dog"),
        "b3": GroundedBox(1, Box(0, 40, 20, 60), "dog"),
        "b4": GroundedBox(1, Box(30, 20, 40, 30), "cat"),
        "b5": GroundedBox(1, Box(31, 60, 41, 70), "dog"),
    }
    ranks = {"b3": (0, 2, 1, 1, 1, 1), "b5": (1, 1, 2, 0, 2, 0), "b1": (2, 0, 0, 2, 0, 2),
             "b4": (0,) * 6, "b2": (0,) * 6}  # fmt: skip
    # Every kind of fact has sixteen tokens of its own, a coordinate's each.
    assert told_to_nano(boxes, labels=["dog", "cat"]) == [
        (name, boxes[name].image, [16 * slot + fact for slot, fact in enumerate(ranks[name])],
         boxes[name].label)
        for name in ("b3", "b4", "b5", "b1", "b2")
    ]  # fmt: skip


def test_nano_is_told_what_all_pictures_show():
    boxes = {
        "b1": GroundedBox(1, Box(0, 0, 9, 9), "dog", 0.9, "detector"),
        "b2": GroundedBox(1, Box(20, 0, 29, 9), "cup", 0.8, "detector"),
        "b3": GroundedBox(1, Box(40, 0, 49, 9), "cat", 0.9, "detector"),
        "b4": GroundedBox(2, Box(0, 0, 9, 9), "dog", 0.5, "detector"),
        "b5": GroundedBox(2, Box(20, 0, 29, 9), "cup", 0.7, "detector"),
    }
    facts = {name: facts for name, _, facts, _ in told_to_nano(boxes)}
    # By the weakest of a label's best boxes: cups .7, dogs .5; cats are missing in the second.
    assert facts == {"b1": [97], "b2": [96], "b3": [111], "b4": [97], "b5": [96]}
    assert told_to_nano({"b3": boxes["b3"]}, "match") == [("b3", 1, [], "cat")]


@pytest.mark.parametrize(
    ("scores", "arguments", "told"),
    [
        # A choice: two or more, as sure as there are.
        ((0.9, 0.6, 0.4, 0.2), {"labels": ["dog"], "min_score": 0.1}, 2),
        ((0.9, 0.4, 0.3, 0.2), {"labels": ["dog"], "min_score": 0.1}, 2),
        ((0.9, 0.3, 0.25, 0.12), {"labels": ["dog"], "min_score": 0.1}, 3),
        ((0.15,), {"labels": ["dog"], "min_score": 0.1}, 1),
        ((0.9,), {"labels": ["dog"], "min_score": 0.1}, 1),
        # What is there: all that are sure, or the best.
        ((0.9, 0.6, 0.4, 0.2), {"min_score": 0.1}, 3),
        ((0.3, 0.2), {"min_score": 0.1}, 1),
        # Asked for sure ones alone nothing is left out; nor where nothing is said.
        ((0.9, 0.6, 0.4), {"labels": ["dog"], "min_score": 0.35}, 3),
        ((0.9, 0.3), {"labels": ["dog"]}, 2),
        ((), {"min_score": 0.1}, 0),
    ],
)
def test_of_weak_boxes_nano_is_told_those_that_may_be_meant(scores, arguments, told):
    boxes = {
        f"b{k}": GroundedBox(1, Box(10 * k, 0, 10 * k + 9, 9), "dog", score, "detector")
        for k, score in enumerate(scores, 1)
    }
    names = [name for name, *_ in told_to_nano(boxes, **arguments)]
    assert names == list(boxes)[:told]


@pytest.mark.parametrize(
    ("thought", "words"),
    [
        ("<c8>", "number 2 from the left"),
        (" <c128> ", "number 1 from the right"),
        ("<c520>", "number 2 largest"),
        ("<c768> dog", "what all pictures show: dog"),
        ("<c776>", "what all pictures show, number 2"),
        ("<c1000>", "[1000]"),
        (" dog", " dog"),
        ("image 1: <c8><c16><c24><c32>, <c8><c8><c16><c16>.",
         "image 1: [8, 16, 24, 32], [8, 8, 16, 16]."),
    ],
)  # fmt: skip
def test_nanos_thoughts_are_read_in_words(thought, words):
    assert in_words(thought) == words
    reading = get_dialect("nano").read(
        Completion(f"<think>{thought}</think><answer><none></answer>"), ReadContext(book_of((9, 9)))
    )
    assert reading.reasoning.strip() == words.strip()


def test_the_place_of_a_box_is_among_those_that_a_choice_is_made_among():
    boxes = {
        "b1": GroundedBox(1, Box(60, 0, 90, 50), "dog", 0.9, "detector"),
        "b2": GroundedBox(1, Box(0, 40, 20, 60), "dog", 0.8, "detector"),
        # Looked for twice: the same box counts once. Weak ones do not count at all.
        "b3": GroundedBox(1, Box(0, 40, 20, 60), "dog", 0.8, "detector"),
        "b4": GroundedBox(1, Box(30, 40, 40, 60), "dog", 0.2, "detector"),
        "b5": GroundedBox(1, Box(30, 20, 40, 30), "cat", 0.9, "detector"),
        "b6": GroundedBox(2, Box(30, 20, 40, 30), "dog", 0.9, "detector"),
    }
    told = list(boxes.items())
    assert places_of(boxes["b1"], told) == (1, 0, 0, 1, 0, 1)
    assert places_of(boxes["b3"].with_label("puppy"), told) == (0, 1, 1, 0, 1, 0)
    assert places_of(boxes["b5"], told) == places_of(boxes["b6"], told) == (0,) * 6
    assert places_of(boxes["b4"], told) is None
    assert places_of(boxes["b1"], ()) is None
