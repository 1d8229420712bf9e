"""Multi-view: one scene seen several times; the same object in another view. Demand: spatial.

Views are made from one picture by homographies and crops, or are real cameras of one moment.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np

from ..language.grammar import image_mark
from ..masks import Mask, box_of
from ..pools import RecordPool
from ..record import Instance
from ..scenes.camera import random_view, seen, warp
from ..scenes.plan import finish
from ..shots import Shot
from .base import Builder, Desk, Draft, boxes, point_at, pointable


def shrunk(desk: Desk, shot: Shot, longest: int = 448) -> tuple[Shot, list[Mask | None]]:
    """A shot at most so large, and the masks of its objects, each with an identity of its own."""
    import cv2

    pixels = desk.pool.pixels(shot)
    masks = [desk.pool.mask(shot, k) for k in range(len(shot.record.objects))]
    width, height = shot.size
    scale = min(1.0, longest / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    if size != shot.size:
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        masks = [None if m is None else _resized(m, size) for m in masks]
    sx, sy = size[0] / width, size[1] / height
    objects: list[Instance] = []
    for k, (o, mask) in enumerate(zip(shot.record.objects, masks, strict=True)):
        found = None if mask is None else box_of(mask)
        box = found or o.box.scale(sx, sy)
        objects.append(replace(o, box=box, shape=None, identity=f"{shot.record.name}:{k}"))
    name = f"{shot.record.name}"
    record = replace(
        shot.record, root="", file=name, width=size[0], height=size[1], objects=tuple(objects)
    )
    return Shot(record, pixels), masks


def _resized(mask: Mask, size: tuple[int, int]) -> Mask:
    import cv2

    small = cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small) >= 128


def _views(rng: Random, desk: Desk, total: int) -> list[Shot] | None:
    """Several views of one picture."""
    base = desk.pool.draw(rng, {}) if desk.pool.made else _photo(rng, desk)
    if base is None or not base.record.objects:
        return None
    shot, masks = shrunk(desk, base)
    views: list[Shot] = []
    pixels = desk.pool.pixels(shot)
    for k in range(total):
        matrix = random_view(rng, shot.size, (1.0, 1.15) if k == 0 else (1.05, 1.7), 0.09)
        objects, _, unsure = seen(shot, masks, matrix, shot.size)
        name = f"view-{rng.getrandbits(48):012x}"
        record = replace(
            shot.record, name=name, file=name, objects=tuple(objects),
            unsure=shot.record.unsure | unsure,
        )  # fmt: skip
        seen_pixels = finish(warp(pixels, matrix, shot.size), round(rng.uniform(0.85, 1.2), 2), 0.0)
        views.append(Shot(record, seen_pixels))
    return views


def _photo(rng: Random, desk: Desk) -> Shot | None:
    return desk.pool.any(rng) if isinstance(desk.pool, RecordPool) else None


def _cameras(rng: Random, pool: RecordPool, total: int) -> list[Shot] | None:
    """Real cameras of one moment."""
    names = sorted(pool.groups)
    rows = pool.groups[names[rng.randrange(len(names))]]
    shots = [Shot(pool.store[int(k)]) for k in rows]
    shots = [s for s in shots if s.record.camera is not None]
    if len(shots) < 2:
        return None
    return rng.sample(shots, min(total, len(shots)))


def build(rng: Random, desk: Desk) -> Draft | None:
    """Point at an object in one view; box it in another."""
    total, pool = desk.count(rng, 2, 4), desk.pool
    real = isinstance(pool, RecordPool) and pool.groups and bool(desk.options.get("cameras"))
    shots = (
        _cameras(rng, pool, total)
        if real and isinstance(pool, RecordPool)
        else _views(rng, desk, total)
    )
    if shots is None:
        return None
    source, target = 1, rng.randint(2, len(shots))
    return same_object(rng, desk, shots, source, target, "multi-view")


def same_object(
    rng: Random, desk: Desk, shots: list[Shot], source: int, target: int, rule: str
) -> Draft | None:
    """Point at an object of one picture and ask for it in another, by identity."""
    there = {o.identity: o for o in shots[target - 1].record.objects if o.identity}
    both = [
        o for o in shots[source - 1].record.objects
        if o.identity in there and o.box.area >= 0.004 * shots[source - 1].record.width
        * shots[source - 1].record.height
    ]  # fmt: skip
    if not both:
        return None
    chosen = rng.choice(both)
    if not pointable(shots[source - 1], chosen):
        return None
    pointer = point_at(rng, desk, shots, source, chosen.box, drawn=0.4)
    slots = {"pointer": pointer.words, "image": image_mark(target, len(shots))}
    question = desk.words.phrase(rng, rule, slots)
    meaning = {"op": "same-instance", "images": [target]}
    again = [o for o in shots[target - 1].record.objects if o.identity == chosen.identity]
    if len(again) != 1:
        return None
    answer = boxes(target, again)
    return Draft(question, shots, answer, meaning, [pointer.placed(question)])


BUILDER = Builder("multi-view", "spatial", build, writes=True)
