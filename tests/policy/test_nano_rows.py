"""What nano is told of a tool's boxes, and how its thoughts about them are read."""

import re

import pytest

from gemvg.policy.dialect import ReadContext
from gemvg.policy.dialects import get_dialect
from gemvg.policy.dialects.nano import NOT_TAUGHT, in_words
from gemvg.policy.dialects.nano_rows import fact_token
from gemvg.policy.messages import ToolCall
from gemvg.policy.policy import Completion
from gemvg.tools.boxes import Box, GroundedBox
from gemvg.tools.tool import BoxRegistry, ToolResult

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


@pytest.mark.parametrize(
    ("query", "labels", "status"),
    [
        ("Find the dogs.", '[" dogs"]', "calls"),
        ("Find the Teddy-Bear, please", '[" teddy bear"]', "calls"),
        ("Find the dogs.", '[" umbrella"]', "unparsable"),
        ("Find the dogs and a cat.", '[" dogs", " cats"]', "unparsable"),
        ("Find the hotdogs.", '[" dogs"]', "unparsable"),
        ("Find the dogs.", "[]", "calls"),
        ("Find the dogs.", "3", "calls"),
        ("", '[" umbrella"]', "calls"),
        ("Find the dogs and a cat.", '[" dogs", " cat"]', "calls"),
        ("Find the dogs and a cat.", '[" dogs"]', "unparsable"),
        ("Box the wine glasses and the cups", '[" wine glasses"]', "unparsable"),
        ("the man closest to the bus", '[" man"]', "unparsable"),
        ("the teddy bear, please", '[" teddy bear"]', "calls"),
        ("all animals", '[" animals"]', "calls"),
    ],
)
def test_a_label_that_the_question_does_not_name_is_a_misreading(query, labels, status):
    said = f'<tool_call>{{"name": "detect", "arguments": {{"labels": {labels}}}}}</tool_call>'
    context = ReadContext(book_of((9, 9)), query=query)
    reading = get_dialect("nano").read(Completion(said), context)
    assert ("calls" if reading.calls else reading.status) == status
    assert (NOT_TAUGHT in reading.notes) == (status == "unparsable")


@pytest.mark.parametrize(
    ("query", "views", "status"),
    [
        ("Find the dog in the second picture.", "[2]", "calls"),
        ("Find the dog in the second picture.", "[1]", "unparsable"),
        ("Find the dog in the second picture.", "null", "unparsable"),
        ("dogs in images 1 and 3", "[1]", "unparsable"),
        ("dogs in images 1 and 3", "[3, 1]", "calls"),
        ("find the dog in picture number three", "[1]", "unparsable"),
        ("find the dog in every picture", "null", "calls"),
        ("find the dog", "[2]", "unparsable"),
        # A close-up of one's own making is no picture of the question.
        ("find the dog", "[4]", "calls"),
        ("find the dog in image 9", "null", "calls"),
        ("find the dog", '"x"', "calls"),
    ],
)
def test_a_look_at_other_pictures_than_the_question_names_is_a_misreading(query, views, status):
    label = " dogs" if "dogs" in query else " dog"
    said = f'{{"name": "detect", "arguments": {{"labels": ["{label}"], "views": {views}}}}}'
    context = ReadContext(book_of((9, 9), (9, 9), (9, 9)), query=query)
    completion = Completion(f"<tool_call>{said}</tool_call>")
    reading = get_dialect("nano").read(completion, context)
    assert ("calls" if reading.calls else reading.status) == status


def ranked(thought, query, kind="detector"):
    """The reading of an answer that names the box of a tool."""
    registry = BoxRegistry()
    score = None if kind is None else 0.8
    registry.add(GroundedBox(1, Box(0, 0, 5, 5), "dog", score, kind))
    context = ReadContext(book_of((9, 9)), boxes=registry, query=query)
    said = f"<think>{thought}</think><answer><b1></answer>" if thought else "<answer><b1></answer>"
    return get_dialect("nano").read(Completion(said), context)


@pytest.mark.parametrize(
    ("query", "slot", "rank", "misread"),
    [
        ("the leftmost dog", 0, 0, False),
        ("the left-most dog", 0, 0, False),
        ("the left-most dog", None, None, True),
        ("the dog closest to the left edge", 1, 0, True),
        ("the second dog from the left in the first picture", 0, 1, False),
        ("the second dog from the left in the first picture", 0, 0, True),
        ("Counting from the left in image 2, box the second dog.", 0, 0, True),
        ("from left to right, the third dog", 0, 2, False),
        ("from left to right, the third dog", 1, 2, True),
        ("from right to left, the third dog", 1, 2, False),
        ("the smallest dog", 4, 0, True),
        ("the lowest dog in the 2nd image", 3, 0, False),
        ("the dog that takes up the most space", 4, 0, False),
        ("the dogs in the second photo", None, None, False),
        ("the dog in the left picture", None, None, False),
        ("", 3, 3, False),
    ],
)
def test_another_side_or_rank_than_the_question_names_is_a_misreading(query, slot, rank, misread):
    thought = "" if slot is None else f"{fact_token(slot, rank)} dog"
    reading = ranked(thought, query)
    assert (NOT_TAUGHT in reading.notes) == misread
    assert (reading.status == "ok") != misread


def test_ranks_are_written_down_only_of_what_was_detected():
    assert ranked("", "what changed on the left", "change").status == "ok"
    assert ranked("", "the dog on the left", None).status == "ok"
