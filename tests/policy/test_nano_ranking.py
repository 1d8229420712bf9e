"""Which one of several a question names, and whether nano's box is that one."""

import pytest

from gemvg.policy.dialect import ReadContext
from gemvg.policy.dialects import get_dialect
from gemvg.policy.dialects.nano import NOT_TAUGHT
from gemvg.policy.dialects.nano_question import read_question
from gemvg.policy.dialects.nano_ranking import named_places
from gemvg.policy.dialects.nano_rows import fact_token
from gemvg.policy.policy import Completion
from gemvg.tools.boxes import Box, GroundedBox
from gemvg.tools.tool import BoxRegistry

from .pictures import book_of

LEFT, RIGHT, TOP, BOTTOM, LARGEST, SMALLEST = range(6)


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("the leftmost dog", [(LEFT, 0)]),
        ("the left-most dog", [(LEFT, 0)]),
        ("the dog closest to the left edge", [(LEFT, 0)]),
        ("the second dog from the left in the first picture", [(LEFT, 1)]),
        ("Counting from the left in image 2, box the second dog.", [(LEFT, 1)]),
        ("from left to right, the third dog", [(LEFT, 2)]),
        ("from right to left, the third dog", [(RIGHT, 2)]),
        ("the third dog from the left to the right", [(LEFT, 2)]),
        ("the second dog from top to bottom in image 1", [(TOP, 1)]),
        ("the smallest dog", [(SMALLEST, 0)]),
        ("the second largest dog in image 1", [(LARGEST, 1)]),
        ("the lowest dog in the 2nd image", [(BOTTOM, 0)]),
        ("the dog furthest down in the last photo", [(BOTTOM, 0)]),
        ("the dog highest up", [(TOP, 0)]),
        ("the dog that takes up the most space", [(LARGEST, 0)]),
        ("the dog with the least area", [(SMALLEST, 0)]),
        # The last is the first of the other side; without a side one counts from the left.
        ("the last dog from the left in image 1", [(RIGHT, 0)]),
        ("the last dog in image 1", [(RIGHT, 0)]),
        ("the final dog from the top in image 1", [(BOTTOM, 0)]),
        ("the second dog in image 1", [(LEFT, 1)]),
        # More than one is named, or what can't be told.
        ("the second last dog from the left in image 1", []),
        ("the leftmost and the rightmost dog", []),
        ("the largest and the smallest dog", []),
        ("the first dog from the left and the third dog in image 1", []),
        ("the top left dog", []),
        ("the dog furthest from the left", []),
        # Of pictures and not of dogs.
        ("the dogs in the second photo", None),
        ("the dogs in the last two photos", None),
        ("the dog in the left picture", None),
        ("dogs in the first and the last picture", None),
        ("most dogs", None),
        ("what went up", None),
        ("", None),
    ],
)
def test_the_place_that_a_question_names(query, places):
    found = named_places(read_question(query, 3))
    assert (found if found is None else list(found)) == places


DOGS = (Box(0, 0, 30, 30), Box(40, 10, 50, 20), Box(70, 20, 90, 40))
"""From left to right and from top to bottom; the largest, the smallest, the second largest."""


def answered(query, named, thought="", kind="detector"):
    """The reading of an answer that names some of three dogs that a tool found."""
    registry = BoxRegistry()
    for box in DOGS:
        registry.add(GroundedBox(1, box, "dog", None if kind is None else 0.8, kind))
    context = ReadContext(book_of((100, 100), (100, 100)), boxes=registry, query=query)
    said = "".join(f"<b{number}>" for number in named) or "<none>"
    think = f"<think>{thought}</think>" if thought else ""
    return get_dialect("nano").read(Completion(f"{think}<answer>{said}</answer>"), context)


@pytest.mark.parametrize(
    ("query", "named", "misread"),
    [
        ("the leftmost dog in image 1", [1], False),
        ("the leftmost dog in image 1", [2], True),
        ("the leftmost dog in image 1", [1, 2], True),
        ("the leftmost dog in image 1", [], True),
        ("the second dog from the left in image 1", [2], False),
        ("the second dog from the left in image 1", [1], True),
        ("the fourth dog from the left in image 1", [3], True),
        ("the fourth dog from the left in image 1", [], False),
        ("the last dog from the left in image 1", [3], False),
        ("the last dog in image 1", [1, 2, 3], True),
        ("the second largest dog in image 1", [3], False),
        ("the second largest dog in image 1", [1], True),
        ("the lowest dog in image 1", [3], False),
        ("the leftmost and the rightmost dog in image 1", [1, 3], True),
        ("the dogs in the first picture", [1, 2, 3], False),
        ("", [2], False),
    ],
)
def test_another_one_of_several_than_the_question_names_is_a_misreading(query, named, misread):
    # A thought may be wrong where the box is right, and right where the box is wrong.
    for thought in ("", fact_token(LEFT, 0), fact_token(RIGHT, 2)):
        reading = answered(query, named, thought)
        assert (NOT_TAUGHT in reading.notes) == misread
        assert reading.status == ("unparsable" if misread else "ok" if named else "none")


@pytest.mark.parametrize("kind", ["change", "match", None])
def test_only_what_was_detected_is_ranked(kind):
    assert answered("what changed on the left", [2], kind=kind).status == "ok"


@pytest.mark.parametrize(
    ("query", "named", "thought", "shown"),
    [
        ("the leftmost dog in image 1", [1], (LEFT, 0), "number 1 from the left"),
        ("the leftmost dog in image 1", [1], (LEFT, 1), "number 1 from the left"),
        ("the leftmost dog in image 1", [1], (BOTTOM, 5), "number 1 from the left"),
        ("the last dog from the left in image 1", [3], (LEFT, 1), "number 1 from the right"),
        # The question names no side: that of the thought, and the box's own rank.
        ("the dog in image 1", [2], (SMALLEST, 0), "number 1 smallest"),
        ("the dog in image 1", [2], (LEFT, 0), "number 2 from the left"),
        ("the dogs in image 1", [1, 2], (LEFT, 0), None),
        ("the dog in image 1", [2], None, None),
    ],
)
def test_the_reasoning_that_is_shown_is_true_of_the_box(query, named, thought, shown):
    written = "" if thought is None else fact_token(*thought)
    assert answered(query, named, written).reasoning == shown


def test_what_is_thought_beside_a_rank_stays():
    thought = f"{fact_token(LEFT, 4)} dog"
    assert answered("the leftmost dog in image 1", [1], thought).reasoning == (
        "number 1 from the left: dog"
    )
    assert answered("the dogs", [1], " dog").reasoning == "dog"
