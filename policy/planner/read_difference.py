"""Questions about what changed between two pictures."""

from __future__ import annotations

import re
from typing import Literal

from ...tools.errors import QueryNotUnderstood
from .pictures import Pictures
from .plain_words import ORDER
from .question import Question
from .reading import Reading
from .shown import names_pictures

_Side = Literal["first", "second", "both"]


def difference_question(reading: Reading) -> Question:
    """Which two pictures are compared, and in which of them boxes are wanted.

    Raises:
        QueryNotUnderstood: the odd one out of more than two is asked for.
    """
    if reading.count > 2 and " odd one out " in reading.text:
        raise QueryNotUnderstood(
            "The planner can't tell which one is odd, or in what.",
            "Ask as in: which objects are only in image 2; what changed between images 1 and 2.",
        )
    named = [r for r in reading.located() if r.kind == "named" and not r.negated]
    images = list(
        dict.fromkeys(i for r in reading.located() for i in r.images if names_pictures(r))
    )
    pair = (images[0], images[1]) if len(images) >= 2 else _default_pair(reading, images)
    ordered = (min(pair), max(pair))
    report = _report(reading, ordered, named)
    return Question("difference", ordered, report=report, single=is_single(reading))


def is_single(reading: Reading) -> bool:
    """Whether one change is expected, and the surest is the answer."""
    return re.search(r"differences|changes|alterations|edits| all | every ", reading.text) is None


def _default_pair(reading: Reading, images: list[int]) -> tuple[int, int]:
    if not images:
        return (1, 2)
    other = 1 if images[0] != 1 else 2
    return (images[0], other)


def _report(reading: Reading, pair: tuple[int, int], named: list[Pictures]) -> _Side:
    """In which of the two pictures boxes are wanted; the second unless the words say else."""
    text = reading.text
    if re.search(rf" {ORDER} (?:\w+ ){{0,4}}@both", text) and any(
        r.each and r.preposition in ("in", "on") for r in reading.references
    ):
        return "both"
    singles = [r for r in named if len(r.images) == 1]
    roles = [r for r in reading.references if r.kind == "role" and r.role in ("first", "second")]
    placed = [r for r in singles + roles if r.preposition in ("in", "on", "within", "inside")]
    placed = [r for r in placed if not r.negated]
    sides: list[_Side | None] = [_side(reading, r, pair) for r in placed]
    if len(set(sides)) == 1:
        return sides[0] or "both"
    shut_out = [r for r in singles + roles if r.negated]
    if len(shut_out) == 1:
        return "second" if _side(reading, shut_out[0], pair) == "first" else "first"
    owner = re.search(r"@named (?:has|have|shows?|contains?) (?:\S+ ){0,3}@named ", text)
    if owner and (subjects := [r for r in reading.references if names_pictures(r)]):
        return _side(reading, subjects[text[: owner.start()].count("@named")], pair) or "second"
    if re.search(r" not (?:\w+ ){0,2}@named| (?:missing|gone|absent|lost) @named", text):
        return _first_placed(reading, pair)
    return "second"


def _first_placed(reading: Reading, pair: tuple[int, int]) -> _Side:
    """`in image 1 but missing from image 2`: boxes belong where the thing is."""
    for reference in reading.references:
        if reference.kind not in ("named", "role") or reference.negated:
            continue
        if reference.preposition in ("in", "on", "within", "inside"):
            return _side(reading, reference, pair) or "second"
    return "second"


def _side(reading: Reading, reference: Pictures, pair: tuple[int, int]) -> _Side | None:
    if reference.kind == "role":
        return "first" if reference.role == "first" else "second"
    if len(reference.images) != 1:
        return None
    return "first" if reference.images[0] == pair[0] else "second"
