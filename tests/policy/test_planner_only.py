"""Kinds that some pictures show and others do not: what is called, and which boxes are kept."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gemvg.policy.policy import Request
from gemvg.tools.tool import ToolResult

from .test_planner_turns import TOOLS, answered, ask, book, detected

HERE = (1.0, 1.0, 50.0, 50.0)
THERE = (60.0, 1.0, 90.0, 50.0)


def answer(request: Request) -> tuple[list[str], str]:
    """Ids that were answered, and the words."""
    text = ask(replace(request, mode="direct")).text
    payload = json.loads(text.removeprefix("<answer>").removesuffix("</answer>"))
    return [item["id"] for item in payload["answer"]], payload["text"]


def looked(query: str, count: int, views: list[int], labels: list[str]) -> Request:
    """The request before its one look, which must be at these pictures."""
    request = Request(query, (), book(count), tools=TOOLS)
    call = ask(request).tool_calls[0]
    assert call.name == "detect"
    assert call.arguments["views"] == views
    assert call.arguments["labels"] == labels
    return request


def seen(request: Request, *boxes: tuple[str, int, tuple[float, float, float, float], float]):
    return answered(request, ask(request).tool_calls[0], detected(*boxes))


DOG_CAT = (("dog", 1, HERE, 0.9), ("cat", 1, THERE, 0.8), ("cat", 2, HERE, 0.7))


def test_what_only_one_picture_shows():
    request = looked("objects that only image 1 shows", 3, [1, 2, 3], [])
    found, words = answer(seen(request, *DOG_CAT))
    assert found == ["b1"]
    assert "dog" in words and "cat" not in words


def test_other_pictures_do_not_matter_where_some_are_named():
    request = looked("Which animals are in image 1 but missing from image 3?", 3, [1, 3],
                     ["animals"])  # fmt: skip
    found, words = answer(seen(request, *DOG_CAT[:2], ("dog", 3, HERE, 0.6)))
    assert found == ["b2"]
    assert "image 1 shows and not image 3" in words


@pytest.mark.parametrize(("weak", "kept"), [(0.15, ["b1"]), (0.25, []), (0.4, [])])
def test_what_may_be_there_is_not_said_to_be_missing(weak, kept):
    request = Request("Which animals appear only in image 1?", (), book(2), tools=TOOLS)
    found, words = answer(seen(request, ("dog", 1, HERE, 0.9), ("dog", 2, HERE, weak)))
    assert found == kept
    assert kept or "No kind of thing" in words


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("Which objects appear in only one of the images?", ["b1"]),
        ("objects that appear in exactly two pictures", ["b2", "b3"]),
        ("things in at least two of the images", ["b2", "b3", "b4", "b5", "b6"]),
        ("things in at most two images", ["b1", "b2", "b3"]),
    ],
)
def test_in_how_many_pictures(query, kept):
    request = looked(query, 3, [1, 2, 3], [])
    boxes = (*DOG_CAT, *(("cup", image, HERE, 0.6) for image in (1, 2, 3)))
    assert answer(seen(request, *boxes))[0] == kept


def test_of_two_pictures_what_changed_comes_first():
    request = Request("Which objects are in image 1 but not in image 2?", (), book(), tools=TOOLS)
    call = ask(request).tool_calls[0]
    assert call.name == "compare"
    assert call.arguments["report"] == "first"
    changed = answered(request, call, detected(("change", 1, HERE, 0.9)))
    assert answer(changed)[0] == ["b1"]


def test_of_two_scenes_kinds_are_compared():
    request = Request("Which objects are in image 2 but not in image 1?", (), book(), tools=TOOLS)
    other = ToolResult.failure("compare: image 1 and image 2 do not show the same scene")
    asked = answered(request, ask(request).tool_calls[0], other)
    call = ask(asked).tool_calls[0]
    assert (call.name, call.arguments["views"]) == ("detect", [1, 2])
    found, words = answer(
        answered(asked, call, detected(("dog", 1, HERE, 0.9), ("cat", 2, HERE, 0.8)))
    )
    assert found == ["b2"]
    assert "(image 1 and image 2 do not show the same scene)" in words


def test_why_kinds_are_compared_is_said():
    request = Request("Which objects are in image 2 but not in image 1?", (), book(), tools=TOOLS)
    barred = ToolResult.failure("The tool compare is not allowed here.")
    asked = answered(request, ask(request).tool_calls[0], barred)
    found, words = answer(
        answered(asked, ask(asked).tool_calls[0], detected(("cat", 2, HERE, 0.8)))
    )
    assert found == ["b1"]
    assert "The tool compare is not allowed here" in words
    assert "scene" not in words
