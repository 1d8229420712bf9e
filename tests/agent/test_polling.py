import asyncio
import json

import numpy as np
import pytest

from gemvg.agent import GroundingAgent
from gemvg.policy.backends.endpoints import discover
from gemvg.policy.backends.openai_compatible import OpenAICompatiblePolicy
from gemvg.policy.dialects import get_dialect
from gemvg.policy.policy import Completion, Usage
from gemvg.policy.scripted import ScriptedPolicy
from gemvg.tools.errors import BackendError
from tests.fake_server import Reply, chat, serving

PICTURES = [np.full((80, 100, 3), 40 * k, np.uint8) for k in range(5)]


def box(image, label="dog"):
    return json.dumps([{"image": image, "bbox_2d": [100, 100, 500, 500], "label": label}])


def shown(request):
    return [view for message in request.messages for view in message.views]


def words(request):
    return "".join(message.text for message in request.messages)


def ask(script, query="every dog", dialect="qwen3-vl", **options):
    options.setdefault("strategy", "poll")
    options.setdefault("mode", "direct")
    agent = GroundingAgent(ScriptedPolicy(script, get_dialect(dialect)), tools="none", **options)
    return agent.ask(query, PICTURES)


def test_each_picture_is_asked_about_alone_and_the_answers_are_merged():
    asked = []

    def script(request):
        asked.append((shown(request), words(request)))
        view = shown(request)[0]
        return Completion(box(view) if view % 2 else "[]", usage=Usage(10, 5, 3, 1))

    answer = ask(script)
    assert sorted(views for views, _ in asked) == [[1], [2], [3], [4], [5]]
    assert all("answer for it alone" in text for _, text in asked)
    assert (answer.status, answer.strategy) == ("ok", "poll")
    assert [b.image for b in answer.answer] == [1, 3, 5]
    assert answer.answer[0].box == (10.0, 8.0, 50.0, 40.0)
    assert answer.usage["policy_calls"] == 5
    assert (answer.usage["prompt_tokens"], answer.usage["completion_tokens"]) == (50, 25)


def test_pictures_come_along_where_the_question_relates_them():
    asked = []

    def script(request):
        asked.append(shown(request))
        picture = words(request).split("Give boxes in picture ")[1][0]
        # The model forgets the index here, and boxes another picture there.
        return '[{"bbox_2d": [0, 0, 500, 500]}]' if picture != "2" else box(4)

    answer = ask(script, "the same dog in the other pictures")
    assert asked == [[1, 2, 3, 4, 5]] * 5
    assert [b.image for b in answer.answer] == [1, 3, 4, 5]
    assert any("not asked about" in note for note in answer.usage["notes"])


def test_a_box_that_its_own_picture_gave_too_is_not_told_as_left_out():
    answer = ask(lambda request: box(2), "the dog in picture 2 and all others like it")
    assert [b.image for b in answer.answer] == [2]
    assert "notes" not in answer.usage


@pytest.mark.parametrize(
    ("says", "status"),
    [
        (lambda k: "[]", "none"),
        (lambda k: box(k), "ok"),
        (lambda k: "who knows" if k == 2 else box(k), "partial"),
        (lambda k: "who knows" if k == 2 else "[]", "unparsable"),
        (lambda k: "who knows", "unparsable"),
    ],
)
def test_the_merged_status(says, status):
    assert ask(lambda request: says(shown(request)[0])).status == status


def test_one_failing_picture_stops_no_other():
    def script(request):
        if shown(request) == [3]:
            raise BackendError("the server is gone.")
        return box(shown(request)[0])

    answer = ask(script)
    assert answer.status == "partial"
    assert [b.image for b in answer.answer] == [1, 2, 4, 5]
    assert "picture 3: failed" in answer.usage["notes"]

    def all_fail(request):
        raise BackendError("the server is gone.")

    answer = ask(all_fail)
    assert (answer.status, answer.error.kind) == ("failed", "backend")


@pytest.mark.parametrize(
    ("dialect", "query", "strategy"),
    [
        ("migician", "every dog", None),
        ("vlm-r1", "every dog", "poll"),
        ("vlm-r1", "the dog in image 2", "one-shot"),
        ("qwen3-vl", "every dog", "one-shot"),
    ],
)
def test_auto_polls_models_that_give_one_box(dialect, query, strategy):
    expected = strategy or ("poll" if get_dialect(dialect).single_target else "one-shot")
    answer = ask(lambda _: "[]", query, dialect, strategy="auto")
    assert answer.strategy == expected


def test_think_and_escalation_work_picture_by_picture():
    def script(request):
        view = shown(request)[0]
        if request.mode == "think":
            return f"<think>looking at {view}</think>{box(view)}"
        return "eh" if view == 2 else box(view)

    answer = ask(script, mode="auto")
    assert answer.status == "ok"
    assert (answer.mode.used, answer.usage["policy_calls"]) == ("think", 6)
    assert answer.reasoning == "Picture 2: looking at 2"
    assert "could not be read" in answer.mode.why


def test_calls_run_at_once_against_a_server():
    with serving(lambda body, _: Reply(chat("[]"), delay=0.5)) as server:
        policy = OpenAICompatiblePolicy([server.url], discover(server.url), get_dialect("qwen3-vl"))
        agent = GroundingAgent(policy, tools="none", strategy="poll", mode="direct")
        answer = asyncio.run(agent.aask("every dog", PICTURES))
    assert answer.status == "none"
    assert server.most_open == 5
