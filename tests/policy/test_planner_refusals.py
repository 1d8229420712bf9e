"""Questions that the planner must not answer, since it would answer another one."""

from __future__ import annotations

import pytest

from gemvg.policy.planner import understand
from gemvg.tools.errors import QueryNotUnderstood

LEFT_OUT = [
    "people who are not sitting",
    "cats that aren't black",
    "dogs none of which are on the left",
    "nothing but dogs",
    "Find the dogs in none of the pictures",
    "the cars that don't stand on the right",
    "Which pictures have cats in them, and which don't?",
    "no dogs",
    "Can you confirm that no dog is in these images?",
    "leave out the wine glasses in the last photo",
    "not the dog",
    "don't mark the dogs",
    "all but one dog",
    "all but two cats",
    "any dog but the black one",
    "which images don't have both a cat and a dog",
    "Which picture does not show a cat and a dog?",
    "If you see no cat, box the dogs.",
    "people other than the one sleeping",
    "Which picture has only dogs?",
]
COUNTED = [
    "the leftmost object of image 1, the rightmost of image 3",
    "If any picture shows a cat, box it; otherwise box the dogs.",
    "Which picture has between 2 and 4 dogs?",
    "Which picture has two or three dogs?",
    "Are there more dogs than cats?",
    "Are there as many dogs as cats?",
    "find more dogs than cats",
    "Which picture has twice as many dogs as cats?",
    "Does image 2 have more dogs than image 1?",
    "the second-closest boat to the train",
    "dogs larger than cats",
    "Is the dog bigger than the cat?",
    "Which picture does not show two dogs?",
    "pictures without at least two cats",
    "people with at least two umbrellas",
    "the cat next to more than two dogs",
    "Which picture has the most dogs and cats?",
    "Which image has two dogs or a cat?",
    "Which picture has the second most people?",
    "the first two and the last dog",
    "dogs on the couch or under the table",
    "Find the dogs in 5",
]
NO_BOXES = [
    "every other chair",
    "things you can sit on",
    "something to sit on",
    "describe the images",
    "Explain to me what is happening here.",
    "if there's a dog in image 1, find the cat in image 2",
    "find the dog; if none, find the cat",
    "things to eat in image 1",
    "anything to drink from",
    "objects used for eating",
    "what can hold water",
    "things flying",
    "the odd one out",
    "What colour is the dog in image 2?",
    "What is the color of the car?",
    "What breed is the dog?",
    "How old is the man?",
    "How far is the car from the bus?",
    "How big is the leftmost dog?",
    "What is the man in image 1 doing?",
    "What time does the clock show?",
    "Why is the dog there?",
    "How many colours does the bird have?",
    "Do you know what the dog is doing?",
    "Which is bigger, the dog or the cat?",
    "Which is bigger, the dog in image 2 or the cat in image 3?",
]


@pytest.mark.parametrize("query", [*LEFT_OUT, *COUNTED, *NO_BOXES])
def test_is_refused_with_a_cure(query: str) -> None:
    with pytest.raises(QueryNotUnderstood) as refusal:
        understand(query, 3)
    assert "\n" not in str(refusal.value)
    assert refusal.value.cure


@pytest.mark.parametrize(
    "query", ["Is the dog bigger than the cat?", "Which is bigger, the dog or the cat?", "no dogs"]
)
def test_is_refused_of_one_picture_too(query: str) -> None:
    with pytest.raises(QueryNotUnderstood):
        understand(query, 1)
