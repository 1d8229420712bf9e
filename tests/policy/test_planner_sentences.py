"""Many wordings, one meaning: a table of sentences with what the planner must understand."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemvg.policy.planner import Question, understand
from gemvg.policy.planner.known import closed_vocabulary
from gemvg.policy.planner.question import Condition, Phrase, Relation, Selection
from gemvg.tools.errors import QueryNotUnderstood

TABLE = [
    [part.strip() for part in line.split(" | ")]
    for line in Path(__file__).with_name("planner_sentences.txt").read_text("utf-8").splitlines()
    if line.strip() and not line.startswith("#")
]


def digits(images: tuple[int, ...]) -> str:
    return "@" + "".join(map(str, images))


def selection(chosen: Selection) -> str:
    rank = f" {chosen.rank}" if chosen.rank != 1 else ""
    return f"<{chosen.key}{rank}{' side' if chosen.side else ''}>"


def relation(bound: Relation) -> str:
    tie = " and " if bound.kind == "between" else " or "
    marks = tie.join(phrase(mark) for mark in bound.landmarks)
    return f"[{'not ' if bound.negated else ''}{bound.kind} {marks}]"


def phrase(meant: Phrase) -> str:
    meaning = closed_vocabulary().resolve(meant.noun)
    noun = meaning.classes[0] if meaning.relation == "same" else meant.noun
    noun = "*" if meant.generic else noun
    quantity = f" x{meant.quantity}" if meant.quantity else ""
    chosen = "".join(map(selection, meant.selections))
    return f"{noun}{quantity}{chosen}{''.join(map(relation, meant.relations))}"


def condition(asked: Condition) -> str:
    number = f" {asked.number}" if asked.number else ""
    other = f" than {phrase(asked.other)}" if asked.other else ""
    return f"{asked.kind}{number} {phrase(asked.phrase)}{other}"


def brief(question: Question) -> str:
    """A question in the table's notation."""
    where = digits(question.images)
    source = question.source
    if question.task == "difference":
        many = "" if question.single else " all"
        return f"difference {where[1:]} {question.report}{many}"
    if question.task == "common":
        kinds = "".join(f"{phrase(t.phrase)} " for t in question.targets)
        among = f" among {digits(question.among)}" if question.among else ""
        return f"common {kinds}{where}{among}"
    if question.task == "only":
        kinds = "".join(f"{phrase(t.phrase)} " for t in question.targets)
        but = f" not {digits(question.against)}" if question.against else ""
        times = f" x{question.times[0]}-{question.times[1]}" if question.times else ""
        return f"only {kinds}{where}{but}{times}"
    if question.task == "region":
        assert source is not None
        return f"region src={source.image or '?'} {where}"
    if question.task == "counterpart":
        assert source is not None
        extra = " box" if source.box else " drawn" if source.drawn else ""
        extra += f" {phrase(source.phrase)}" if source.phrase else ""
        extra += " use" if source.use else ""
        return f"counterpart src={source.image}{extra} {where}"
    text = "find " + " + ".join(f"{phrase(t.phrase)} {digits(t.images)}" for t in question.targets)
    text += f" ?{question.ask}" if question.ask != "boxes" else ""
    text += "".join(f" if {condition(c)}" for c in question.conditions)
    text += "".join(f" say {condition(c)}" for c in question.told)
    text += "".join(f" except {phrase(p)}" for p in question.excluded)
    return text if question.per_image or not _sized(question) else text + " overall"


def _sized(question: Question) -> bool:
    return any(t.phrase.selections and len(t.images) > 1 for t in question.targets)


@pytest.mark.parametrize(("count", "sentence", "meaning"), TABLE)
def test_sentence(count: str, sentence: str, meaning: str) -> None:
    assert brief(understand(sentence, int(count))) == meaning


def test_table_is_large() -> None:
    assert len(TABLE) >= 250
    assert len({row[1] for row in TABLE}) == len(TABLE)


@pytest.mark.parametrize(
    "query", ["", "?", "Hello!", "please", "Could you help me?", "in image 2", "the", "123"]
)
def test_says_that_it_cannot_read(query: str) -> None:
    with pytest.raises(QueryNotUnderstood, match="can read"):
        understand(query, 3)


@pytest.mark.parametrize("query", ["the dog in image 7", "dogs in the fifth photo", "image 0: dog"])
def test_says_which_picture_is_not_there(query: str) -> None:
    with pytest.raises(QueryNotUnderstood, match="there are 3"):
        understand(query, 3)


WORDS = sorted({word for row in TABLE for word in row[1].split()})


@given(st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join), st.integers(1, 6))
def test_total_on_word_salad(query: str, count: int) -> None:
    try:
        question = understand(query, count)
    except QueryNotUnderstood as error:
        assert "\n" not in str(error)
        return
    named = {i for t in question.targets for i in t.images} | set(question.images)
    assert named <= set(range(1, count + 1))


@given(st.text(max_size=300), st.integers(1, 4))
def test_total_on_any_text(query: str, count: int) -> None:
    try:
        understand(query, count)
    except QueryNotUnderstood as error:
        assert "\n" not in str(error)
