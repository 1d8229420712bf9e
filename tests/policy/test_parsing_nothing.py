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
        # A line a picture, as families that put the picture before its boxes write it.
        "Image-1: none",
        "Image-1: none\nImage-2: none.\n",
        "**Picture 1**: Not found\n**Picture 2**: Not visible",
        # Said as a poll asks for it.
        "No dog is visible.",
        "No dogs were found in picture 1.",
        "No person wearing a red hat is present in image 2.",
        "No dog detected.",
        "The dog is not in this image.",
        "It is not in picture 2.",
        "The image does not contain a dog.",
        "This picture doesn't show any dog.",
        "Image 2 shows no dog.",
        "Neither image contains a dog.",
        "I was unable to locate the dog.",
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
        "Image 2",
        "Image-1: none\nImage-2: a dog on the left",
        "There is no dog in image 1, only in image 2.",
        "No dog is visible in image 1, only in image 2.",
        "I have no doubt the dog is visible in image 2.",
        "The dog is no longer visible behind the tree.",
        "No other dog is visible.",
        "The first image shows no other dog.",
        "The dog is not in the center of image 2.",
        "The laptop is not in the foreground.",
        "Picture 1 shows no dog. Picture 2 shows a dog.",
        "Image 2 does not contain a dog; image 1 contains one.",
        "Image 1 does not show the exact position of the dog.",
        "I am unable to locate its exact coordinates.",
        "The picture that does not show a dog is image 2.",
        "No exact coordinates found.",
        "In the second image it has a sticker, while that in the first image does not have one.",
        "",
    ],
)
def test_what_is_there_after_all_is_not_called_nothing(text):
    assert not says_nothing(text)
