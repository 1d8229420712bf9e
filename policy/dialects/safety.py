"""Text from outside (questions, tool results) kept from speaking as the chat template."""

from __future__ import annotations

import re

_CONTROL = re.compile(
    r"<\|(?=(?:im_start|im_end|endoftext|image_pad|video_pad|vision_start|vision_end)\|>)"
)


def plain_words(text: str) -> str:
    """Text whose chat and picture tokens are broken up, so that they are read as words.

    A picture token in a question would be counted as a picture and shift every one after it; the
    tokens for objects and boxes are left, questions use them.
    """
    return _CONTROL.sub("< |", text)
