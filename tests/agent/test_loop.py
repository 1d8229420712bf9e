"""The loop: what becomes of what a policy says."""

import asyncio
import time

import pytest

from gemvg.agent.budgets import Budgets
from gemvg.agent.graph import ANSWER_NOW
from gemvg.agent.tool_calls import CALLS_CUT
from gemvg.policy.messages import ToolCall
from gemvg.policy.parsing.tool_text import MAX_CALLS
from gemvg.policy.policy import Completion, Usage
from gemvg.tools.errors import BackendTimeout, QueryNotUnderstood, UsageError
from tests.agent.scripts import PICTURES, Spot, agent, answer, call, item, picture, zoom


@pytest.mark.parametrize(
    ("said", "status", "boxes"),
    [
        (answer(item()), "ok", 1),
        (answer(item(), item(2)), "ok", 2),
        (answer(), "none", 0),
        ("The weather was lovely all week.", "unparsable", 0),
        ("", "unparsable", 0),
        (Completion('<answer>[{"image": 1, "bbox', finish_reason="length"), "truncated", 0),
        (
            Completion(
                '<answer>[{"image": 1, "bbox_2d": [0, 0, 9, 9]}, {"ima', finish_reason="length"
            ),
            "partial",
            1,
        ),
    ],
)
def test_the_status_says_what_the_text_held(said, status, boxes):
    result = agent(said).ask("the cat", PICTURES)
    assert (result.status, len(result.answer)) == (status, boxes)
    assert result.error is None


def test_boxes_of_a_crop_come_back_in_picture_pixels():
    result = agent(zoom(2), answer(item(3, (0, 0, 1000, 1000)))).ask("the cat", PICTURES)
    found = result.answer[0]
    assert found.image == 2
    # The crop's window: the box with 10% padding on every side, in the 64 x 48 picture.
    assert found.box == pytest.approx((3.84, 2.88, 34.56, 25.92), abs=2.0)
    assert [(s.tool, s.ok) for s in result.steps] == [("zoom", True)]
    assert result.usage["views"] == 1 and result.usage["policy_calls"] == 2


def test_an_answer_may_name_a_tools_box():
    result = agent(call("spot"), answer({"id": "b1", "label": "the spot"}), tools=[Spot()]).ask(
        "the spot", PICTURES
    )
    assert result.answer[0].box == (1.0, 2.0, 30.0, 40.0)
    assert (result.answer[0].score, result.answer[0].score_kind) == (0.75, "detector")


def test_the_policy_reads_what_went_wrong_and_may_go_on():
    heard = []

    def policy(request):
        heard.append(request.messages[-1].text)
        script = [call("teleport"), zoom(9), call("zoom", regions="all"), answer(item())]
        return script[len(heard) - 1]

    result = agent(policy).ask("the cat", PICTURES)
    assert result.status == "ok"
    assert [s.ok for s in result.steps] == [False, False, False]
    assert "no tool teleport" in heard[1] and "zoom" in heard[1]
    assert "the views are 1 to 2" in heard[2]


def test_a_repeated_call_is_answered_with_a_hint_and_not_run_again():
    heard = []

    def policy(request):
        heard.append(request.messages)
        return zoom() if len(heard) < 3 else answer(item())

    result = agent(policy).ask("the cat", PICTURES)
    assert result.usage["views"] == 1
    assert [s.ok for s in result.steps] == [True, False]
    assert "same call already" in heard[2][-1].text


@pytest.mark.parametrize(
    ("calls", "echoed", "told"),
    [(1, 1, False), (MAX_CALLS, MAX_CALLS, False), (2000, MAX_CALLS, True)],
)
def test_the_calls_of_a_servers_own_are_bounded_in_a_turn(calls, echoed, told):
    heard = []

    def policy(request):
        heard.append(request.messages)
        if len(heard) > 1:
            return answer(item())
        made = tuple(ToolCall(f"c{k}", "zoom", {"regions": [{"view": 9}]}) for k in range(calls))
        return Completion("", made, "tool_calls")

    result = agent(policy, budgets=Budgets(max_tool_calls=20)).ask("the cat", PICTURES)
    said = [m for m in heard[1] if m.role == "assistant"]
    answered = [m.call_id for m in heard[1] if m.role == "tool"]
    assert [call.id for call in said[0].tool_calls] == answered == [f"c{k}" for k in range(echoed)]
    assert [m.text for m in heard[1]].count(CALLS_CUT) == told
    assert (result.status, result.usage["tool_calls"]) == ("ok", echoed)


