"""Whether nano does what its question asks, as far as that can be told for sure.

Nano was taught to copy labels from the question, all of them, and to name the pictures that it
names; what is not in a question that it was taught (a negation, a count, a relation) it can't have
read. Where it looks for something all the same, the question is not one of those.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ...tools.vocabulary import Vocabulary, coco_classes
from ..messages import ToolCall
from .nano_question import Asked, read_question
from .nano_ranking import named_places

if TYPE_CHECKING:
    from ..planner.tokens import Token

_WORD = re.compile(r"[^\W_]+")

_UNTAUGHT = frozenset(
    word
    for words in (
        "not no but except without neither nor none ignore leave",
        "other others another than fewest count many missing",
        "below beside between inside before together",
        "black blue brown gray grey green pink purple red white yellow small",
    )
    for word in words.split()
)
"""Words that nano has tokens for, and that tell things apart in no question with which it was
taught to look for something: negations, comparisons, relations, colours."""

_UNNAMED = frozenset({"something", "everything", "whatever"})
"""They stand for what is asked for, so a thing that is named beside them is not: `whatever is on
the couch`."""

_HOW_MANY = frozenset({"most", "more", "fewest", "both", "single", "exactly"})
"""Beside `which pictures`: not all that show the thing are meant."""


def is_misread(call: ToolCall, query: str, pictures: int) -> bool:
    """Whether a call to detect is about other things or other pictures than the question names.

    Args:
        call: as it was written; any other tool's is never told to be a misreading.
        query: the question; nothing is known of a call without one.
        pictures: how many pictures it is about.
    """
    if call.name != "detect" or not query:
        return False
    asked = read_question(query, pictures)
    given: Any = call.arguments.get("labels")
    labels = [label for label in given if isinstance(label, str)] if isinstance(given, list) else []
    if _is_untaught(asked, labels):
        return True
    if not labels:
        return _is_not_shared_by_all(asked, pictures)
    said = _spoken(query)
    if any(_spoken(label) not in said for label in labels):
        return True
    if _classes([query]) - _classes(labels):
        return True
    # A rank is among the boxes of one picture; the largest of all pictures is another question.
    if pictures > 1 and len(asked.named) != 1 and named_places(asked) is not None:
        return True
    return _elsewhere(call.arguments.get("views"), asked, pictures)


def _is_untaught(asked: Asked, labels: Sequence[str]) -> bool:
    """Whether a question tells things apart by what no question did that was taught."""
    words = set(asked.words) - {word for label in labels for word in _WORD.findall(label.lower())}
    if labels and (words & _UNNAMED or ("anything" in words and "that" not in words)):
        # `Anything that is a cup` was taught, and a cup.
        return True
    # The number of a picture that does not exist is none of things.
    if words & _UNTAUGHT or (asked.resolved and any(_is_count(t) for t in asked.tokens)):
        return True
    # "Ignore the rest" was taught; other pictures than some that are named were not.
    if any(p.negated and p.kind != "rest" for p in asked.pictures):
        return True
    if not any(p.kind == "which" for p in asked.pictures):
        return False
    # Boxes in the pictures that show either: that is what it was taught of several things.
    several = len(labels) > 1 and ("and" in words or "or" not in words)
    return several or bool(words & _HOW_MANY) or _names_one_of(labels, asked.words)


def _is_count(token: Token | None) -> bool:
    """Whether so many things are asked for; `one` is an article as often as a number."""
    return token is not None and token.kind == "number" and token.text != "one"


def _names_one_of(labels: Sequence[str], words: Sequence[str]) -> bool:
    """Whether one of a thing is named, `one dog`; `each one` counts nothing."""
    heads = {word for label in labels for word in _WORD.findall(label.lower())[:1]}
    return any(a == "one" and b in heads for a, b in pairwise(words))


def _is_not_shared_by_all(asked: Asked, pictures: int) -> bool:
    """Whether not what all pictures share is asked for, though all that is there was looked up.

    Of what all share nano was taught to name the boxes in one picture, too; of what some share
    nothing.
    """
    return 1 < len(asked.named) < pictures or named_places(asked) is not None


def _elsewhere(views: Any, asked: Asked, pictures: int) -> bool:
    """Whether other pictures are looked at than those that the question names."""
    looked_at = (
        {view for view in views if isinstance(view, int)} if isinstance(views, list) else set()
    )
    if any(view > pictures for view in looked_at):
        return False
    return looked_at != asked.named


def _classes(texts: Sequence[str]) -> frozenset[str]:
    """The detectors' classes that texts name."""
    named: Iterable[frozenset[str]] = (_vocabulary().named_in(text) for text in texts)
    return frozenset[str]().union(*named)


@cache
def _vocabulary() -> Vocabulary:
    return Vocabulary(coco_classes())


def _spoken(text: str) -> str:
    """The words of a text, each between spaces."""
    return f" {' '.join(_WORD.findall(text.lower()))} "
