"""What nano learns of tools: conversations as it writes them, and the pages they stand on."""

import random

import numpy as np
import pytest

from gemvg.policy.dialect import Reading
from gemvg.policy.messages import ToolCall
from gemvg.policy.weighing import LOOK, SURE
from gemvg.tools.boxes import Box, GroundedBox
from gemvg.tools.images import picture_from_array
from gemvg.tools.tool import ToolContext, ToolResult
from gemvg.tools.views import ViewBook
from gemvg.training.nano.beyond import beyond
from gemvg.training.nano.more_questions import record_more
from gemvg.training.nano.photo_pages import LONG_TOGETHER, SHORT_TOGETHER, PhotoPages
from gemvg.training.nano.prompts import Prompts
from gemvg.training.nano.recording import Conversation, as_nano_asks, as_nano_sees, thought_of
from gemvg.training.nano.stand_ins import AnnotatedCompare, AnnotatedMatch, Truth
from gemvg.training.nano.tokenizer import make_tokenizer
from gemvg.training.nano.words import packaged_words
from gemvg.training.photo_questions import PhotoQuestion, load_photos
from tests.shared import SHARED, needs_shared

CALL = (
    '<tool_call>{"name": "detect", "arguments": {"views": [1, 2], "min_score": 0.35}}</tool_call>'
)
ROW = "<image_1><c0><c128><c256><c384><c512><c640> dog<b1>"
KIND = "<image_1><c768> dog<b1>"


@pytest.fixture(scope="module")
def prompts():
    return Prompts(make_tokenizer(packaged_words()))


def conversation(task, rows=1, thought=""):
    return Conversation(
        task, "find the dog", ("a", "b"), ((CALL, "\n".join([ROW] * rows)),), "<b1>", thought
    )


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ({"labels": [], "views": [1], "min_score": LOOK}, {"views": [1], "min_score": SURE}),
        ({"labels": ["dog"], "views": [1, 2, 3]}, {"labels": ["dog"]}),
        ({"labels": ["dog"], "views": [1, 3]}, {"labels": ["dog"], "views": [1, 3]}),
        ({"labels": ["dog"], "views": None}, {"labels": ["dog"], "views": None}),
        ({"source": {"view": 3}, "views": [2]}, {"source": {"view": 3}, "views": [2]}),
    ],
)
def test_a_call_asks_for_sure_boxes_and_leaves_out_what_is_empty(given, written):
    assert as_nano_asks(ToolCall("c", "detect", given), 3, SURE).arguments == written


def test_nano_sees_what_its_own_call_would_find():
    boxes = tuple(
        (f"b{k}", GroundedBox(1, Box(0, 0, 9, 9), "dog", k / 10, "detector")) for k in range(1, 7)
    )
    result = ToolResult(True, "x", "x", boxes=boxes)
    call = ToolCall("c", "detect", {"min_score": SURE})
    assert [name for name, _ in as_nano_sees(call, result).boxes] == ["b4", "b5", "b6"]
    assert as_nano_sees(ToolCall("c", "match", {}), result) is result


def test_nothing_that_is_taught_is_an_unknown_word(prompts):
    unknown = prompts.tokenizer.convert_tokens_to_ids("<unk>")
    for text in (CALL, ROW, KIND, conversation("common", thought="<c768> wine glass").last):
        assert unknown not in prompts.words(text)


def test_a_thought_stands_before_the_answer():
    assert conversation("common", thought=" dog").last == "<think> dog</think><answer><b1></answer>"
    assert conversation("region").last == "<answer><b1></answer>"


def test_a_page_holds_several_conversations_of_one_length(prompts):
    said = [conversation("retrieval"), conversation("region"), conversation("common", 20, " dog")]
    picture = np.zeros((8, 8, 3), np.uint8)
    pages = PhotoPages(said, {"a": picture, "b": picture}, prompts, 16)
    rng, seen = random.Random(0), set()
    for _ in range(40):
        kind = pages.kind(rng)
        page = pages.page(rng, 7, 7, kind)
        assert kind.pictures == len(page.scenes) == 2
        assert len(page.questions) == (LONG_TOGETHER if kind.long else SHORT_TOGETHER)
        tasks = {question.task for question in page.questions}
        assert tasks <= ({"photo-common"} if kind.long else {"photo-retrieval", "photo-region"})
        seen |= tasks
    assert len(seen) == 3


