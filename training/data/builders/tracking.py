"""Tracking: one object through the frames of a sequence. Demand: temporal.

Sequences are real (annotated frames of one clip) or objects moved over a background.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from ..pools import RecordPool
from ..sample import TruthBox
from ..scenes.arrange import arrange, outline
from ..scenes.plan import Layer, Plan, render
from ..scenes.pool import ScenePool
from ..shots import Shot
from .base import Builder, Desk, Draft, certain, point_at, pointable
from .multiview import same_object


def _journey(rng: Random, layer: Layer, size: tuple[int, int], frames: int) -> list[Layer]:
    """A layer on a straight way at an even pace, growing or shrinking a little."""
    box = outline(layer)
    end_x = rng.uniform(0, max(0.0, size[0] - box.width))
    end_y = rng.uniform(0, max(0.0, size[1] - box.height))
    growth, reach = rng.uniform(0.8, 1.25), rng.uniform(0.4, 1.0)
    steps: list[Layer] = []
    for k in range(frames):
        t = reach * k / max(1, frames - 1)
        steps.append(
            replace(
                layer,
                x=round(layer.x + (end_x - layer.x) * t),
                y=round(layer.y + (end_y - layer.y) * t),
                longest=max(16, round(layer.longest * growth**t)),
            )
        )
    return steps


def _moved(rng: Random, pool: ScenePool, frames: int) -> list[Shot] | None:
    """Frames of objects that move over a background; some alike to each other."""
    label = pool.label(rng)
    sprite = pool.sprites.sprite(label, rng)
    if sprite is None:
        return None
    alike = pool.sprites.sprite(label, rng, other_than=sprite.identity)
    others = pool.fillers(rng, rng.randint(1, 3), {label})
    chosen = [sprite, *others, *([alike] if alike is not None and rng.random() < 0.6 else [])]
    if len({s.identity for s in chosen}) < len(chosen):
        return None
    width, height = rng.randint(224, 352), rng.randint(208, 320)
    layers = arrange(rng, chosen, width, height)
    if layers is None:
        return None
    back = pool.backgrounds.draw(rng, width, height, {s.label for s in chosen})
    licence = " AND ".join(sorted({s.licence for s in chosen} | {back.licence}))
    ways = [_journey(rng, layer, (width, height), frames) for layer in layers]
    plan = Plan(back.pixels, (), back.labels, source=pool.name, licence=licence)
    name = f"clip-{rng.getrandbits(48):012x}"
    shots: list[Shot] = []
    for k in range(frames):
        shot = render(plan.with_layers(tuple(way[k] for way in ways)), f"{name}-{k}")
        if shot is None:
            return None
        shots.append(shot)
    return shots


def _real(rng: Random, pool: RecordPool, frames: int) -> list[Shot] | None:
    """Frames of one clip in order of time, evenly apart."""
    names = sorted(pool.groups)
    rows = pool.groups[names[rng.randrange(len(names))]]
    shots = [Shot(pool.store[int(k)]) for k in rows]
    shots = sorted(
        (s for s in shots if s.record.order is not None), key=lambda s: s.record.order or 0
    )
    if len(shots) < 2:
        return None
    stride = rng.randint(1, max(1, (len(shots) - 1) // max(1, frames - 1)))
    start = rng.randrange(max(1, len(shots) - stride * (frames - 1)))
    return shots[start::stride][:frames]


def _everywhere(rng: Random, desk: Desk, shots: list[Shot]) -> Draft | None:
    """The object in every later frame in which it is seen."""
    later = [{o.identity: o for o in s.record.objects if o.identity} for s in shots[1:]]
    both = [
        o for o in shots[0].record.objects if o.identity and any(o.identity in s for s in later)
    ]
    if not both:
        return None
    chosen = rng.choice(both)
    if not pointable(shots[0], chosen):
        return None
    # Where it has no box it may yet be seen, only hidden too much for a good one.
    if not all(
        chosen.identity in objects or certain(shot, chosen.label)
        for shot, objects in zip(shots[1:], later, strict=True)
    ):
        return None
    pointer = point_at(rng, desk, shots, 1, chosen.box, drawn=0.4)
    question = desk.words.phrase(rng, "tracking-all", {"pointer": pointer.words})
    answer = [
        TruthBox.of(k, objects[chosen.identity].box, chosen.label)
        for k, objects in enumerate(later, 2)
        if chosen.identity in objects
    ]
    meaning = {"op": "same-instance", "images": list(range(2, len(shots) + 1))}
    return Draft(question, shots, answer, meaning, [pointer.placed(question)])


def build(rng: Random, desk: Desk) -> Draft | None:
    """Point at an object in the first frame; box it in a later one, or in all."""
    frames, pool = desk.count(rng, 3, 5), desk.pool
    shots: list[Shot] | None = None
    if isinstance(pool, ScenePool):
        shots = _moved(rng, pool, frames)
    elif isinstance(pool, RecordPool) and pool.groups:
        shots = _real(rng, pool, frames)
    if shots is None or len(shots) < 2:
        return None
    if rng.random() < 0.3:
        return _everywhere(rng, desk, shots)
    return same_object(rng, desk, shots, 1, rng.randint(2, len(shots)), "tracking")


BUILDER = Builder("tracking", "temporal", build, writes=True)
