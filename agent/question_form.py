"""What a question's wording tells about its answer: how many boxes, and in which pictures.

Used only to decide how to ask, never to answer: a word missed here costs a call, not a box.
"""

from __future__ import annotations

import re

_NUMBERS = {
    "two": 2, "both": 2, "pair": 2, "couple": 2, "three": 3, "four": 4, "five": 5, "six": 6,
    "seven": 7, "eight": 8, "nine": 9, "ten": 10,
}  # fmt: skip
_PICTURE = r"(?:image|picture|photo|photograph|frame|view|figure)"
_COUNT = re.compile(rf"\b(\d{{1,2}}|{'|'.join(_NUMBERS)})\b(?!\s*{_PICTURE})(?!\s*%)")
_SEVERAL = re.compile(
    r"\b(?:all|every|each|several|many|multiple|any)\b"
    rf"(?!\s+(?:of\s+)?(?:the\s+)?{_PICTURE}s?)"
)
_ACROSS = re.compile(
    rf"\b(?:all|every|each|both|across)\b(?:\s+of)?(?:\s+the)?(?:\s+\w+)?\s+{_PICTURE}s?\b"
    r"|\b(?:common|shared)\b"
)
_ORDINAL = r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last)"
_NAMED = (
    rf"(?:the\s+)?(?:{_PICTURE}\s*(?:#|no\.?|number)?\s*\d+|{_ORDINAL}\s+(?:\w+\s+)?{_PICTURE})"
)
_ANY_NAMED = re.compile(rf"\b{_NAMED}\b")
_TARGET = re.compile(rf"\b(?:in|within|inside|into|on)\s+{_NAMED}\b")
_RELATES = re.compile(
    r"\b(?:same|common|shared|other|another|others|differ\w*|chang\w*|compar\w*|correspond\w*"
    r"|match\w*|both|appear\w* in|missing|new|moved|removed|added|between|reference|similar)\b"
)


def expected_boxes(query: str, pictures: int) -> int:
    """The fewest boxes that an answer to a question would be expected to have; 1 for most.

    Args:
        query: the question.
        pictures: how many pictures it is about.
    """
    words = query.lower()
    unnamed = _ANY_NAMED.sub(" ", words)
    counts = [_NUMBERS.get(found) or int(found) for found in _COUNT.findall(unnamed)]
    least = max((n for n in counts if 2 <= n <= 50), default=1)
    if pictures > 1 and _ACROSS.search(words):
        least = max(least, min(2, pictures))
    if _SEVERAL.search(words):
        least = max(least, 2)
    return least


def needs_other_pictures(query: str) -> bool:
    """Whether one picture can't be asked about alone: the question relates it to others."""
    words = query.lower()
    return bool(_RELATES.search(words) or _ANY_NAMED.search(words))


def names_one_target(query: str) -> bool:
    """Whether the question says in which single picture its answer lies."""
    found = {" ".join(match.split()) for match in _TARGET.findall(query.lower())}
    return len(found) == 1
