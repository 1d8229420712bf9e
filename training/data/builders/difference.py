"""Static difference: what has changed between two aligned pictures. Demand: semantic."""

from __future__ import annotations

from random import Random

from ..language.grammar import image_mark
from ..pools import RecordPool
from ..sample import TruthBox
from ..scenes.edits import Kind, Pair, changed_photo, changed_scene
from ..scenes.pool import ScenePool
from .base import Builder, Desk, Draft, in_order

_KINDS: tuple[Kind, ...] = ("removed", "added", "recoloured")


def changed_pair(rng: Random, desk: Desk, kinds: list[Kind]) -> Pair | None:
    """Two pictures with these changes, from whatever pool the desk has."""
    pool = desk.pool
    if isinstance(pool, ScenePool):
        return changed_scene(rng, pool, kinds)
    return changed_photo(rng, pool, desk.sprites, kinds) if isinstance(pool, RecordPool) else None


def pick_kinds(rng: Random, most: int = 3) -> list[Kind]:
    """One to `most` changes."""
    number = rng.choices(range(1, most + 1), (6, 2, 1)[:most])[0]
    return [rng.choice(_KINDS) for _ in range(number)]


def _moved(rng: Random, desk: Desk) -> Draft | None:
    """One object lies in another place: its box in both pictures."""
    pair = changed_pair(rng, desk, ["moved"])
    if pair is None:
        return None
    change = pair.changes[0]
    if change.before is None or change.after is None:
        return None
    slots = {"first": image_mark(1, 2), "second": image_mark(2, 2)}
    question = desk.words.phrase(rng, "difference-moved", slots)
    answer = [
        TruthBox.of(1, change.before, change.label),
        TruthBox.of(2, change.after, change.label),
    ]
    meaning = {"op": "changed", "images": [1, 2], "moved": True}
    return Draft(question, [pair.before, pair.after], answer, meaning, thinks=True)


def build(rng: Random, desk: Desk) -> Draft | None:
    """Changes to be boxed in one of the two pictures, or a move in both."""
    if desk.pool.made and rng.random() < 0.2:
        return _moved(rng, desk)
    pair = changed_pair(rng, desk, pick_kinds(rng))
    if pair is None:
        return None
    shots = [pair.before, pair.after]
    if rng.random() < 0.5:
        shots.reverse()
    image = rng.randint(1, 2)
    slots = {
        "first": image_mark(1, 2), "second": image_mark(2, 2),
        "where": image_mark(image, 2),
    }  # fmt: skip
    question = desk.words.phrase(rng, "difference", slots)
    answer = in_order(TruthBox.of(image, c.place, c.label) for c in pair.changes)
    return Draft(question, shots, answer, {"op": "changed", "images": [image]}, thinks=True)


BUILDER = Builder("difference", "semantic", build, writes=True)
