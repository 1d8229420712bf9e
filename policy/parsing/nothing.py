"""Answers that say in words that nothing is there."""

from __future__ import annotations

import re

_SHORT = 400
_NOTHING = re.compile(
    r"^\W*(?:none|nothing|null|n/?a|no|not found|nowhere|absent)\W*$"
    r"|\bthere (?:is|are|was|were) (?:no|none|not any|nothing)\b"
    r"|\bthere (?:isn't|aren't|is not|are not) (?:an?|any)\b"
    r"|\bno (?:such|matching|corresponding|objects?|targets?|boxes?|box|match(?:es)?"
    r"|instances?|differences?|changes?)\b(?! than)"
    r"|\bnone of (?:the|these|them|those)\b"
    r"|(?<!that )(?<!which )(?<!who )\b(?:is|are) (?:not (?:visible|present|shown|there|in any)"
    r"|absent|nowhere)\b"
    r"|\b(?:i|we) (?:can ?not|can't|could ?not|couldn't|did not|didn't|do not|don't) "
    r"(?:find|see|locate|detect|identify)\b"
    r"|\b(?:can ?not|can't|could ?not|couldn't) be (?:found|seen|located|detected|identified)\b"
    r"|\b(?:does|do) not (?:appear|exist)\b|\bnot found\b",
    re.IGNORECASE,
)


def says_nothing(answer: str) -> bool:
    """Whether an answer without boxes says that nothing is there.

    Only short answers are trusted: in a long text such words are a remark by the way.
    """
    answer = answer.strip()
    return 0 < len(answer) <= _SHORT and _NOTHING.search(answer.replace("\u2019", "'")) is not None
