"""Object in another picture, same class: one is pointed at, its like are found elsewhere.

Demand: semantic association.
"""

from __future__ import annotations

from random import Random

from ..language.grammar import image_mark
from .base import Builder, Desk, Draft, boxes, distractor, in_order, point_at, pointable, shots_with


def build(rng: Random, desk: Desk) -> Draft | None:
    """Point at an object of one picture; box all of its class in another one."""
    label, total = desk.pool.label(rng), desk.count(rng, 2, 3)
    source, target = rng.sample(range(1, total + 1), 2)
    wants = [
        ({label: None}, ()) if k in (source, target) else (distractor(rng, desk, label), ())
        for k in range(1, total + 1)
    ]
    shots = shots_with(rng, desk, wants)
    if shots is None:
        return None
    pointed = rng.choice(shots[source - 1].record.of(label))
    if not pointable(shots[source - 1], pointed):
        return None
    pointer = point_at(rng, desk, shots, source, pointed.box)
    slots = {"pointer": pointer.words, "image": image_mark(target, total)}
    question = desk.words.phrase(rng, "same-class", slots)
    answer = in_order(boxes(target, shots[target - 1].record.of(label)))
    meaning = {"op": "same-class", "images": [target]}
    return Draft(question, shots, answer, meaning, [pointer.placed(question)], thinks=True)


BUILDER = Builder("same-class", "semantic", build)
