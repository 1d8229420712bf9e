import asyncio

import numpy as np
import pytest

from gemvg.agent import GroundingAgent
from gemvg.agent.budgets import Budgets
from gemvg.agent.question_form import expected_boxes, names_one_target, needs_other_pictures
from gemvg.agent.rules import EscalationRules
from gemvg.agent.scores import agreement_scored, least_certain, token_scored, written_boxes
from gemvg.policy.dialect import ReadContext, Reading
from gemvg.policy.dialects import get_dialect
from gemvg.policy.policy import Completion, Token, Usage
from gemvg.policy.scripted import ScriptedPolicy
from gemvg.tools.boxes import Box, GroundedBox
from gemvg.tools.errors import PolicyError
from gemvg.tools.images import picture_from_array
from gemvg.tools.tool import Tool, ToolArguments, ToolResult
from gemvg.tools.views import ViewBook

PICTURE = np.zeros((100, 100, 3), np.uint8)
ONE = '[{"image": 1, "bbox_2d": [100, 100, 500, 500], "label": "dog"}]'
TWO = ONE[:-1] + ', {"image": 1, "bbox_2d": [600, 600, 900, 900], "label": "dog"}]'


def tokens(text, sure=0.9, at=None):
    """One token a character; the n-th digit's probability set apart."""
    made, digits = [], 0
    for letter in text:
        low = letter.isdigit() and digits == at
        digits += letter.isdigit()
        made.append(Token(letter, float(np.log(0.1 if low else sure))))
    return tuple(made)


def ask(direct, query="the dog", thought=TWO, dialect="qwen3-vl", tools="none", **options):
    def script(request):
        return direct if request.mode != "think" else f"<think>hm</think>{thought}"

    agent = GroundingAgent(
        ScriptedPolicy(script, get_dialect(dialect)),
        tools=tools,
        rules=EscalationRules(),
        **options,
    )
    return agent.ask(query, [PICTURE])


def test_a_sure_answer_is_taken_and_a_doubtful_one_thought_over():
    sure = ask(Completion(ONE, tokens=tokens(ONE)))
    assert (sure.mode.used, len(sure.answer), sure.usage["policy_calls"]) == ("direct", 1, 1)
    unsure = ask(Completion(ONE, tokens=tokens(ONE, at=5)))
    assert (unsure.mode.used, len(unsure.answer)) == ("think", 2)
    assert "probability 0.10, below 0.30" in unsure.mode.why
    assert unsure.reasoning == "hm"


@pytest.mark.parametrize(
    ("direct", "query", "why"),
    [
        ("I really could not say.", "the dog", "could not be read"),
        (Completion("[{", finish_reason="length"), "the dog", "could not be read"),
        (ONE, "both dogs", "several boxes and 1 came"),
        (ONE, "find three dogs", "several boxes and 1 came"),
        (ONE, "every dog", "several boxes and 1 came"),
    ],
)
def test_reasons_to_think_again(direct, query, why):
    answer = ask(direct, query)
    assert answer.mode.used == "think"
    assert why in answer.mode.why


@pytest.mark.parametrize(
    ("direct", "query"), [("[]", "every dog"), (TWO, "both dogs"), (ONE, "the dog in image 2")]
)
def test_reasons_to_leave_it(direct, query):
    assert ask(direct, query).mode.used == "direct"


def test_what_is_asked_for_is_done_and_trained_choosers_choose():
    doubtful = Completion(ONE, tokens=tokens(ONE, at=5))
    assert ask(doubtful, mode="direct").usage["policy_calls"] == 1
    assert ask(doubtful, mode="think").mode.why == "asked for"
    assert ask(doubtful, dialect="gemvg").usage["policy_calls"] == 1
    assert "trained to choose" in ask(doubtful, dialect="gemvg").mode.why


def test_a_worse_second_answer_does_not_replace_the_first():
    answer = ask(Completion(ONE, tokens=tokens(ONE, at=5)), thought="hm, no idea")
    assert (answer.status, len(answer.answer)) == ("ok", 1)


def test_escalation_is_counted_in_the_budget():
    from gemvg.agent.budgets import Budgets

    answer = ask("nothing I can read", budgets=Budgets(max_steps=1))
    assert answer.usage["policy_calls"] == 1
    assert answer.status == "unparsable"


class _Arguments(ToolArguments):
    labels: list[str]
    views: list[int]
    vocabulary: str


def detector(boxes, ok=True):
    class Detector(Tool[_Arguments]):
        name = "detect"
        description = "sees"
        arguments = _Arguments

        def run(self, arguments, context):
            assert arguments.labels == ["dog"]
            found = tuple((f"b{k}", box) for k, box in enumerate(boxes, 1))
            return ToolResult(ok, "", "", (), found)

    return [Detector()]


def seen(x, score=0.9, label="dog"):
    return GroundedBox(1, Box(x, 10.0, x + 40.0, 50.0), label, score, "detector")


@pytest.mark.parametrize(
    ("boxes", "ok", "used"),
    [
        ([seen(10.0)], True, "direct"),  # where the box is
        ([seen(59.0)], True, "think"),  # elsewhere
        ([seen(59.0, 0.3)], True, "direct"),  # elsewhere, but unsure
        ([seen(59.0, label="cat")], True, "direct"),  # something else
        ([], True, "direct"),  # saw nothing: it misses much
        ([seen(59.0)], False, "direct"),  # could not look
    ],
)
def test_the_detector_may_disagree(boxes, ok, used):
    answer = ask(Completion(ONE, tokens=tokens(ONE)), tools=detector(boxes, ok))
    assert answer.mode.used == used
    assert ("detector sees dog in image 1" in answer.mode.why) == (used == "think")


