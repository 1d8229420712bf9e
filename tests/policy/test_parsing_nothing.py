"""Answers in words that say that nothing is there, or that only seem to."""

import pytest

from gemvg.policy.parsing.nothing import says_nothing


@pytest.mark.parametrize(
    "text",
    [
        "None",
        "none.",
        "There is no dog in image 1 or image 2.",
        "There is no dog in image 1. There is no dog in image 2 either.",
        "The dog is not visible in image 1, and it is not present in image 2.",
        "The dog from image 1 does not appear in image 2.",
        "The object shown in image 1 is not present in the second image.",
        "The dog in image 1 is missing from image 2: no such object.",
        "I looked at image 1 and image 2. There are no dogs.",
        "After comparing image 1 and image 2, no differences were found.",
        "There isn't any dog in any picture.",
        "There is not a dog in image 1.",
        "The target was not found in any of the images.",
        "I can\u2019t find the dog.",
        "No matching object.",
        "Image 1 was searched; however, there is no dog.",
    ],
)
def test_nothing_there(text):
    assert says_nothing(text)


@pytest.mark.parametrize(
    "text",
    [
        "There is no dog in image 1, but there is one in image 2 on the left.",
        "There is no dog in image 1. However, image 2 shows it.",
        "There are no cats. There is a dog in image 1.",
        "There are no cats here; there's one dog.",
        "I can't see it clearly, there's one in image 2 though.",
        "I cannot find the coordinates exactly, the dog is in image 2.",
        "I can't find the exact position of the dog.",
        "We could not locate its coordinates.",
        "I couldn't locate the box precisely; it appears in image 3.",
        "none of these images differ: the dog is in image 3",
        "I don't see a dog. In the second picture, it stands on the left.",
        "No matching object in the first photo. It's only in the third image.",
        "Not found in the first image. Found in the second image.",
        "There is no second dog: only the one in image 1.",
        "No differences, except on the left.",
        "There are no dogs. " + "The first picture was taken in a park. " * 20,
        "It may be in image 2. However, it can't be seen there.",
        "The laptop is not turned on.",
        "",
    ],
)
def test_what_is_there_after_all_is_not_called_nothing(text):
    assert not says_nothing(text)
