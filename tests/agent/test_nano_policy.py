"""The nano that comes with the package: it answers by its eyes, and hands on what it can't read."""

import threading

import numpy as np
import pytest
from PIL import Image

from gemvg.agent.budgets import Budgets
from gemvg.agent.episode import EpisodeOptions
from gemvg.agent.events import Answered
from gemvg.agent.grounding_agent import GroundingAgent
from gemvg.agent.handing_on import options_for
from gemvg.policy.closed_words import unknown_words
from gemvg.policy.dialects import get_dialect
from gemvg.policy.dialects.nano import NOT_TAUGHT
from gemvg.policy.forwarding import ForwardingPolicy
from gemvg.policy.policy import Completion
from gemvg.policy.presets import get_preset
from gemvg.policy.registry import load_policy
from gemvg.policy.scripted import ScriptedPolicy
from gemvg.tools.errors import PolicyError, UsageError
from gemvg.tools.match import Match


@pytest.fixture(scope="module")
def policy():
    return load_policy("nano")


def plain(shade):
    return Image.fromarray(np.full((112, 112, 3), shade, np.uint8))


def test_its_weights_come_with_the_package_and_are_small():
    folder = get_preset("nano").folder
    assert folder is not None
    assert sum(file.stat().st_size for file in folder.iterdir()) < 50_000_000
    assert "Acc@.5" in (folder / "README.md").read_text()


def test_a_plain_picture_holds_no_owl(policy):
    answer = GroundingAgent(policy, tools="none").ask("find the owl", [plain(90)])
    assert (answer.status, answer.policy.dialect) == ("none", "nano")


def test_a_question_of_unknown_words_is_handed_to_the_planner(policy):
    answer = GroundingAgent(policy, tools="none").ask("find the zqxv", [plain(90), plain(160)])
    assert answer.policy.name == "planner"
    assert answer.usage["notes"][0] == f"{policy.name}: it does not know 'zqxv'; handed to planner"
    kept = GroundingAgent(policy, tools="none", hand_to=None).ask("find the zqxv", [plain(90)])
    assert (kept.policy.dialect, kept.status) == ("nano", "unparsable")


def test_a_stream_of_a_question_that_is_handed_on_has_one_answer_and_it_is_the_last(policy):
    agent = GroundingAgent(policy, tools="none")
    events = list(agent.stream("find the zqxv", [plain(90), plain(160)]))
    answers = [event for event in events if isinstance(event, Answered)]
    assert events[-1:] == answers
    assert answers[0].answer.policy.name == "planner"
    assert "'zqxv'" in answers[0].answer.usage["notes"][0]


def test_a_question_that_was_not_taught_is_handed_on_though_its_words_are_known():
    shy = ScriptedPolicy(["<answer><unknown></answer>"], dialect=get_dialect("nano"))
    answer = GroundingAgent(shy, tools="none").ask("find the owl", [plain(90)])
    assert answer.policy.name == "planner"
    assert answer.usage["notes"][0] == f"{shy.name}: {NOT_TAUGHT}; handed to planner"
    alone = GroundingAgent("planner", tools="none").ask("find the owl", [plain(90)])
    assert answer.usage["policy_calls"] == 1 + alone.usage["policy_calls"]
    assert "notes" not in alone.usage or answer.usage["notes"][1:] == alone.usage["notes"]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (Completion("<answer><image_1><c8>", finish_reason="length"), "truncated"),
        ("an owl, somewhere", "unparsable"),
    ],
)
def test_a_question_whose_answer_can_not_be_read_is_handed_on(said, status):
    hasty = ScriptedPolicy([said], dialect=get_dialect("nano"))
    answer = GroundingAgent(hasty, tools="none").ask("find the owl", [plain(90)])
    assert answer.policy.name == "planner"
    note = answer.usage["notes"][0]
    assert note == f"{hasty.name}: its answer is {status}; handed to planner"
    alone = ScriptedPolicy([said], dialect=get_dialect("nano"))
    kept = GroundingAgent(alone, tools="none", hand_to=None).ask("find the owl", [plain(90)])
    assert kept.status == status


@pytest.mark.parametrize("query", ["find the owl", "find the owl in image 2"])
def test_polled_it_is_asked_in_words_that_it_knows(policy, query):
    asked = []

    def says(request):
        asked.append(request.messages[-1].text)
        return "<answer><none></answer>"

    scripted = ScriptedPolicy(says, dialect=get_dialect("nano"))
    scripted.tokenizer = policy.tokenizer
    agent = GroundingAgent(scripted, tools="none", strategy="poll")
    answer = agent.ask(query, [plain(90), plain(160)])
    assert (answer.status, answer.strategy, len(asked)) == ("none", "poll", 2)
    assert not any(unknown_words(policy, text.split(">")[-1]) for text in asked)
    assert all(query in text for text in asked)


