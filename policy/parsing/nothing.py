"""Answers that say in words that nothing is there."""

from __future__ import annotations

import re

from .pictures import mentions

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
    r"(?! (?:(?:the|its|any|their) )?(?:exact |precise )?(?:coordinate|position|location)s?\b)"
    r"|\b(?:can ?not|can't|could ?not|couldn't) be (?:found|seen|located|detected|identified)\b"
    r"|\b(?:does|do) not (?:appear|exist)\b|\bnot found\b",
    re.IGNORECASE,
)

_CLAUSES = re.compile(
    r"[.;:!?\n]+(?=\s|$)|,\s+(?=(?:the|it|they|there|one|this|that)\b)", re.IGNORECASE
)
_DENIAL = re.compile(
    r"\b(?:no|not|none|nothing|nobody|nowhere|neither|nor|never|cannot|without|absent|missing|lacks?)"
    r"\b|n't\b",
    re.IGNORECASE,
)
_LOOKED = re.compile(
    r"\b(?:look|check|search|compar|examin|inspect|review|analy[sz]|scann|consider)\w{0,8}\b",
    re.IGNORECASE,
)
_THERE = re.compile(
    r"\bthere(?: (?:is|are|was|were)|'s|'re) (?:an?|one|two|three|some|several|only|another)\b",
    re.IGNORECASE,
)
_TURN = re.compile(
    r"\b(?:but|however|although|though|instead|except|whereas|while|yet)\b", re.IGNORECASE
)


def says_nothing(answer: str) -> bool:
    """Whether an answer without boxes says that nothing is there.

    Only short answers are trusted: in a long text such words are a remark by the way. Nor are those
    that also say where something is ("not in image 1, but in image 2"): they can't be read.
    """
    answer = answer.strip().replace("\u2019", "'")
    if not 0 < len(answer) <= _SHORT or _NOTHING.search(answer) is None:
        return False
    if _THERE.search(answer) or _turns(answer):
        return False
    return not any(map(_is_somewhere, _CLAUSES.split(answer)))


def _turns(answer: str) -> bool:
    """Whether a turn follows that denies nothing: "..., but image 2 shows it"."""
    turn = _TURN.search(answer)
    return turn is not None and _DENIAL.search(answer, turn.end()) is None


def _is_somewhere(clause: str) -> bool:
    """Whether a clause names a picture and denies nothing: `the dog is in image 2`."""
    if not mentions(clause) or _DENIAL.search(clause):
        return False
    return _LOOKED.search(clause) is None
