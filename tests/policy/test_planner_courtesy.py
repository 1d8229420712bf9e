"""What is said around a question changes nothing of what it asks."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gemvg.policy.planner import understand
from gemvg.policy.planner.courtesy import question_alone
from tests.policy.sentence_grammar import FAMILIES

AROUND = [
    "Hi! {q}", "Hey, {q}", "ok so {q}", "So, {q}", "Question: {q}", "Task: {q}",
    "You are given 3 images. {q}", "Given these three images, {q}",
    "Here are three photos from my trip. {q}", "In the attached images: {q}",
    "You are a helpful assistant for visual grounding. {q}", "As an AI model, answer: {q}",
    "Look carefully at each image. {q}", "Let's see. {q}", "Quick one - {q}", "I wonder: {q}",
    "Could you help me with this? {q}", "Please answer the following question. {q}",
    "Using the tools you have, {q}", "<image>\n<image>\n<image>\n{q}",
    "Image 1: <image> Image 2: <image> Image 3: <image> {q}",
    "{q} Thanks!", "{q} Thank you very much in advance.", "{q} Return JSON.", "{q} ASAP",
    "{q} Answer with bounding boxes.", "{q} Output the coordinates as [x1, y1, x2, y2].",
    "{q} Format: JSON with keys image and box.", "{q} Only give boxes.", "{q} Do not explain.",
    "{q} If there are none, say so.", "{q} There may be none.", "{q} Don't miss any.",
    "{q} Be as precise as possible.", "{q} Please be accurate and include every instance.",
    "{q} I need tight boxes.", "{q} Think step by step.", "{q} (all instances)", "{q} \U0001f642",
    "Hi! You are given 3 images. {q} Answer as JSON. Thanks!", "pls {q}", "Go ahead and {q}",
    '"{q}"', "  {q}!!", "{q} pls",
]  # fmt: skip


@pytest.mark.parametrize("around", AROUND)
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_the_question_stays(around, data):
    sentence, _ = data.draw(st.one_of(*(family() for family in FAMILIES)))
    sentence = sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."
    alone = question_alone(around.format(q=sentence))
    assert understand(alone, 3) == understand(sentence, 3)
    assert understand(around.format(q=sentence), 3) == understand(sentence, 3)


@pytest.mark.parametrize(
    "query",
    [
        "I have three photos of my dogs. Find them.", "Here are some animals. Box them.",
        "Here are three photos of some animals. Box them.", "You are given image 2. Find the dog.",
        "Thanks", "Hello!", "please", "Answer as JSON.", "", "'cat' and 'dog'",
    ],
)  # fmt: skip
def test_what_is_named_stays_and_so_does_what_is_all(query):
    assert question_alone(query) == query


@pytest.mark.parametrize(
    ("query", "alone"),
    [
        ("Find the dog. Give me the box of the cat.", "Find the dog. Give me the box of the cat."),
        ("the dog - thanks", "the dog"),
        ("the  dog,\u00a0please", "the dog"),
        ("every cup, thank you!", "every cup"),
        ("Hi there! Task: every cup. Do not explain. Return JSON.", "every cup."),
    ],
)
def test_what_is_left(query, alone):
    assert question_alone(query) == alone