@pytest.mark.parametrize(
    ("query", "why"), [("find the owl", NOT_TAUGHT), ("find the zqxv", "it does not know 'zqxv'")]
)
def test_polled_it_hands_on_what_it_was_not_taught(policy, query, why):
    def says(request):
        known = "<image_1>" in request.messages[-1].text
        return f"<answer>{'<none>' if known else '<unknown>'}</answer>"

    scripted = ScriptedPolicy(says, dialect=get_dialect("nano"))
    scripted.tokenizer = policy.tokenizer
    agent = GroundingAgent(scripted, tools="none", strategy="poll")
    answer = agent.ask(query, [plain(90), plain(160)])
    assert (answer.policy.name, answer.strategy) == ("planner", "one-shot")
    assert answer.usage["notes"][0] == f"{scripted.name}: {why}; handed to planner"
    with pytest.raises(UsageError, match="Use one-shot"):
        GroundingAgent("planner", strategy="poll").ask(query, [plain(90)])


def test_a_question_is_handed_on_with_the_time_that_is_left():
    options = EpisodeOptions(strategy="poll", budgets=Budgets(max_seconds=10.0))
    planner, other = load_policy("planner"), ScriptedPolicy(["<none>"])
    assert options_for(planner, options, 4.0).strategy == "one-shot"
    assert options_for(other, options, 4.0).strategy == "poll"
    assert options_for(other, options, 4.0).budgets.max_seconds == pytest.approx(6.0)
    assert 0.0 < options_for(other, options, 11.0).budgets.max_seconds < 0.1


def test_a_question_whose_time_is_over_is_not_handed_on(policy, monkeypatch):
    over = threading.Event()
    monkeypatch.setattr(Match, "run", lambda self, arguments, context: over.wait(60))
    call = '<tool_call>{"name": "match", "arguments": {"source": {"view": 2}}}</tool_call>'
    slow = ScriptedPolicy([call], dialect=get_dialect("nano"))
    slow.tokenizer = policy.tokenizer
    agent = GroundingAgent(slow, tools=["match"], budgets=Budgets(max_seconds=2.0))
    query = "The last image is a close-up of part of image 1. Where?"
    answer = agent.ask(query, [plain(90), plain(160)])
    over.set()
    assert (answer.policy.name, answer.usage["stop_reason"]) == (slow.name, "max-seconds")
    assert answer.steps[0].tool == "match" and not answer.steps[0].ok


def test_where_it_cannot_read_why_a_tool_failed_the_planner_says_the_cure(policy, monkeypatch):
    def broken(self, arguments, context):
        raise PolicyError("matching needs OpenCV.", "pip install it")

    monkeypatch.setattr(Match, "run", broken)
    call = '<tool_call>{"name": "match", "arguments": {"source": {"view": 2}}}</tool_call>'
    said = ScriptedPolicy([call, "<answer><b1></answer>"], dialect=get_dialect("nano"))
    said.tokenizer = policy.tokenizer
    query = "The last image is a close-up of part of image 1. Where?"
    answer = GroundingAgent(said, tools=["match"]).ask(query, [plain(90), plain(160)])
    assert (answer.policy.name, answer.status) == ("planner", "failed")
    assert "pip install it" in answer.error.message
    assert "can't read why match failed" in answer.usage["notes"][0]
    kept = GroundingAgent(said, tools=["match"], hand_to=None).ask(query, [plain(90), plain(160)])
    assert kept.policy.name == said.name


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("find the owl", ()),
        ("Find the Zqxv, the owl and the bloop; zqxv!", ("Zqxv", "bloop", "zqxv")),
        ("what is at [12, 40, 200, 320] in image 2?", ()),
        ("", ()),
    ],
)
def test_the_words_that_it_does_not_know_are_told(policy, query, words):
    assert unknown_words(policy, query) == words
    assert unknown_words(load_policy("planner"), query) == ()


def test_who_wraps_an_agents_policy_wraps_the_one_it_hands_on_to(policy):
    seen = []

    class Noted(ForwardingPolicy):
        async def complete(self, request):
            seen.append(self.name)
            return await self.inner.complete(request)

    agent = GroundingAgent(policy, tools="none").wrapped(Noted)
    agent.ask("find the zqxv", [plain(90)])
    assert seen == ["planner"]
    agent.ask("find the owl", [plain(90)])
    assert seen == ["planner", policy.name]


def test_without_its_weights_the_cure_is_said(monkeypatch, tmp_path):
    from gemvg.policy import presets

    monkeypatch.setattr(presets.Preset, "folder", property(lambda _: tmp_path / "none"))
    with pytest.raises(UsageError, match="holds no weights of nano"):
        load_policy("nano")
