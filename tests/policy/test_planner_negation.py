"""A negation is read or refused: never is the opposite of a question answered."""

from __future__ import annotations

import pytest

from gemvg.policy.planner import understand
from gemvg.tools.errors import QueryNotUnderstood
from tests.policy.test_planner_sentences import brief

PLACES = [
    "on the left", "in the background", "in the middle", "at the top", "at the bottom of image 2",
    "the leftmost", "the largest", "the tallest", "the smallest one", "the second from the left",
    "closest to the camera", "in the top left corner", "next to the car", "on the couch",
    "to the left of the bus", "under a table", "holding an umbrella", "wearing hats", "with a dog",
    "behind the car", "between the bus and the car", "in front of the bench", "in image 1",
    "sitting on the bench", "closest to the bus", "inside the car", "riding bikes",
    "walking a dog", "furthest to the right", "all the way to the left", "on the far right",
    "in the first two images", "at the back", "in the center", "facing left", "sleeping", "red",
    "touching the car", "part of the group",
]  # fmt: skip
WORDINGS = [
    "people that are not {}", "people not {}", "the person who isn't {}",
    "Find every person who is not {}.", "people, but not {}", "everyone except those {}",
    "everyone but the ones {}", "all people that aren't {}, please", "Which people are not {}?",
    "people other than the one {}",
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("wording", WORDINGS)
def test_the_opposite_is_not_answered(wording: str, place: str) -> None:
    plain = understand(f"people {place}", 3)
    try:
        question = understand(wording.format(place), 3)
    except QueryNotUnderstood as refusal:
        assert refusal.cure
        return
    wanted = {(t.phrase.selections, t.phrase.relations, t.images) for t in question.targets}
    assert not wanted & {
        (t.phrase.selections, t.phrase.relations, t.images)
        for t in plain.targets
        if t.phrase.selections or t.phrase.relations or len(t.images) < 3
    }
    other_pictures = question.targets[0].images != plain.targets[0].images
    assert other_pictures or "except" in brief(question) or "[not" in brief(question)


@pytest.mark.parametrize(
    "wording",
    [
        "Which picture has no {}?", "Which picture does not have a {}?", "which photos lack {}s",
        "Which image is without a {}?", "find the picture that is missing a {}",
        "In which photo can't I see a {}?", "the images which don't show any {}",
        "Which picture never shows a {}?", "pictures that are free of {}s",
        "every image in which there is no {}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("noun", ["dog", "car", "traffic light"])
def test_a_picture_that_lacks_a_thing(wording: str, noun: str) -> None:
    question = understand(wording.format(noun), 3)
    assert not question.targets
    assert [c.kind for c in question.conditions] == ["lacks"]
