"""Common object: what all pictures share. Demand: semantic association."""

from __future__ import annotations

from random import Random

from ..language.grammar import image_mark
from ..shots import Shot
from .base import Builder, Desk, Draft, boxes, every, in_order


def _may_hold(shot: Shot) -> set[str]:
    """Labels that may be seen in a picture."""
    return set(shot.record.labels | shot.record.unsure)


def _shared(desk: Desk, held: list[set[str]]) -> set[str]:
    """Labels of the first picture that every other picture may hold too, under any like name."""
    return {
        label
        for label in held[0]
        if all(any(desk.pool.clash(label, other) for other in more) for more in held[1:])
    }


def _other(shots: list[Shot], label: str) -> bool:
    """True where another label that some picture shows is in none of them certainly missing.

    In sources that say what was looked for in each picture, it may be in the rest without a box.
    """
    seen = {found for shot in shots for found in shot.record.labels} - {label}
    return any(not any(shot.record.lacks(found) for shot in shots) for found in seen)


def build(rng: Random, desk: Desk) -> Draft | None:
    """Pictures with exactly one label in common; box it in all of them, or in one."""
    label, total = desk.pool.label(rng), desk.count(rng)
    shots: list[Shot] = []
    held: list[set[str]] = []
    used: set[str] = set()
    for _ in range(total):
        # Composed scenes can be told what to leave out; a photograph is tried again.
        lack = held[0] - {label} if held and desk.pool.made else ()
        shot = desk.pool.draw(rng, {label: None}, lack, used)
        if shot is None:
            return None
        used.add(shot.record.name)
        shots.append(shot)
        held.append(_may_hold(shot))
    if _shared(desk, held) != {label} or any(label in s.record.unsure for s in shots):
        return None
    if _other(shots, label):
        return None
    if rng.random() < 0.6:
        question = desk.words.phrase(rng, "common", {})
        return Draft(question, shots, every(shots, {label}), {"op": "common"}, thinks=True)
    image = rng.randint(1, total)
    slots = {"image": image_mark(image, total)}
    question = desk.words.phrase(rng, "common-in", slots)
    answer = in_order(boxes(image, shots[image - 1].record.of(label)))
    return Draft(question, shots, answer, {"op": "common", "images": [image]}, thinks=True)


BUILDER = Builder("common", "semantic", build)
