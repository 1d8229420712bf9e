"""Words that leave something out, and whether all of them were understood.

To answer the opposite of a question is worse than not to answer it, so every negation must be read
by some rule; one that is read by none makes the question one that the planner can't read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NoReturn

from ...tools.errors import QueryNotUnderstood
from .lexicon import word_set
from .tokens import Token, word_token

Kind = Literal["", "except", "without"]

EXCEPT = (
    r"(?:except(?: for)?|excluding|other than|apart from|aside from|but not|besides|rather than|"
    r"leav\w+ out|ignor\w+|disregard\w*|skip\w*|instead of|with (?:the )?exception of)"
)
APART = re.compile(
    rf"(?:(?:{EXCEPT}|not|neither|nor)(?: one of)? (?:the |those )?|but (?:the |those ))(?:ones? )?"
    rf"(?:(?:that|who) (?:is|are) )?(?:NUM\d+ )?(?:\w+ing )?"
    r"(?:(?:on|at|to|in) (?:the )?)?$"
)
"""Before a selection or relation that is about some of the things that were named just before."""

_SHOW = (
    r"(?:ha(?:s|ve|ving)|contain(?:s|ing)?|show(?:s|ing)?|includ(?:es?|ing)|featur(?:es?|ing)|"
    r"depict(?:s|ing)?|display(?:s|ing)?|see|spot)"
)
_MAKE = (
    r"(?:@ask|box|mark|draw|find|label|detect|locate|return|highlight|outline|count|frame|"
    r"annotate|want|include)"
)
_MISS = r"(?:miss|skip|forget|omit|overlook|ignor|leav|neglect)\w*(?: out)?"
_LEFT_OUT: list[tuple[str, Kind]] = [
    (rf"(?:not|never|without) {_MISS}", ""),
    (r"(?:^|[.,;!?:] |but )(?:i|we) (?:can|could|do|did) not (?:find|see|spot|locate)", ""),
    (EXCEPT, "except"),
    (r"(?:that|which|who) (?:is|are) not", "except"),
    (rf"(?:do not|never) {_MAKE}(?: any)?", "except"),
    (rf"(?:not|never) (?:(?:i|you|we|one) )?{_SHOW}(?: any)?", "without"),
    (r"(?:do|does) not include", "except"),
    (r"no|without|lacks?|lacking|zero|neither|nor|not|never", "without"),
]
_ALL_BUT = re.compile(r"(?:^| )(?:all|everything|anything|everyone|anyone) but$")

_NEGATIONS = word_set(
    """
    not no never nor neither none nothing without nobody except excluding lacks lacking
    """
)
_EXCEPTIONS = (
    r"other than|apart from|aside from|besides|rather than|instead of|exception of|"
    r"(?:leaving|leave) out|ignoring|skipping"
)
_TURN = r"(?:(?<=^ )|(?<= [.?!,;:] ))"
_IDIOMS = [
    r"not only|no idea|no doubt|no matter|no need|whether or not|or not|if not|not sure|why not",
    r"(?:no|not) (?:more|fewer|less) than|no (?:one )?others?|nothing (?:else|more)|no \.",
    r"not (?:know|remember|care|mind|worry|certain)",
    rf"(?:not|never|without) {_MISS}",
    rf"{_TURN}(?:why )?(?:is|are|do|does|can|could|would|will) not (?:there|you|we|i)",
    rf"{_TURN}(?:but )?(?:i|we) (?:can|could|do|did) not (?:find|see|spot|locate)",
    r"(?:if|in case|when)(?: (?![.,;:?!])\S+)*? (?:no|not|none|nothing)",
    r"(?:answer|return|say|give|output|report|write|mark|box)(?: with)? (?:nothing|none)(?! but)",
]
"""Negations that leave out nothing."""


_SEEN = word_set("visible shown seen present there pictured depicted in")
_SHOWING = word_set("with showing shows show containing contains contain where has have having")


def open_nobody(tokens: Sequence[Token]) -> tuple[Token, ...]:
    """`Pictures showing nobody`, `the image where no one is visible`: without a person.

    What nobody does (`the chair nobody sits on`, `where nobody sits`) stays as it is.
    """
    opened: list[Token] = []
    words = [token.text for token in tokens]
    for index, token in enumerate(tokens):
        before = "nobody" if token.text == "nobody" else " ".join(words[index - 1 : index + 1])
        if before not in ("nobody", "no one"):
            opened.append(token)
            continue
        first = index if before == "nobody" else index - 1
        shown = words[first - 1 : first] if first else []
        seen = words[index + 1 : index + 3]
        where = shown == ["where"] and seen[:1] == ["is"] and {*seen[1:]} <= _SEEN
        if shown and shown[0] in _SHOWING and (where or shown != ["where"]):
            opened[len(opened) - (index - first) :] = [word_token("no"), word_token("person")]
        else:
            opened.append(token)
    return tuple(opened)


def left_out(before: Sequence[str]) -> tuple[Kind, int]:
    """What the words right before a noun phrase do to it, and how many of them do it.

    Of `all but` the things themselves are still to be added: see `is_all_but`.
    """
    text = " ".join(before)
    if in_a_condition(before):
        return "", 0
    for pattern, kind in _LEFT_OUT:
        if found := re.search(rf"(?:^|(?<= ))(?:{pattern})$", text):
            return kind, len(found.group(0).split())
    return ("except", 2) if is_all_but(before) else ("", 0)


def is_all_but(before: Sequence[str]) -> bool:
    """Whether these words end in `all but`, `everything but`."""
    return _ALL_BUT.search(" ".join(before)) is not None


def in_a_condition(before: Sequence[str]) -> bool:
    """`If there is no dog, say so` leaves out nothing."""
    return re.search(r"(?:^| )(?:if|in case)(?: (?![.,;:?!])\S+)*$", " ".join(before)) is not None


def require_all_read(words: Sequence[str], read: set[int]) -> None:
    """Refuse a question in which a negation was read by no rule.

    Args:
        words: the stream's words at the end.
        read: positions of those that some rule understood.

    Raises:
        QueryNotUnderstood: one was left over.
    """
    text = f" {' '.join(words)} "
    starts = [i + 1 for i, c in enumerate(text[:-1]) if c == " "]
    known = set(read)
    for idiom in _IDIOMS:
        for found in re.finditer(rf"(?<= )(?:{idiom})(?= )", text):
            known |= {n for n, at in enumerate(starts) if found.start() <= at < found.end()}
    spans = [found.span() for found in re.finditer(rf"(?<= )(?:{_EXCEPTIONS})(?= )", text)]
    for begin, end in spans:
        if known.isdisjoint(n for n, at in enumerate(starts) if begin <= at < end):
            _refuse(text[begin:end])
    for index, word in enumerate(words):
        # What `but the` leaves out was read, or nothing of it was: `but the black one`.
        but = word == "but" and words[index + 1 : index + 2] in (["the"], ["those"], ["one"])
        if (but or word in _NEGATIONS) and index not in known:
            _refuse(word)


def _refuse(word: str) -> NoReturn:
    raise QueryNotUnderstood(
        f"The planner can't tell what '{word}' leaves out in this question.",
        "Say it as in: every dog except the leftmost one; people without an umbrella; "
        "which picture has no dog; dogs, but not in image 2.",
    )


def require_clear(text: str) -> None:
    """Refuse `not both`: it may be that only one of the two is missing.

    Args:
        text: the words before noun phrases were read.

    Raises:
        QueryNotUnderstood: a negation speaks of both of two things.
    """
    if re.search(r" (?:not|no|never|without) (?:\S+ ){0,3}both (?!@)", text):
        refuse_unclear()


def refuse_unclear() -> NoReturn:
    """Say that a negation may be about one or about both of two things."""
    raise QueryNotUnderstood(
        "The planner can't tell whether one or both of the things are missing.",
        "Say it as in: which picture has no cat and no dog.",
    )