@pytest.mark.parametrize(
    ("budgets", "reason"),
    [
        (Budgets(max_steps=3), "max-steps"),
        (Budgets(max_steps=1), "max-steps"),
        (Budgets(max_tool_calls=2), "max-tool-calls"),
        (Budgets(max_views=1), "max-views"),
    ],
)
def test_a_policy_that_never_answers_is_ended_by_name(budgets, reason):
    count = iter(range(1000))
    endless = lambda request: zoom(1, (0, 0, 100 + next(count), 500))
    result = agent(endless, budgets=budgets).ask("the cat", PICTURES)
    assert result.status == "failed" and result.error.kind == "budget"
    assert result.usage["stop_reason"] == reason and reason in result.error.message
    assert result.usage["policy_calls"] <= budgets.max_steps
    assert result.usage["views"] <= budgets.max_views


def test_repeating_for_ever_is_ended_by_name():
    result = agent(zoom(), budgets=Budgets(max_steps=50)).ask("the cat", PICTURES)
    assert result.usage["stop_reason"] == "repeated-calls"
    assert result.usage["policy_calls"] == 5


def test_the_last_call_is_told_to_answer_and_gets_no_tools():
    seen = []

    def policy(request):
        seen.append((len(request.tools), request.messages[-1].text))
        return answer(item()) if request.messages[-1].text == ANSWER_NOW else call("spot")

    result = agent(policy, tools=[Spot()], budgets=Budgets(max_tool_calls=1)).ask("it", PICTURES)
    assert result.status == "ok" and "stop_reason" not in result.usage
    assert seen[0][0] == 1 and seen[1] == (0, ANSWER_NOW)


@pytest.mark.parametrize("tools", ["zoom", Spot()], ids=["zoom", "own"])
@pytest.mark.parametrize(
    ("last", "status", "boxes"),
    [
        (answer(item()) + zoom(2), "ok", 1),
        (f"<think>so</think>{answer(item(), item(2))}\n{call('spot')}{zoom(2)}", "ok", 2),
        (answer() + zoom(2), "none", 0),
        (Completion(answer(item()), tool_calls=(ToolCall("spot", {}),)), "ok", 1),
        # A call that is cut off, and one whose tags stand in the answer.
        (answer(item()) + '<tool_call>{"name": "zo', "ok", 1),
        (f"<answer>{zoom(2)}{answer(item())[8:]}", "ok", 1),
        # No answer: calls alone, words beside a call, and an answer that can't be read.
        (zoom(2), "failed", 0),
        ("I see none yet." + zoom(2), "failed", 0),
        ("<answer>Let me see.</answer>" + zoom(2), "failed", 0),
    ],
)
def test_an_answer_beside_calls_that_no_budget_allows_is_the_answer(last, status, boxes, tools):
    budgets = Budgets(max_steps=2)
    result = agent(zoom(), last, tools=[tools], budgets=budgets).ask("the cat", PICTURES)
    assert (result.status, len(result.answer)) == (status, boxes)
    assert len(result.steps) == 1
    noted = any("not made" in note for note in result.usage.get("notes", ()))
    assert noted == (status != "failed") and ("stop_reason" in result.usage) != noted


def test_an_answer_beside_calls_that_can_be_made_is_not_the_last_word():
    said = (answer(item()) + zoom(2), answer(item(2)))
    result = agent(*said).ask("the cat", PICTURES)
    assert [found.image for found in result.answer] == [2] and len(result.steps) == 1


