"""Things that are named once and meant again: the noun is put where it is left out."""

from __future__ import annotations

import re

from .nouns import singular

_PICTURE = r"(?:image|picture|photo|photograph|pic|shot|frame)"
_ORDINAL = r"(?:first|second|third|fourth|fifth|last|1st|2nd|3rd|4th|5th)"
_NAMED = (
    rf"(?:(?:in|of|for|from|on) )?(?:(?:the )?{_ORDINAL}(?: {_PICTURE})?|(?:the )?{_PICTURE} "
    r"(?:no\.? |number |#)?\d+)"
)
_EXTREME = (
    r"(?:(?:left|right|top|bottom|upper|lower|outer)[- ]?most|largest|biggest|smallest|tiniest|"
    r"tallest|shortest|widest|narrowest|(?:second|third|fourth|2nd|3rd|4th) from the (?:left|right|"
    r"top|bottom))"
)
_CHOSEN = re.compile(
    rf"\b(?:the|its) (?:(?:two|three|four) )?{_EXTREME} (?!one\b|ones\b|of\b|in\b|and\b)(\w+)\b|"
    rf"\b(?:the|its) (?:second|third|fourth|2nd|3rd|4th) (?!{_PICTURE})(\w+) from the "
    r"(?:left|right|top|bottom)\b",
    re.IGNORECASE,
)
_LEFT_OUT = re.compile(
    rf"\b(the {_EXTREME})(?: one)?(?=$|[.,;:!?]| (?:in|of|for|from) (?:the )?(?:{_ORDINAL}\b|"
    rf"{_PICTURE})| and (?:the )?{_EXTREME})",
    re.IGNORECASE,
)
_PLACE = (
    r"(?:on|at|with|near|under|behind|beside|next to|in front of|wearing|holding|sitting on|"
    r"standing (?:on|next to|in))"
)
_ONE_MORE = re.compile(
    rf"\b(the|an?) (?!one\b)(\w+) ({_PLACE} (?:(?!\band\b|\bone\b)[^.;!?])*?\b{_NAMED}),? and the "
    rf"one (?={_PLACE}\b)",
    re.IGNORECASE,
)


def named_again(query: str) -> str:
    """`In image 1 the largest dog, in image 2 the smallest`: the smallest dog.

    Only where pictures are told apart, each with a choice of its own: in one picture a second
    choice is one among those of the first.
    """
    query = _ONE_MORE.sub(r"\1 \2 \3 and the \2 ", query)
    first = _CHOSEN.search(query)
    if first is None or len(re.findall(rf"\b{_NAMED}\b", query, re.IGNORECASE)) < 2:
        return query
    noun = singular(first.group(1) or first.group(2))
    if noun.lower() in ("object", "thing", "item"):
        return query
    head, rest = query[: first.end()], query[first.end() :]
    if re.search(r"\b(?:each|every|all|both|same)\b", query, re.IGNORECASE):
        return query
    return head + _LEFT_OUT.sub(lambda found: _with_noun(found.group(1), noun), rest)


def _with_noun(choice: str, noun: str) -> str:
    """`The smallest dog`, `the third dog from the left`."""
    words = choice.split()
    at = 2 if "from" in words else len(words)
    return " ".join((*words[:at], noun, *words[at:]))
