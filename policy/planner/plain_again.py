"""Things that are named once and meant again: the noun is put where it is left out."""

from __future__ import annotations

import re

from .nouns import singular
from .plain_words import EXTREME, NAMED, ONE_PICTURE, ORDER, ORDINAL, PICTURE, RANK

_WHERE = rf"(?:(?:in|of|for|from|on) )?{NAMED}"
_CHOICE = rf"(?:{EXTREME}|{RANK} from the (?:left|right|top|bottom))"
_CHOSEN = re.compile(
    rf"\b(?:the|its) (?:(?:two|three|four) )?{_CHOICE} (?!one\b|ones\b|of\b|in\b|and\b)(\w+)\b|"
    rf"\b(?:the|its) {RANK} (?!{ONE_PICTURE})(\w+) from the "
    r"(?:left|right|top|bottom)\b",
    re.IGNORECASE,
)
_LEFT_OUT = re.compile(
    rf"\b(the {_CHOICE})(?: one)?(?=$|[.,;:!?]| (?:in|of|for|from) (?:the )?(?:{ORDINAL}\b|"
    rf"{ONE_PICTURE})| and (?:the )?{_CHOICE})",
    re.IGNORECASE,
)
_PLACE = (
    r"(?:on|at|with|near|under|behind|beside|next to|in front of|wearing|holding|sitting on|"
    r"standing (?:on|next to|in))"
)
_ONE_MORE = re.compile(
    rf"\b(the|an?) (?!one\b)(\w+) ({_PLACE} (?:(?!\band\b|\bone\b)[^.;!?])*?\b{_WHERE}),? and the "
    rf"one (?={_PLACE}\b)",
    re.IGNORECASE,
)
_OTHER_CHOICE = re.compile(
    rf"[.;,](?: and| but)? (?:in|for|from|on) ((?:the )?(?:others?|rest)|{_WHERE}),?(?: {ORDER})?"
    rf"(?: only| just)? (the {_CHOICE})(?: one| (\w+))?[.!]?$",
    re.IGNORECASE,
)
"""Behind what is wanted elsewhere: `; in the second image, only the leftmost one`."""

_ELSEWHERE = re.compile(
    rf"\b(?:in|from|of|on) (?:(?:the )?{PICTURE} \d+(?:(?:,| and|, and) \d+)+|{_WHERE})\b,?",
    re.IGNORECASE,
)
_ASKED = re.compile(rf"\b(?:please|{ORDER}|every|all|each|any|the|of|both)\b|[.,:;]", re.IGNORECASE)


def named_again(query: str) -> str:
    """`In image 1 the largest dog, in image 2 the smallest`: the smallest dog.

    Only where pictures are told apart, each with a choice of its own: in one picture a second
    choice is one among those of the first.
    """
    query = _with_own_choice(query.strip())
    query = _ONE_MORE.sub(r"\1 \2 \3 and the \2 ", query)
    first = _CHOSEN.search(query)
    if first is None or len(re.findall(rf"\b{_WHERE}\b", query, re.IGNORECASE)) < 2:
        return query
    noun = singular(first.group(1) or first.group(2))
    if noun.lower() in ("object", "thing", "item"):
        return query
    head, rest = query[: first.end()], query[first.end() :]
    if re.search(r"\b(?:each|every|all|both|same)\b", query, re.IGNORECASE):
        return query
    return head + _LEFT_OUT.sub(lambda found: _with_noun(found.group(1), noun), rest)


def _with_own_choice(query: str) -> str:
    """`Box all dogs, but in image 2 only the largest`: its noun and the pictures of the others.

    What names more than one thing stays as it is.
    """
    found = _OTHER_CHOICE.search(query)
    if found is None:
        return query
    wanted, (there, choice, noun) = query[: found.start()], found.groups()
    named = _ASKED.sub(" ", _ELSEWHERE.sub(" ", wanted)).split()
    if len(named) != 1 or (noun and singular(noun) != singular(named[0])):
        return query
    there = there if re.search(rf"\b{_WHERE}$", there, re.IGNORECASE) else "the other images"
    chosen = _with_noun(choice, singular(named[0]))
    if (place := _ELSEWHERE.search(wanted)) is None:
        return f"{wanted} in the other images; {chosen} in {there}"
    begins = wanted[: place.start()].lower().strip() in ("", "please")
    return f"{wanted}; in {there} {chosen}" if begins else f"{wanted}; {chosen} in {there}"


def _with_noun(choice: str, noun: str) -> str:
    """`The smallest dog`, `the third dog from the left`."""
    words = choice.split()
    at = 2 if "from" in words else len(words)
    return " ".join((*words[:at], noun, *words[at:]))
