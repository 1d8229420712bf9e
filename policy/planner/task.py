"""What kind of question it is."""

from __future__ import annotations

import re

from .cues import weigh
from .question import Task
from .reading import Reading


def task_of(reading: Reading) -> Task:
    """The kind of question."""
    if reading.count < 2:
        return "find"
    weights = dict(weigh(reading.text))
    named_noun = any(h.noun.known for h in reading.heads)
    if named_noun:
        weights["common"] -= 1.0
        weights["difference"] -= 1.0
        weights["region"] -= 0.5
    if not _generic_head(reading) and named_noun:
        weights["common"] -= 1.5
    order: list[Task] = ["region", "difference", "common", "counterpart"]
    best = max(order, key=lambda task: (weights[task], -order.index(task)))
    if weights[best] >= 2.0:
        return best
    if _is_placed_in_others(reading):
        return "region"
    return "common" if _asks_for_shared_thing(reading) else "find"


def _is_placed_in_others(reading: Reading) -> bool:
    """`Locate image 3 inside the others`: a picture itself is what is sought."""
    if reading.heads:
        return False
    inside = [r for r in reading.references if r.preposition in ("in", "inside", "within", "into")]
    bare = [r for r in reading.references if r.kind == "named" and not r.preposition]
    return bool(inside and bare)


def _generic_head(reading: Reading) -> bool:
    return any(h.noun.phrase.generic for h in reading.heads)


def _asks_for_shared_thing(reading: Reading) -> bool:
    """`What appears in every picture?`: no noun is named, and it is said to be in all."""
    if any(not h.noun.phrase.generic for h in reading.heads):
        return False
    everywhere = re.search(r"@both", reading.text) is not None
    plural = any(h.noun.phrase.plural for h in reading.heads)
    asked_what = re.search(r"(?: what | which (?:\w+ )?(?:object|thing|item|kind))", reading.text)
    return everywhere and (not plural or asked_what is not None)