def test_token_scores_are_those_of_each_boxs_own_numbers():
    answer = ask(Completion(TWO, tokens=tokens(TWO, at=3)), mode="direct",
                 scores="token-probability")  # fmt: skip
    first, second = answer.answer
    assert second.score == pytest.approx(0.9, abs=1e-3)
    assert first.score < second.score
    assert {first.score_kind, second.score_kind} == {"token-probability"}
    assert ask(ONE, mode="direct", scores="token-probability").answer[0].score is None


def test_thoughts_and_other_numbers_do_not_count():
    text = "<think>[1, 2, 3, 4] of 100</think>in 2026: " + ONE
    made = tokens(text, at=0)
    assert [box.numbers for box in written_boxes(made)] == [(100, 100, 500, 500)]
    assert least_certain(made) == pytest.approx(0.9)
    assert least_certain(tokens("no box")) is None
    assert least_certain(None) is None


@pytest.mark.parametrize("family", ["qwen2-vl", "qwen3-vl", "migician", "univg-r1", "gemvg"])
def test_boxes_are_paired_with_what_was_written(family):
    """Also where reading dropped one: by the numbers that the dialect would write."""
    dialect = get_dialect(family)
    book = ViewBook([picture_from_array(PICTURE, "p.png")])
    context = ReadContext(book, {1: (100.0, 100.0)}, default_view=1)
    boxes = [
        GroundedBox(1, Box(10.0, 10.0, 40.0, 40.0)),
        GroundedBox(1, Box(50.0, 50.0, 90.0, 90.0)),
    ]
    text = dialect.write(boxes, context)
    made = tokens(text)
    reading = Reading("ok", (boxes[1],))
    scored = token_scored(reading, made, dialect, context)
    assert scored.boxes[0].score == pytest.approx(0.9, abs=1e-4)


def test_agreement_is_the_share_of_samples():
    here, there = GroundedBox(1, Box(0, 0, 10, 10)), GroundedBox(2, Box(0, 0, 10, 10))
    near = GroundedBox(1, Box(1, 0, 11, 10))
    others = [Reading("ok", (near,)), Reading("none"), Reading("ok", (here, there))]
    scored = agreement_scored(Reading("ok", (here, there)), others)
    assert [(b.score, b.score_kind) for b in scored.boxes] == [
        (0.75, "agreement"), (0.5, "agreement"),
    ]  # fmt: skip
    assert agreement_scored(Reading("ok", (here,)), []).boxes[0].score is None


def test_agreement_through_the_agent():
    def script(request):
        return ONE if request.temperature == 0.0 or request.seed % 2 else "[]"

    agent = GroundingAgent(
        ScriptedPolicy(script, get_dialect("qwen3-vl")), tools="none", mode="direct",
        scores="agreement", samples=5,
    )  # fmt: skip
    answer = agent.ask("the dog", [PICTURE])
    assert (answer.answer[0].score, answer.answer[0].score_kind) == (0.6, "agreement")


@pytest.mark.parametrize(
    ("others", "pictures", "options", "calls", "tokens", "score"),
    [
        (ONE, 1, {}, 5, 15, 1.0),
        # Samples are no steps.
        (ONE, 1, {"budgets": Budgets(max_steps=1)}, 5, 15, 1.0),
        (ONE, 3, {"strategy": "poll"}, 15, 45, 1.0),
        # A sample that fails was a call, too.
        (PolicyError("no."), 1, {}, 5, 3, None),
        (KeyError("a bug"), 1, {}, 5, 3, None),
        # One that takes too long: the others are paid for, and nothing is scored.
        (None, 1, {"budgets": Budgets(max_seconds=1.0)}, 5, 9, None),
    ],
)
def test_samples_are_counted_among_the_calls(others, pictures, options, calls, tokens, score):
    asked = []

    async def script(request):
        asked.append(request)
        if request.temperature and isinstance(others, Exception):
            raise others
        if others is None and request.temperature and request.seed % 2:
            await asyncio.sleep(30)
        return Completion(ONE, usage=Usage(completion_tokens=3))

    agent = GroundingAgent(
        ScriptedPolicy(script, get_dialect("qwen3-vl")), tools="none", mode="direct",
        scores="agreement", samples=5, **options,
    )  # fmt: skip
    answer = agent.ask("the dog", [PICTURE] * pictures)
    assert answer.usage["policy_calls"] == len(asked) == calls
    assert answer.usage["completion_tokens"] == tokens
    assert (answer.status, answer.answer[0].score) == ("ok", score)


@pytest.mark.parametrize(
    ("query", "pictures", "least"),
    [
        ("the dog", 3, 1), ("both cups", 1, 2), ("find 3 birds", 1, 3), ("image 3: the cup", 3, 1),
        ("all the people", 1, 2), ("the dog in all images", 3, 2), ("the cup in image 12", 2, 1),
        ("the common object", 4, 2), ("the red car left of two trees", 1, 2), ("5% off sign", 1, 1),
    ],
)  # fmt: skip
def test_how_many_boxes_a_question_asks_for(query, pictures, least):
    assert expected_boxes(query, pictures) == least


@pytest.mark.parametrize(
    ("query", "relates", "target"),
    [
        ("every dog", False, False),
        ("the same person in the other pictures", True, False),
        ("the object of image 1 in image 2", True, True),
        ("find it in the second picture", True, True),
        ("the cup in image 1 and in image 3", True, False),
        ("what differs between the two", True, False),
    ],
)
def test_what_a_question_needs_to_be_shown(query, relates, target):
    assert needs_other_pictures(query) == relates
    assert names_one_target(query) == target