def test_a_conversation_that_is_too_long_is_left_out(prompts):
    pages = PhotoPages([conversation("a"), conversation("b", 60)], {}, prompts, 16)
    assert {pages.kind(random.Random(k)).long for k in range(20)} == {False}


@pytest.mark.parametrize("finder", ["match", "compare", ""])
def test_only_the_right_tool_finds_the_answer(finder):
    noise = np.random.default_rng(3).integers(0, 255, (60, 80, 3), np.uint8)
    book = ViewBook([picture_from_array(noise), picture_from_array(noise[::-1].copy())])
    truth = Truth(boxes=[GroundedBox(2, Box(10, 10, 40, 40))], finder=finder)
    rng = random.Random(1)
    found = {
        "match": AnnotatedMatch(truth, rng).call({"source": {"view": 1}}, ToolContext(book)),
        "compare": AnnotatedCompare(truth, rng).call({"first": 1, "second": 2}, ToolContext(book)),
    }
    assert all(result.ok for result in found.values())
    assert {name for name, result in found.items() if result.boxes} == {finder} - {""}


@pytest.mark.parametrize(
    ("task", "order", "row", "thought"),
    [
        ("reference", ("left", 1), ROW, "<c0>"),
        ("reference", ("right", 1), ROW, "<c128>"),
        ("reference", ("smallest", 1), ROW, "<c640>"),
        # The rows may rank other boxes than the planner chose among: that can't be learnt.
        ("reference", ("right", 2), ROW, None),
        ("common", None, KIND, "<c768> dog"),
        ("common", None, KIND.replace("768", "776"), None),
        ("retrieval", None, ROW, ""),
    ],
)
def test_a_thought_is_what_has_to_be_found_out(task, order, row, thought):
    question = PhotoQuestion(task, "find it", (), (), order)
    answer = Reading("ok", (GroundedBox(1, Box(0, 0, 9, 9), "dog"),))
    said = Conversation(task, "find it", ("a", "b"), ((CALL, row),), "<b1>")
    assert thought_of(question, answer, said) == thought


def test_to_what_it_is_not_taught_nano_says_that_it_does_not_know(prompts):
    keys = [f"p{k}" for k in range(6)]
    names = ["dog", "dining table", "cell phone", "skis"]
    said = list(beyond(300, keys, names, 3))
    assert said == list(beyond(300, keys, names, 3))
    assert len({one.question for one in said}) > 150
    for one in said:
        assert (one.task, one.turns, one.last) == ("beyond", (), "<answer><unknown></answer>")
        assert not set("{}<>") & set(one.question)
        assert len(set(one.pictures)) == len(one.pictures) > 1
        ((written, own),) = prompts.script(one.turns, one.last)
        assert own
        assert written.startswith("<answer><unknown>")


class Echo:
    """A recorder that keeps every question."""

    def __init__(self):
        self.questions = []

    def ask(self, question):
        self.questions.append(question)
        keys = tuple(shot.photo.path.name for shot in question.shots)
        return Conversation(question.task, question.query, keys, (), "<none>")


@needs_shared
def test_further_questions_are_right_and_in_known_words(prompts):
    photos = [p for p in load_photos(SHARED / "photos") if p.split == "dev"]
    echo = Echo()
    said = list(record_more(photos, echo, 60, 4, sorted({c for p in photos for c in p.labels})))
    kinds = ("retrieval", "several", "one", "common")
    assert [one.task for one in said] == [kind for kind in kinds for _ in range(60)]
    unknown = prompts.tokenizer.convert_tokens_to_ids("<unk>")
    for one, question in zip(said, echo.questions, strict=True):
        assert unknown not in prompts.words(one.question), one.question
        images = {image for image, _ in question.truth}
        shown = [set(shot.photo.labels) for shot in question.shots]
        if one.task == "common":
            assert not question.truth
            assert not set.intersection(*shown)
        else:
            assert images
            assert one.task != "one" or len(images) == 1
