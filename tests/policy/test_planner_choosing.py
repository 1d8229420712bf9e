"""Places, sizes and relations applied to boxes."""

from __future__ import annotations

from typing import Literal

import pytest

from gemvg.policy.planner.choosing import Found, Scene, choose, select_across
from gemvg.policy.planner.question import Phrase, Selection
from gemvg.policy.planner.understand import understand
from gemvg.tools.boxes import Box, GroundedBox

BOXES = {
    "person": [(10, 40, 30, 90, 0.9), (45, 10, 60, 50, 0.8), (70, 40, 95, 98, 0.7)],
    "umbrella": [(8, 20, 34, 45, 0.9)],
    "car": [(62, 60, 68, 70, 0.9)],
    "bench": [(60, 80, 99, 99, 0.9)],
}


def scene() -> Scene:
    found: dict[str, list[Found]] = {}
    for label, boxes in BOXES.items():
        found[label] = [
            Found(f"{label}{k}", GroundedBox(1, Box(*b[:4]), label, b[4], "detector"))
            for k, b in enumerate(boxes)
        ]
    found["people"], found["umbrellas"] = found["person"], found["umbrella"]
    found["man"], found["somebody"] = found["person"], found["person"]
    found["thing"] = [thing for label in BOXES for thing in found[label]]
    return Scene(100, 100, found)


CASES = [
    ("the leftmost person", "0"),
    ("the rightmost person", "2"),
    ("the second person from the left", "1"),
    ("the second person from the right", "1"),
    ("the last person from the left", "2"),
    ("the fifth person from the left", ""),
    ("the topmost person", "1"),
    ("the lowest person", "2"),
    ("the largest person", "2"),
    ("the smallest person", "1"),
    ("the second largest person", "0"),
    ("the two largest people", "20"),
    ("the most central person", "1"),
    ("the person nearest the bottom right corner", "2"),
    ("all people on the left side", "0"),
    ("people in the background", "1"),
    ("people in the foreground", "02"),
    ("the person on the left", "0"),
    ("the person with an umbrella", "0"),
    ("people without an umbrella", "12"),
    ("people under umbrellas", "0"),
    ("the person closest to the car", "2"),
    ("the person farthest from the car", "0"),
    ("people to the left of the car", "01"),
    ("the person between the umbrella and the bench", "1"),
    ("the two people", "01"),
    ("people next to a car or an umbrella", "012"),
    ("people next to a car", "2"),
    ("people with an umbrella or an obelisk", "0"),
    ("who is on the left?", "0"),
    ("who is holding the umbrella?", "0"),
    ("the person whose umbrella is open", "0"),
    ("the person a car is in front of", ""),
    ("the smaller of the two people", "1"),
]
OTHERS = [
    ("what is the leftmost person holding?", "umbrella0"),
    ("what is the car in?", ""),
    ("what is the rightmost person sitting on?", "bench0"),
    ("the bench that somebody is sitting on", "bench0"),
    ("the bench that nobody is sitting on", ""),
    ("the umbrella held by the man on the left", "umbrella0"),
    ("what is next to the car?", "person2"),
]


@pytest.mark.parametrize(("query", "wanted"), CASES)
def test_choice(query: str, wanted: str) -> None:
    phrase = understand(query, 1).targets[0].phrase
    assert "".join(f.id.removeprefix("person") for f in choose(phrase, scene())) == wanted


@pytest.mark.parametrize(("query", "wanted"), OTHERS)
def test_choice_of_other_things(query: str, wanted: str) -> None:
    phrase = understand(query, 1).targets[0].phrase
    assert " ".join(f.id for f in choose(phrase, scene())) == wanted


def test_an_unknown_landmark_shuts_nothing_out() -> None:
    phrase = understand("people next to the obelisk", 1).targets[0].phrase
    assert len(choose(phrase, scene())) == 3


def test_nothing_of_the_kind() -> None:
    assert choose(Phrase("zebra"), scene()) == []


@pytest.mark.parametrize(
    ("key", "rank", "ids"),
    [("largest", 1, ["small"]), ("largest", 2, ["wide"]), ("tallest", 1, ["small"]),
     ("widest", 1, ["wide"]), ("smallest", 1, ["big"]), ("largest", -1, ["big"])],
)  # fmt: skip
def test_sizes_of_several_pictures_are_shares_of_them(
    key: Literal["largest", "smallest", "tallest", "widest"], rank: int, ids: list[str]
) -> None:
    """A camera's picture has more pixels for everything than a thumbnail."""
    scenes = {1: Scene(100, 100, {}), 2: Scene(4000, 3000, {})}
    pool = [
        Found("small", GroundedBox(1, Box(0, 0, 50, 80), "dog", 0.9, "detector")),
        Found("wide", GroundedBox(2, Box(0, 0, 2400, 900), "dog", 0.9, "detector")),
        Found("big", GroundedBox(2, Box(0, 0, 800, 800), "dog", 0.9, "detector")),
    ]
    found = select_across(pool, Selection(key, rank), 1, scenes)
    assert [one.id for one in found] == ids
    assert all(one in pool for one in found)
