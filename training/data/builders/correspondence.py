"""Correspondence: what serves the same use, goes with, or is the whole of a thing pointed at.

Demand: semantic association. From the class relations of `relations.yaml`.
"""

from __future__ import annotations

from random import Random

from ..language.grammar import image_mark
from ..shots import Shot
from .base import Builder, Desk, Draft, boxes, in_order, point_at, pointable

_RULES = {
    "use": "correspondence-use",
    "companion": "correspondence-companion",
    "whole": "correspondence-part",
}


def _pair(rng: Random, desk: Desk) -> tuple[str, str, str] | None:
    """(label, relation, related label) that the pool can show."""
    label = desk.pool.label(rng)
    relation = rng.choices(("use", "companion", "whole"), (6, 2, 2))[0]
    known = set(desk.pool.labels)
    related = sorted(
        r
        for r in desk.relations.related(label, relation)
        if r in known and not desk.pool.clash(r, label)
    )
    return (label, relation, rng.choice(related)) if related else None


def _answers(desk: Desk, shot: Shot, label: str, relation: str) -> tuple[set[str], bool]:
    """(labels in a picture that answer, whether that is certain).

    Not certain where something of the very label, or something like a related label that is not
    itself related, or an incompletely annotated related label is in the picture; nor where nobody
    looked for one of them.
    """
    related = desk.relations.related(label, relation)
    record = shot.record
    answers = {found for found in record.labels if found in related}
    doubtful = label in record.labels or bool(record.unsure & (related | {label}))
    ours = (related | {label}) & set(desk.pool.labels)
    doubtful = doubtful or any(record.counts(found) is None for found in ours)
    near = any(
        desk.pool.clash(found, r)
        for found in record.labels | record.unsure
        if found not in related
        for r in related | {label}
    )
    return answers, not (doubtful or near)


def build(rng: Random, desk: Desk) -> Draft | None:
    """Point at an object; box what stands in a relation to it in another picture."""
    pair = None
    for _ in range(20):
        pair = pair or _pair(rng, desk)
    if pair is None:
        return None
    label, relation, other = pair
    source_shot = desk.pool.draw(rng, {label: None})
    if source_shot is None:
        return None
    lack = (desk.relations.related(label, relation) - {other}) | {label} if desk.pool.made else ()
    target_shot = desk.pool.draw(rng, {other: None}, lack, {source_shot.record.name})
    if target_shot is None:
        return None
    answers, sure = _answers(desk, target_shot, label, relation)
    if not sure or not answers:
        return None
    source = rng.randint(1, 2)
    target = 3 - source
    shots = [source_shot, target_shot] if source == 1 else [target_shot, source_shot]
    pointed = rng.choice(source_shot.record.of(label))
    if not pointable(source_shot, pointed):
        return None
    pointer = point_at(rng, desk, shots, source, pointed.box)
    slots = {"pointer": pointer.words, "image": image_mark(target, 2)}
    question = desk.words.phrase(rng, _RULES[relation], slots)
    objects = [o for o in target_shot.record.objects if o.label in answers]
    meaning = {"op": "relation", "relation": relation, "images": [target]}
    answer = in_order(boxes(target, objects))
    return Draft(question, shots, answer, meaning, [pointer.placed(question)], thinks=True)


BUILDER = Builder("correspondence", "semantic", build)