def test_when_the_time_is_over_the_boxes_in_hand_are_the_partial_answer():
    async def policy(request):
        if any(m.role == "assistant" for m in request.messages):
            await asyncio.sleep(30)
        return call("spot")

    began = time.perf_counter()
    result = agent(policy, tools=[Spot()], budgets=Budgets(max_seconds=0.5)).ask("it", PICTURES)
    assert time.perf_counter() - began < 15
    assert (result.status, result.usage["stop_reason"]) == ("partial", "max-seconds")
    assert result.answer[0].label == "spot" and "last tool call" in result.usage["notes"][-1]


def test_a_slow_tool_is_cut_off():
    class Slow(Spot):
        def run(self, arguments, context):
            time.sleep(1.5)
            return super().run(arguments, context)

    result = agent(call("spot"), tools=[Slow()], budgets=Budgets(max_seconds=0.3)).ask(
        "it", PICTURES
    )
    assert result.status == "failed" and result.usage["stop_reason"] == "max-seconds"
    assert result.steps[0].ok is False and "time" in result.steps[0].summary


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (QueryNotUnderstood("can't read that."), "not-understood"),
        (BackendTimeout("no answer in 60 s."), "timeout"),
        (KeyError("a bug"), "policy"),
        (TimeoutError("somebody else's"), "policy"),
    ],
)
def test_a_failing_policy_is_a_record_and_keeps_the_steps(raised, kind):
    def policy(request):
        if any(m.role == "assistant" for m in request.messages):
            raise raised
        return zoom()

    result = agent(policy).ask("the cat", PICTURES)
    assert (result.status, result.error.kind) == ("failed", kind)
    assert len(result.steps) == 1 and result.answer == []
    assert "a bug" not in result.error.message


def test_usage_of_all_calls_is_added_up():
    said = [
        Completion(zoom(), usage=Usage(100, 20, 64, 1)),
        Completion(answer(item()), usage=Usage(150, 30, 80, 1)),
    ]
    usage = agent(*said).ask("the cat", PICTURES).usage
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["image_tokens"]) == (
        250,
        50,
        144,
    )


def test_reasoning_of_every_turn_is_kept_and_cleaned():
    result = agent(
        f"<think>first\x1b[31m red</think>{zoom()}", f"<think>second</think>{answer(item())}"
    ).ask("the cat", PICTURES)
    assert result.reasoning == "first red\n\nsecond"
    assert result.mode.used == "think"


def test_labels_reach_the_answer_without_control_characters():
    result = agent(answer(item(label="cat\x1b]0;owned\x07\u202e\n<b>"))).ask("the cat", PICTURES)
    assert result.answer[0].label == "cat <b>" or result.answer[0].label == "cat<b>"


def test_mode_is_asked_for_and_its_reason_is_told():
    seen = []

    def policy(request):
        seen.append(request.mode)
        return answer(item())

    asked = agent(policy)
    told = [asked.ask("it", PICTURES, mode=mode).mode for mode in ("think", "direct", "auto")]
    assert seen == ["think", "direct", "auto"]
    assert [m.asked for m in told] == seen and all(m.why for m in told)


@pytest.mark.parametrize(
    ("query", "images", "words"),
    [
        ("  ", PICTURES, "question is empty"),
        ("x" * 9000, PICTURES, "9000 characters"),
        ("it", [], "no pictures"),
        ("it", [picture()] * 200, "200 pictures"),
        ("it", ["https://example.org/a.jpg"], "not fetched"),
        ("it", [42], "picture 1 is a int"),
    ],
)
def test_a_callers_mistake_is_raised_before_the_episode(query, images, words):
    with pytest.raises(UsageError, match=words):
        agent(lambda request: pytest.fail("the policy was asked")).ask(query, images)


@pytest.mark.parametrize(("width", "box"), [(1, (500, 500, 503, 503)), (9, (500, 500, 501, 501))])
def test_a_box_of_a_model_has_an_area_in_the_smallest_picture(width, box):
    found = agent(answer(item(box=box))).ask("it", [picture(width, width)]).answer[0]
    x1, y1, x2, y2 = found.box
    assert 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= width
    assert found.grounded().box.area == pytest.approx(
        ((box[2] - box[0]) * width / 1000) ** 2, rel=0.5
    )
