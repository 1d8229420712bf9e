"""Object in another picture, same instance: the very same object among others of its class.

Demand: semantic association. From scenes (the same cut-out pasted again, scaled, mirrored, lit
otherwise) or from records whose identities are annotated across pictures.
"""

from __future__ import annotations

from random import Random

from ..language.grammar import image_mark
from ..scenes.pool import ScenePool
from ..shots import Shot
from .base import Builder, Desk, Draft, boxes, point_at, pointable


def _scenes(rng: Random, pool: ScenePool, total: int) -> list[Shot] | None:
    """Scenes that all hold one object; others of its class, where there are some, besides it."""
    label = pool.label(rng)
    sprite = pool.sprites.sprite(label, rng)
    if sprite is None:
        return None
    shots: list[Shot] = []
    for _ in range(total):
        other = pool.sprites.sprite(label, rng, other_than=sprite.identity)
        chosen = [sprite] if other is None or rng.random() < 0.4 else [sprite, other]
        shot = pool.compose(rng, chosen, (), fillers=rng.randint(1, 4))
        if shot is None:
            return None
        shots.append(shot)
    return shots


def build(rng: Random, desk: Desk) -> Draft | None:
    """Point at an object; box that same object in another picture."""
    total = desk.count(rng, 2, 3)
    if not isinstance(desk.pool, ScenePool):
        return None
    shots = _scenes(rng, desk.pool, total)
    if shots is None:
        return None
    source, target = rng.sample(range(1, total + 1), 2)
    identities = {o.identity for o in shots[source - 1].record.objects}
    shared = [o for o in shots[target - 1].record.objects if o.identity in identities]
    chosen = rng.choice(shared) if shared else None
    if chosen is None:
        return None
    pointed = [o for o in shots[source - 1].record.objects if o.identity == chosen.identity]
    again = [o for o in shots[target - 1].record.objects if o.identity == chosen.identity]
    if len(pointed) != 1 or len(again) != 1:
        return None
    if not pointable(shots[source - 1], pointed[0]):
        return None
    pointer = point_at(rng, desk, shots, source, pointed[0].box)
    slots = {"pointer": pointer.words, "image": image_mark(target, total)}
    question = desk.words.phrase(rng, "same-instance", slots)
    meaning = {"op": "same-instance", "images": [target]}
    answer = boxes(target, again)
    return Draft(question, shots, answer, meaning, [pointer.placed(question)], thinks=True)


BUILDER = Builder("same-instance", "semantic", build, writes=True)
