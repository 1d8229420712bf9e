"""Pictures that a question names by their files."""

import pytest
from PIL import Image

from gemvg.agent import GroundingAgent
from gemvg.agent.named_files import by_number

PLACES = ["t/kitchen.jpg", "/home/me/room.jpeg", "https://a.example/big/my room.png", "<bytes>"]


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("Find the bed in kitchen.jpg", "Find the bed in image 1"),
        ("bed in KITCHEN.JPG, cat in room.jpeg.", "bed in image 1, cat in image 2."),
        ("what is in 't/kitchen.jpg'?", "what is in image 1?"),
        ("the dog in picture kitchen.jpg and photo `room.jpeg`", "the dog in image 1 and image 2"),
        ("the cat in my room.png", "the cat in image 3"),
        ("kitchen.jpg: bed; room.jpeg: cat", "image 1: bed; image 2: cat"),
        # Other files, and words that are no file's name.
        ("the bed in the kitchen", "the bed in the kitchen"),
        ("bed in old-kitchen.jpg", "bed in old-kitchen.jpg"),
        ("bed in kitchen.jpg.bak", "bed in kitchen.jpg.bak"),
        ("<bytes>", "<bytes>"),
    ],
)
def test_names_become_numbers(query, asked):
    assert by_number(query, PLACES) == asked


def test_a_name_of_two_pictures_stays():
    assert by_number("dog in a.jpg", ["x/a.jpg", "y/A.jpg"]) == "dog in a.jpg"
    assert by_number("dog in dog", ["dog", "cat"]) == "dog in dog"


def test_an_answer_keeps_the_question_as_it_was_asked(tmp_path):
    for name in ("one.png", "two.png"):
        Image.new("RGB", (64, 48), "grey").save(tmp_path / name)
    asked = GroundingAgent("planner").ask(
        "every dog in two.png", [tmp_path / "one.png", tmp_path / "two.png"]
    )
    assert asked.query == "every dog in two.png"
    assert "dog in image 2." in (asked.text or "")
