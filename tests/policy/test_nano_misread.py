"""Calls of nano that are about something else than the question: they are handed on."""

import json

import pytest

from gemvg.policy.dialect import ReadContext
from gemvg.policy.dialects import get_dialect
from gemvg.policy.dialects.nano import NOT_TAUGHT
from gemvg.policy.policy import Completion

from .pictures import book_of


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


def is_misread(query, labels=None, views=None, pictures=3):
    """Whether a call to detect is handed on."""
    arguments = {} if labels is None else {"labels": [f" {label}" for label in labels]}
    arguments |= {} if views is None else {"views": views}
    said = json.dumps({"name": "detect", "arguments": arguments})
    context = ReadContext(book_of(*[(9, 9)] * pictures), query=query)
    reading = get_dialect("nano").read(Completion(f"<tool_call>{said}</tool_call>"), context)
    assert bool(reading.calls) != (NOT_TAUGHT in reading.notes)
    return not reading.calls


@pytest.mark.parametrize(
    ("query", "misread"),
    [
        # Beside all or none of the pictures, one of them was taught.
        ("Find the object that is common to all pictures.", False),
        ("What do these pictures share?", False),
        ("All the pictures contain the same kind of object; box it in image 2.", False),
        ("Find the object that is common to images 1 and 2.", True),
        ("What kind of object do images 2 and 3 share? Mark every one of it.", True),
        ("What kind of object do the last two pictures share?", True),
        ("Something shows up in the first and the third photo. Mark it.", True),
        ("Find, in image 2, the thing that image 1 has.", True),
        ("Find the object that is common to images 1, 2 and 3.", False),
        # Nor was anything else than what they share.
        ("What do all these pictures share except image 3?", True),
        ("What kind of object is in no picture?", True),
        ("Find the largest object in image 2.", True),
        ("What is leftmost in image 1?", True),
        ("Find two things that all pictures share.", True),
        ("", False),
    ],
)
def test_what_some_pictures_share_was_not_taught(query, misread):
    assert is_misread(query) == misread


@pytest.mark.parametrize(
    ("query", "misread"),
    [
        ("The same car appears in some of these images. Where?", True),
        ("Find every dog in image 2.", False),
    ],
)
def test_the_same_thing_was_always_there_again(query, misread):
    context = ReadContext(book_of((9, 9), (9, 9), (9, 9)), query=query)
    reading = get_dialect("nano").read(Completion("<answer>none</answer>"), context)
    assert (reading.status == "none") != misread
    assert (NOT_TAUGHT in reading.notes) == misread


def test_of_two_pictures_both_are_all():
    assert not is_misread("What do images 1 and 2 share?", pictures=2)


@pytest.mark.parametrize(
    ("query", "labels", "misread"),
    [
        ("Find anything but a dog or a cat.", ["dog", "cat"], True),
        ("anything on the couch?", ["couch"], True),
        ("Box anything that is a bottle or a carrot.", ["bottle", "carrot"], False),
        ("Mark whatever lies under the table.", ["table"], True),
        ("Find everything except dogs.", ["dogs"], True),
        ("Find every dog and no cats.", ["dog", "cats"], True),
        ("Find whatever isn't a dog.", ["dog"], True),
        ("Find every dog without a cat.", ["dog", "cat"], True),
        ("Find every dog that is not in image 1.", ["dog"], True),
        ("Find every dog, but not in the last picture.", ["dog"], True),
        ("Find the dog in all images except the first.", ["dog"], True),
        # An abbreviation negates nothing, nor does what was taught.
        ("Find the dog in picture no. 2.", ["dog"], False),
        ("Ignore the rest: just the dogs in image 2.", ["dogs"], False),
        ("I want the dogs in image 2, nothing else.", ["dogs"], False),
        # Comparisons, relations, colours, counts.
        ("the dog closest to the other dog in image 2", ["dog"], True),
        ("the dog below the dog in image 2", ["dog"], True),
        ("Find every white dog.", ["dog"], True),
        ("Find exactly two dogs.", ["dogs"], True),
        ("Find 3 dogs.", ["dogs"], True),
        ("the two largest dogs in image 2", ["dogs"], True),
        ("Box every dog in the three pictures, one by one.", ["dog"], False),
        ("Find one dog.", ["dog"], False),
        # In a label such a word tells nothing apart.
        ("Find the white wine glasses.", ["white wine glasses"], False),
    ],
)
def test_a_word_that_tells_apart_what_nano_was_not_taught_is_a_misreading(query, labels, misread):
    views = [2] if "image 2" in query or "no. 2" in query else None
    assert is_misread(query, labels, views) == misread


@pytest.mark.parametrize(
    ("query", "labels", "misread"),
    [
        ("Which pictures show a dog? Mark each one.", ["dog"], False),
        ("Which of the three pictures show a dog?", ["dog"], False),
        ("Which pictures show a dog or a cat? Mark each one.", ["dog", "cat"], False),
        ("Which of these pictures show a dog and a cat?", ["dog", "cat"], True),
        ("Which pictures show a dog, a cat?", ["dog", "cat"], True),
        ("Which pictures show two dogs? Mark each one.", ["dogs"], True),
        ("Which picture has exactly one dog?", ["dog"], True),
        ("Which image shows one dog?", ["dog"], True),
        ("In which photos are there 3 dogs?", ["dogs"], True),
        ("Which picture has the most dogs?", ["dogs"], True),
        ("Which picture has a single dog?", ["dog"], True),
        ("Find the dogs and the cats.", ["dogs", "cats"], False),
    ],
)
def test_a_condition_on_which_pictures_is_a_misreading(query, labels, misread):
    assert is_misread(query, labels) == misread


@pytest.mark.parametrize(
    ("query", "views", "pictures", "misread"),
    [
        ("the largest dog", None, 1, False),
        ("the largest dog in image 2", [2], 3, False),
        ("the largest dog", None, 3, True),
        ("the largest dog of all pictures", None, 3, True),
        ("the leftmost dog in images 1 and 2", [1, 2], 3, True),
    ],
)
def test_a_rank_is_one_of_a_single_picture(query, views, pictures, misread):
    assert is_misread(query, ["dog"], views, pictures) == misread
