"""Robust difference: a real change under a change of camera and light. Demand: semantic."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from ....tools.boxes import Box
from ..language.grammar import image_mark
from ..masks import box_of
from ..sample import TruthBox
from ..scenes.camera import Matrix, random_view, seen, visible_share, warp, warp_mask
from ..scenes.edits import Change, Pair
from ..scenes.plan import finish
from ..shots import Shot
from .base import Builder, Desk, Draft, in_order
from .difference import changed_pair, pick_kinds


def second_view(rng: Random, desk: Desk, pair: Pair, matrix: Matrix) -> Shot:
    """The second picture as another camera in another light sees it."""
    size = pair.after.size
    pixels = warp(desk.pool.pixels(pair.after), matrix, size)
    pixels = finish(pixels, round(rng.uniform(0.75, 1.3), 2), rng.choice((0.0, 0.0, 0.6)))
    objects, _, unsure = seen(pair.after, pair.masks, matrix, size)
    record = replace(
        pair.after.record, objects=tuple(objects), unsure=pair.after.record.unsure | unsure
    )
    notes = dict(pair.after.notes) | {"camera": matrix.round(8).tolist()}
    return Shot(record, pixels, None, None, notes)


def _place(change: Change, matrix: Matrix, size: tuple[int, int]) -> Box | None:
    """Where a change is seen; None where the camera cuts it."""
    if visible_share(change.mask, matrix, size) < 0.97:
        return None
    box = box_of(warp_mask(change.mask, matrix, size))
    return box if box is not None and min(box.width, box.height) >= 10 else None


def build(rng: Random, desk: Desk) -> Draft | None:
    """Changes to be boxed in the second picture, which another camera took."""
    pair = changed_pair(rng, desk, pick_kinds(rng, 2))
    if pair is None:
        return None
    size = pair.after.size
    matrix = random_view(rng, size, (1.03, 1.25), 0.03)
    places = [_place(change, matrix, size) for change in pair.changes]
    if any(place is None for place in places):
        return None
    second = second_view(rng, desk, pair, matrix)
    # With another of its kind half out of the frame, nobody could say which one has gone.
    if any(change.label in second.record.unsure for change in pair.changes):
        return None
    slots = {
        "first": image_mark(1, 2), "second": image_mark(2, 2),
        "where": image_mark(2, 2),
    }  # fmt: skip
    question = desk.words.phrase(rng, "robust", slots)
    answer = in_order(
        TruthBox.of(2, place, change.label)
        for place, change in zip(places, pair.changes, strict=True)
        if place is not None
    )
    meaning = {"op": "changed", "images": [2]}
    return Draft(question, [pair.before, second], answer, meaning, thinks=True)


BUILDER = Builder("robust-difference", "semantic", build, writes=True)
