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
# An article has a noun after it, so before these words A is the letter.
_LEADING_A = re.compile(r"\(?(A)\s+(?:because|since|not)\b")
_LEADING_WORDS = re.compile(r"\s*\(?([A-Z])\)?\s+\S")
_BRACKETED = re.compile(r"[\(\[]([A-Z])[\)\]]")
_START = re.compile(r"[\s\(\[\*\"'`]{0,8}([A-Za-z])(?![A-Za-z0-9])")

_OPEN, _CLOSE = r"[\(\[\*\"'`]{0,4}", r"[\)\]\.:\*\"'`]{0,4}"
_CLOSED = re.compile(_CLOSE + r"\s*")
_ANOTHER = re.compile(
    # What joins two options ("A, B", "A / B", "(A) and (C)", "option A or option B") ...
    _CLOSE + r"(?P<join>\s*[,;/&+]\s*(?:(?:and|or)\s+)?|\s+(?:and/or|and|or)\s+)"
    r"(?:(?:the\s+)?(?:option|choice|answer)\s+)?"
    # ... and the second one, with the word that follows it, if any.
    rf"{_OPEN}(?P<letter>[A-Za-z])(?![A-Za-z0-9]|['’]\w){_CLOSE}(?:\s+(?P<next>[\w'’]+))?",
    re.IGNORECASE,
)
_JOINED = frozenset({"and", "or", "are", "both", "as", "because", "since"})
_BELOW = re.compile(
    rf"{_CLOSE}[ \t]*\n\s*{_OPEN}(?P<letter>[A-Za-z])(?![A-Za-z0-9]){_CLOSE}[ \t]*(?P<rest>.*)"
)


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
    the answer is it, or holds it and no other; a stated A or I that could be a word. A letter next
    to which another one stands as an option too (`A, B`, `B or C`, a line each) picks several.

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
    start = _START.match(text)
    if start and start[1].upper() in allowed and _goes_on(text, start, options):
        return None
    leading = _LEADING.match(text) or _LEADING_A.match(text)
    if leading and leading[1].upper() in allowed:
        return leading[1].upper()
    said = [m for p in (_STATED, _STATED_OR_WORD) for m in p.finditer(text)]
    said = [m for m in said if _letter(m) in allowed]
    if _several_stated(text, said, options):
        return None
    stated = [_letter(m) for m in said if m.re is _STATED]
    if stated:
        return stated[-1]
    bracketed = [m for m in _BRACKETED.finditer(text) if m[1] in allowed]
    if len({m[1] for m in bracketed}) == 1:
        several = any(_goes_on(text, m, options) for m in bracketed)
        return None if several else bracketed[0][1]
    named = _named(text, options)
    if named is not None:
        return allowed[named]
    if said:
        return _letter(said[-1])
    words = _LEADING_WORDS.match(text)
    # "A dog" is a word, not option A; other capitals alone at the start are letters.
    return words[1] if words and words[1] in allowed and words[1] not in "AI" else None


def _letter(found: re.Match[str]) -> str:
    """The letter of a match of any of the patterns above."""
    return next(g for g in found.groups() if g).upper()


def _several_stated(text: str, said: Sequence[re.Match[str]], options: Sequence[str]) -> bool:
    """Whether the last statement names several letters: "answer: A or B", "option A or option B".

    What an earlier statement left open counts only where the last one is its second half.
    """
    last = max((m.end(m.lastindex or 0) for m in said), default=0)
    return any((_goes_on(text, m, options) or 0) >= last for m in said if last)


def _goes_on(text: str, found: re.Match[str], options: Sequence[str]) -> int | None:
    """Where another letter than the one found stands next to it as an option too, else None.

    Next to it is after it or after its option's text: `A, B`, `B or C`, `(A) and (C)`, `(A) a cat
    or (B) a dog`; or on the line below. "A. A dog and a cat", "A, not B", "A because B is smaller"
    and "B and C is too small" name no second option.
    """
    allowed, letter = letters(len(options)), _letter(found)
    place = found.end(found.lastindex or 0)
    own = options[allowed.index(letter)].strip()
    closed = _CLOSED.match(text, place)
    behind = closed.end() if closed else place
    if own and text[behind : behind + len(own)].lower() == own.lower():
        place = behind + len(own)
    for pattern in (_ANOTHER, _BELOW):
        other = pattern.match(text, place)
        if other and other["letter"].upper() in set(allowed) - {letter}:
            its = options[allowed.index(other["letter"].upper())]
            if _is_joined(other) if pattern is _ANOTHER else _is_whole(other, its):
                return other.end("letter")
    return None


def _is_joined(other: re.Match[str]) -> bool:
    """Whether a letter after a comma, "and" or "or" is an option, and not a word or a clause."""
    letter, after = other["letter"], (other["next"] or "").lower()
    if not after:
        return True
    if after in _JOINED:
        return letter.isupper()
    if letter.islower() or letter == "I":
        return False
    # "A and B is too small" and "A, B shows a dog" go on about B without choosing it.
    clause = after.endswith(("s", "t")) if "and" in other["join"].lower() else True
    return "or" in other["join"].lower() or not clause


def _is_whole(other: re.Match[str], option: str) -> bool:
    """Whether the line below is a letter alone, or with its own option's text."""
    rest = normalise(other["rest"])
    return not rest or rest == normalise(option)


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
