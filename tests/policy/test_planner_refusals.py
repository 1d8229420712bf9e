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
UNTOLD = [
    "What objects are not in all pictures?",
    "Which object isn't common to all of the images?",
    "the object that is not shared by all pictures",
    "two cups on the table and one on the floor",
    "Odd-numbered images: find dogs.",
    "the horse in every second picture",
    "Find cats in image 1, no wait, in image 2.",
    "Find the person in the first image - I mean the second one.",
    "Find the bus in image 2 - oops, image 3.",
    "Find the dog, sorry, I mean the cat in image 2.",
    "find the horse... sorry, the cow",
    "Find the horse, I mean the cow.",
    "Find the bus, or rather the truck.",
    "Find the cup. Actually, find the bottle instead.",
    "all cups — scratch that, all bowls in image 1",
    "the car far from the bus",
    "the chair away from the table",
    "Find what stayed the same.",
    "Which object did not change between the two images?",
    "What is not different?",
    "Which parts of the images do not differ?",
    "Objects not shared by the two first images",
    "Which things don't the images have in common?",
    "everything other than the shared object",
    "Which image doesn't share the object the others share?",
    "Which object in image 2 does not correspond to the object at [10,20,300,400] in image 1?",
    "all the dogs minus the black one",
    "If the picture has a cat, box it; otherwise box the dog.",
    "Box the dog if there's one, else the cat.",
    "cat, else dog",
    "cats, or dogs if there is no cat",
    "the tv or the laptop, whichever is bigger",
    "In one of the two images there's a bus. Box the cars in the other one.",
    "Box the cat in the picture with the bed, and the dog in the other.",
    "Box people and dogs; in image 2 only the largest one.",
    "Is the clock in image 1? Otherwise find it in image 2.",
    "the picture with the second largest number of cars",
    "In the picture with the leftmost bus, find the person.",
    "box dogs in images that contain either a cat or a person",
    "Mark chairs in pictures with an odd number of chairs.",
    "two people standing the furthest apart",
    "find the unchanged objects",
    "Which animal appears most often over all pictures?",
    "half of the cups",
    "most of the cups in image 1",
    "the leftmost object of image 1, the rightmost of image 3",
    "Which two images show the same kind of animal?",
    "which pictures have the same person",
    "Which two images are most alike?",
    "which of these pictures belong together",
    "find the cat in image 1, then find a dog in the same position in image 2",
    "a dog in the same place in image 2 as the cat in image 1",
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
    "what can I drink from?",
    "what could I use to cut bread?",
    "anything that can be eaten",
    "which objects can be used for cutting?",
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


@pytest.mark.parametrize("query", [*LEFT_OUT, *COUNTED, *UNTOLD, *NO_BOXES])
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
