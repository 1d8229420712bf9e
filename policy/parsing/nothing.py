"""Answers that say in words that nothing is there."""

from __future__ import annotations

import re

from .pictures import mentions

_SHORT = 400
_PICTURE = r"(?:images?|pictures?|photos?|photographs?|frames?|views?)(?:[ -]\d{1,3})?"
_SUBJECT = (
    rf"(?:^|[.;:,!?\n]\s{{1,3}})(?:(?:the|this|that|these|both) (?:[a-z]{{1,12}} )?)?{_PICTURE}"
)
"""A picture of which a sentence speaks; of "the bag in the first image" it does not."""

_SHOWS = r"(?:contain|show|include|depict|feature)"
_FOUND = r"(?:visible|present|found|shown|seen|detected|located|identified)"
_PLACE = r"(?! (?:(?:the|its|any|their) )?(?:exact |precise )?(?:coordinate|position|location)s?\b)"
"""Where a thing is can be unknown though the thing is there."""

_WORD = re.compile(
    r"\W*(?:none|nothing|null|n/?a|no|not (?:found|visible|present|there)|nowhere|absent)\W*",
    re.IGNORECASE,
)
"""All of an answer, or of its line about a picture."""

_NOTHING = re.compile(
    r"\bthere (?:is|are|was|were) (?:no|none|not any|nothing)\b"
    r"|\bthere (?:isn't|aren't|is not|are not) (?:an?|any)\b"
    r"|\bno (?:such|matching|corresponding|objects?|targets?|boxes?|box|match(?:es)?"
    r"|instances?|differences?|changes?)\b(?! than)"
    r"|\bnone of (?:the|these|them|those)\b"
    r"|(?<!that )(?<!which )(?<!who )\b(?:is|are) (?:not (?:visible|present|shown|there|in any"
    rf"|in (?:(?:the|this|that|these|either|both)(?: [a-z]{{1,12}})? )?{_PICTURE})"
    r"|absent|nowhere)\b"
    r"|\b(?:i|we) (?:can ?not|can't|could ?not|couldn't|did not|didn't|do not|don't) "
    rf"(?:find|see|locate|detect|identify)\b{_PLACE}"
    rf"|\bunable to (?:find|see|locate|detect|identify)\b{_PLACE}"
    r"|\b(?:can ?not|can't|could ?not|couldn't) be (?:found|seen|located|detected|identified)\b"
    r"|\b(?:does|do) not (?:appear|exist)\b|\bnot found\b"
    # "No dog is visible", "no dogs were found".
    r"|\bno (?!(?:doubt|question|matter|need|longer|other|further|second|exact|precise"
    r"|coordinates?|positions?|locations?)\b)(?:[a-z'-]{1,24} ){1,6}"
    rf"(?:(?:is|are|was|were|can be) )?{_FOUND}\b"
    # "Image 2 does not contain a dog", "neither picture shows one".
    rf"|{_SUBJECT} (?:(?:does|do) not|doesn't|don't) (?:{_SHOWS}|have)\b{_PLACE}"
    rf"|{_SUBJECT} (?:{_SHOWS}s?|has|have) no\b(?! (?:other|further|second|more)\b)"
    rf"|\bneither (?:of the (?:two )?)?{_PICTURE} (?:{_SHOWS}s?|has|have)\b",
    re.IGNORECASE,
)

_LETTER = re.compile(r"[^\W\d_]")
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
    r"\b(?:but|however|although|though|instead|except|whereas|while|yet|only)\b", re.IGNORECASE
)


def says_nothing(answer: str) -> bool:
    """Whether an answer without boxes says that nothing is there.

    Only short answers are trusted: in a long text such words are a remark by the way. Nor are those
    that also say where something is ("not in image 1, but in image 2"): they can't be read.
    """
    answer = answer.strip().replace("\u2019", "'")
    if not 0 < len(answer) <= _SHORT:
        return False
    if all(map(_is_nothing, answer.splitlines())):
        return True
    if _NOTHING.search(answer) is None:
        return False
    if _THERE.search(answer) or _turns(answer):
        return False
    return not any(map(_is_somewhere, _CLAUSES.split(answer)))


def _is_nothing(line: str) -> bool:
    """Whether a line is no more than a word for nothing, maybe of one picture: `Image-1: none`."""
    if not line.strip():
        return True
    named = mentions(line)[:1]
    if named and not _LETTER.search(line, 0, named[0].start):
        line = line[named[0].end :]
    return _WORD.fullmatch(line) is not None


def _turns(answer: str) -> bool:
    """Whether a turn follows that denies nothing: "..., but image 2 shows it"."""
    turn = _TURN.search(answer)
    return turn is not None and _DENIAL.search(answer, turn.end()) is None


def _is_somewhere(clause: str) -> bool:
    """Whether a clause names a picture and denies nothing: `the dog is in image 2`."""
    if not mentions(clause) or _DENIAL.search(clause):
        return False
    return _LOOKED.search(clause) is None
