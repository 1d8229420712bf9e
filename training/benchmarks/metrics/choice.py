"""Multiple choice: the letter that a free answer picks."""

from __future__ import annotations

import re
from collections.abc import Sequence

_LEAD = (
    r"(?i:\b(?:answer|option|choice)\b\s*(?:is|:|=|would be|should be)?\s*[:=]?\s*)"
    r"[\(\[\*\"']{0,3}"
)
_STATED = re.compile(
    # "The answer is a cat" names no letter: small ones, A and I may be words where a word follows.
    _LEAD + r"(?:([B-HJ-Z])(?![A-Za-z0-9])|([A-Za-z])(?=\s*(?:$|[\)\]\.:;,!\*\"'`\n])))",
)
_STATED_OR_WORD = re.compile(_LEAD + r"([AI])(?=\s+\w)")
_LEADING = re.compile(r"[\s\(\[\*\"'`]{0,8}([A-Za-z])\s*(?:$|[\)\]\.:,\*\"'`](?![A-Za-z])|\n)")
_LEADING_WORDS = re.compile(r"\s*\(?([A-Z])\)?\s+\S")
_BRACKETED = re.compile(r"[\(\[]([A-Z])[\)\]]")


def letters(count: int) -> str:
    """The letters of so many options: A, B, ..."""
    return "".join(chr(ord("A") + k) for k in range(min(count, 26)))


def normalise(text: str) -> str:
    """Lower case, one space between words, without closing punctuation."""
    return " ".join(text.lower().split()).strip(" .\"'`")


def pick(answer: str, options: Sequence[str]) -> str | None:
    """The letter that an answer picks, or None where it picks none or several.

    In this order: a letter at the start (`B`, `(B)`, `B. two cats`); a letter that is said to be
    the answer (the last such statement); exactly one letter in brackets; an option's own text, if
    the answer is it, or holds it and no other; a stated A or I that could be a word.

    Args:
        answer: the answer part, without reasoning.
        options: texts of the options, in order; a text may be empty where only letters are known.
    """
    allowed = letters(len(options))
    text = answer.strip()
    exact = [
        k for k, option in enumerate(options) if option and normalise(option) == normalise(text)
    ]
    if len(exact) == 1:
        return allowed[exact[0]]
    leading = _LEADING.match(text)
    if leading and leading[1].upper() in allowed:
        return leading[1].upper()
    told = [(m[1] or m[2]).upper() for m in _STATED.finditer(text)]
    stated = [letter for letter in told if letter in allowed]
    if stated:
        return stated[-1]
    bracketed = {m[1] for m in _BRACKETED.finditer(text) if m[1] in allowed}
    if len(bracketed) == 1:
        return bracketed.pop()
    named = _named(text, options)
    if named is not None:
        return allowed[named]
    maybe = [m[1] for m in _STATED_OR_WORD.finditer(text) if m[1] in allowed]
    if maybe:
        return maybe[-1]
    start = _LEADING_WORDS.match(text)
    # "A dog" is a word, not option A; other capitals alone at the start are letters.
    return start[1] if start and start[1] in allowed and start[1] not in "AI" else None


def _named(text: str, options: Sequence[str]) -> int | None:
    """Index of the only option whose text stands in the answer, longer options first."""
    rest = f" {normalise(text)} "
    found: list[int] = []
    for k in sorted(range(len(options)), key=lambda k: -len(options[k])):
        words = normalise(options[k])
        pattern = rf"(?<!\w){re.escape(words)}(?!\w)"
        if words and re.search(pattern, rest):
            found.append(k)
            # A shorter option inside a longer one ("cat" in "two cats and a cat") is not a second.
            rest = re.sub(pattern, " ", rest)
    return found[0] if len(found) == 1 else None
