"""The planner as a policy: calls, results, answers, without any detector."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from PIL import Image

from gemvg.policy.messages import Message, TextPart, ToolCall
from gemvg.policy.planner import Planner
from gemvg.policy.policy import Completion, Request, ToolSpec
from gemvg.tools.boxes import Box, GroundedBox
from gemvg.tools.errors import PolicyError, QueryNotUnderstood
from gemvg.tools.images import picture_from_image
from gemvg.tools.tool import BoxRegistry, ToolResult
from gemvg.tools.views import ViewBook

TOOLS = tuple(ToolSpec(name, "", {}) for name in ("zoom", "detect", "match", "compare"))


def book(count: int = 2, size: tuple[int, int] = (200, 100)) -> ViewBook:
    return ViewBook([picture_from_image(Image.new("RGB", size), f"{i}.png") for i in range(count)])


def ask(request: Request) -> Completion:
    return asyncio.run(Planner().complete(request))


def answered(request: Request, call: ToolCall, result: ToolResult) -> Request:
    """The request after a call and its result."""
    turns = (
        Message("assistant", (), (call,)),
        Message("tool", (TextPart(result.text),), call_id=call.id, result=result),
    )
    return replace(request, messages=(*request.messages, *turns))


def detected(*boxes: tuple[str, int, tuple[float, float, float, float], float]) -> ToolResult:
    registry = BoxRegistry()
    found = [
        GroundedBox(image, Box(*box), label, score, "detector")
        for label, image, box, score in boxes
    ]
    return ToolResult(True, "found", "found", boxes=tuple((registry.add(f), f) for f in found))


def test_asks_once_then_names_ids() -> None:
    request = Request("every dog", (), book(), tools=TOOLS)
    first = ask(request)
    assert first.finish_reason == "tool_calls"
    assert [c.name for c in first.tool_calls] == ["detect"]
    assert first.tool_calls[0].arguments["labels"] == ["dog"]
    assert first.tool_calls[0].arguments["views"] == [1, 2]
    result = detected(("dog", 2, (1, 1, 50, 50), 0.9), ("dog", 1, (1, 1, 50, 50), 0.05))
    second = ask(answered(request, first.tool_calls[0], result))
    payload = json.loads(second.text.removeprefix("<answer>").removesuffix("</answer>"))
    assert payload["answer"] == [{"id": "b1", "label": "dog"}]
    assert "dog" in payload["text"]


def test_what_was_not_found_of_several_things_is_said() -> None:
    request = Request("the horse and the person riding it", (), book(), tools=TOOLS)
    result = detected(("horse", 2, (1, 1, 20, 20), 0.9), ("person", 1, (1, 1, 50, 50), 0.9))
    text = ask(answered(request, ask(request).tool_calls[0], result)).text
    assert '"id": "b1"' in text
    assert "1 found in image 2. Not found: person with horse." in text
    both = detected(("horse", 2, (1, 1, 90, 90), 0.9), ("person", 2, (10, 1, 50, 50), 0.9))
    assert "Not found" not in ask(answered(request, ask(request).tool_calls[0], both)).text


def test_same_request_same_completion() -> None:
    request = Request("the leftmost dog in image 2", (), book(), tools=TOOLS)
    assert ask(request).tool_calls == ask(request).tool_calls


def test_thinking_is_grounded() -> None:
    request = Request("the leftmost dog in image 2", (), book(), tools=TOOLS, mode="think")
    call = ask(request).tool_calls[0]
    result = detected(("dog", 2, (100, 1, 150, 50), 0.9), ("dog", 2, (1, 1, 50, 50), 0.8))
    text = ask(answered(request, call, result)).text
    assert text.startswith("<think>") and "b1" in text.split("</think>")[0]
    assert '"id": "b2"' in text


def test_without_tools_is_an_error() -> None:
    with pytest.raises(PolicyError, match="none is allowed"):
        ask(Request("every dog", (), book()))


def test_a_match_that_could_not_look_does_not_say_that_nothing_is_there() -> None:
    request = Request("Image 2 is a close-up of part of image 1. Where?", (), book(), tools=TOOLS)
    call = ask(request).tool_calls[0]
    failed = ToolResult.failure("match: matching needs OpenCV. pip install it.")
    with pytest.raises(PolicyError, match="needs OpenCV"):
        ask(answered(request, call, failed))
    unseen = ToolResult(True, "not found", "not found")
    assert (
        json.loads(
            ask(answered(request, call, unseen))
            .text.removeprefix("<answer>")
            .removesuffix("</answer>")
        )["answer"]
        == []
    )


def test_nonsense_says_what_it_reads() -> None:
    with pytest.raises(QueryNotUnderstood, match="I can read, for example"):
        ask(Request("?", (), book(), tools=TOOLS))


def test_unknown_words_are_said() -> None:
    request = Request("find the quokka", (), book(), tools=TOOLS)
    call = ask(request).tool_calls[0]
    assert call.arguments["labels"] == ["quokka"]
    failed = ToolResult.failure("detect: Not looked for quokka: nobody knows it.")
    with pytest.raises(QueryNotUnderstood, match="quokka"):
        ask(answered(request, call, failed))


@pytest.mark.parametrize(
    "query", ["zebras in the photo with grass", "zebras in photos without grass"]
)
def test_pictures_told_by_an_unknown_thing_are_not_guessed(query: str) -> None:
    request = Request(query, (), book(), tools=TOOLS)
    result = detected(("zebra", 1, (1, 1, 50, 50), 0.9))
    with pytest.raises(QueryNotUnderstood, match="does not know 'grass'"):
        ask(answered(request, ask(request).tool_calls[0], result))


@pytest.mark.parametrize(
    "query", ["the quokka next to the zebra", "quokkas and a zorb with zebras"]
)
def test_what_was_not_looked_for_is_not_said_to_be_absent(query: str) -> None:
    request = Request(query, (), book(), tools=TOOLS)
    result = detected(("zebra", 1, (1, 1, 50, 50), 0.9))
    with pytest.raises(QueryNotUnderstood, match="does not know quokka"):
        ask(answered(request, ask(request).tool_calls[0], result))


def test_the_same_use_is_looked_for_in_the_narrowest_family() -> None:
    query = "What in image 2 has the same use as the thing at [0, 0, 500, 1000] in image 1? Box it."
    request = Request(query, (), book(), tools=TOOLS)
    first = ask(request)
    assert [c.name for c in first.tool_calls] == ["detect"]
    assert first.tool_calls[0].arguments["labels"] == []
    result = detected(
        ("chair", 1, (2, 2, 98, 99), 0.9), ("person", 1, (120, 2, 180, 99), 0.9),
        ("couch", 2, (1, 40, 90, 99), 0.8), ("dining table", 2, (100, 40, 190, 99), 0.9),
        ("bench", 2, (1, 1, 90, 30), 0.12),
    )  # fmt: skip
    second = ask(answered(request, first.tool_calls[0], result))
    payload = json.loads(second.text.partition("<answer>")[2].removesuffix("</answer>"))
    couch = next(name for name, b in result.boxes if b.label == "couch")
    assert payload["answer"] == [{"id": couch, "label": "couch"}]


def test_where_nothing_serves_the_purpose_nothing_is_named() -> None:
    thing = "the thing at [0, 0, 500, 1000] in image 1"
    query = f"Find whatever in image 2 serves the same purpose as {thing}."
    request = Request(query, (), book(), tools=TOOLS)
    first = ask(request)
    result = detected(("chair", 1, (2, 2, 98, 99), 0.9), ("dog", 2, (1, 40, 90, 99), 0.8))
    text = ask(answered(request, first.tool_calls[0], result)).text
    payload = json.loads(text.partition("<answer>")[2].removesuffix("</answer>"))
    assert payload["answer"] == []


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ("[1200, 100, 1500, 300]", "1200, 100, 1500, 300.*image 1.*640 by 480"),
        ("(700, 50), (800, 90) px", "640 by 480 pixels.*px behind"),
        ("[-50, -50, -10, -10] px", "holds nothing of image 1"),
        ("[100, 100, 100, 300]", "100, 100, 100, 300"),
        ("(0, 0), (0, 0)", "0, 0, 0, 0"),
    ],
)
@pytest.mark.parametrize(
    "query",
    [
        "the object at {} of image 1, find it in image 2",
        "What has the same use as the thing at {} in image 1? Box it in image 2.",
    ],
)
def test_a_box_that_holds_nothing_is_not_the_whole_picture(
    query: str, box: str, message: str
) -> None:
    request = Request(query.format(box), (), book(2, (640, 480)), tools=TOOLS)
    with pytest.raises(QueryNotUnderstood, match=message):
        ask(request)


def test_a_box_that_reaches_over_the_edge_is_cut() -> None:
    query = "the object at (600, 50), (800, 90) px of image 1, find it in image 2"
    call = ask(Request(query, (), book(2, (640, 480)), tools=TOOLS)).tool_calls[0]
    assert call.arguments["source"] == {"view": 1, "box": [937.5, 104.17, 1000.0, 187.5]}


ROOM = [
    ("couch", 1, (0, 50, 150, 100), 0.9),
    ("dog", 1, (20, 20, 60, 80), 0.9),
    ("person", 1, (160, 10, 190, 95), 0.8),
    ("clock", 1, (100, 2, 110, 12), 0.7),
]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        ("Find everything that isn't a person.", ["clock", "couch", "dog"]),
        ("everything except people and dogs", ["clock", "couch"]),
        ("What is on the couch?", ["dog"]),
        ("What is to the right of the couch?", ["person"]),
        ("What do you see in image 1?", ["clock", "couch", "dog", "person"]),
    ],
)
def test_of_everything_a_noun_means_its_own_class(query: str, labels: list[str]) -> None:
    request = Request(query, (), book(1), tools=TOOLS)
    first = ask(request)
    assert first.tool_calls[0].arguments["labels"] == []
    text = ask(answered(request, first.tool_calls[0], detected(*ROOM))).text
    answer = json.loads(text.split("<answer>")[1].removesuffix("</answer>"))["answer"]
    assert sorted(item["label"] for item in answer) == labels


ZOO = [
    ("dog", 1, (1, 1, 40, 40), 0.9), ("person", 1, (60, 1, 90, 90), 0.9),
    ("dog", 2, (1, 1, 40, 40), 0.9), ("dog", 2, (50, 1, 90, 40), 0.8),
    ("person", 2, (120, 1, 140, 90), 0.9), ("couch", 2, (1, 50, 150, 99), 0.9),
    ("couch", 3, (1, 50, 120, 99), 0.9), ("person", 3, (60, 1, 90, 90), 0.9),
]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("Find the couch in pictures with at least two dogs.", "couch2"),
        ("Which picture has more dogs than people?", "dog2 dog2"),
        ("Which picture has fewer dogs than people?", ""),
        ("Find the couch in the picture with fewer dogs than people.", "couch3"),
        ("Which pictures have as many dogs as people?", "dog1"),
        ("Find the couch in the picture with the fewest dogs.", "couch3"),
        ("Which picture shows a person and two dogs?", "dog2 dog2 person2"),
        ("Find at least one dog.", "dog1 dog2 dog2"),
        ("all but the two largest dogs in image 2", ""),
        ("everything but dogs in image 2", "couch2 person2"),
        ("dogs that are not on the left in image 2", ""),
        ("Which picture shows the smallest person?", "person2"),
        ("Which is wider, the couch in image 2 or the couch in image 3?", "couch2"),
        ("the widest couch in image 2 and image 3", "couch2 couch3"),
        ("people and dogs next to a couch in image 2", "dog2 dog2 person2"),
        ("Which is larger, the person in image 1 or the one in image 2?", "person1"),
    ],
)
def test_only_the_right_pictures_answer(query: str, answer: str) -> None:
    request = Request(query, (), book(3), tools=TOOLS)
    first = ask(request)
    found = detected(*ZOO)
    text = ask(answered(request, first.tool_calls[0], found)).text
    ids = {name: box for name, box in found.boxes}
    items = json.loads(text.split("<answer>")[1].removesuffix("</answer>"))["answer"]
    boxes = [ids[item["id"]] for item in items]
    assert " ".join(sorted(f"{box.label}{box.image}" for box in boxes)) == answer


@pytest.mark.parametrize(
    ("query", "note"),
    [
        ("Find the woman in image 1.", "Not checked: woman (any person counts)."),
        ("women and dogs", "Not checked: women (any person counts)."),
        ("the dog next to the girl", "Not checked: girl (any person counts)."),
        ("sleeping dogs", "Not checked: sleeping."),
        ("barking dogs", "Not checked: barking."),
        ("all glowing objects", "Not checked: glowing."),
        ("household items in image 2", "Not checked: household."),
        ("dogs that are sleeping", "Not checked: sleeping."),
        ("Is the dog brown?", "Not checked: brown."),
        ("a small dog that is running in image 2", "Not checked: small, running."),
    ],
)
def test_what_is_not_checked_is_said(query: str, note: str) -> None:
    request = Request(query, (), book(3), tools=TOOLS)
    assert note in ask(answered(request, ask(request).tool_calls[0], detected(*ZOO))).text


@pytest.mark.parametrize("query", ["dogs on the couch", "the dog sitting on the couch", "people"])
def test_what_is_checked_is_not_noted(query: str) -> None:
    request = Request(query, (), book(3), tools=TOOLS)
    text = ask(answered(request, ask(request).tool_calls[0], detected(*ZOO))).text
    assert "Not checked" not in text


def test_a_picture_with_the_fewest_may_show_none() -> None:
    request = Request("Which picture has fewer dogs than people?", (), book(3), tools=TOOLS)
    call = ask(request).tool_calls[0]
    assert "Image 3, with nothing" in ask(answered(request, call, detected(*ZOO))).text


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("Box every dog and say which picture has more.",
         "3 in images 1 and 2: 2 and 1. The most (dog): image 1."),
        ("Box every dog. Which picture has the fewest of them?", "The fewest (dog): image 3."),
        ("Find every dog in images 1 and 2. Which has the fewest?",
         "The fewest (dog): image 2."),
        ("Find the dogs. In which pictures are there at least three dogs?",
         "With at least 3 dogs: none."),
        ("Find every dog, and which image has more dogs than cats?",
         "With more dogs than cats: image 1."),
    ],
)  # fmt: skip
def test_which_pictures_is_said_and_no_box_left_out(query: str, told: str) -> None:
    request = Request(query, (), book(3), tools=TOOLS)
    result = detected(
        ("dog", 1, (1, 1, 50, 50), 0.9), ("dog", 1, (100, 1, 150, 50), 0.9),
        ("dog", 2, (1, 1, 50, 50), 0.9), ("cat", 2, (100, 1, 150, 50), 0.9),
    )  # fmt: skip
    text = ask(answered(request, ask(request).tool_calls[0], result)).text
    assert told in text
    assert all(f'"id": "{one}"' in text for one in ("b1", "b2", "b3"))
    assert '"id": "b4"' not in text


def test_a_landmark_of_no_class_is_looked_for_by_its_word() -> None:
    request = Request("What is to the left of the lamp post?", (), book(1), tools=TOOLS)
    everything = ask(request).tool_calls[0]
    request = answered(request, everything, detected(*ROOM))
    second = ask(request).tool_calls[0]
    assert (everything.arguments["labels"], second.arguments["labels"]) == ([], ["lamp post"])
    unknown = ToolResult.failure("detect: Not looked for lamp post: nobody knows it.")
    assert "lamp post" in ask(answered(request, second, unknown)).text
