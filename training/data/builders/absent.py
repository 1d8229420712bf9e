"""Nothing to find: what is asked for is not there, though things like it are.

Demand: referential retrieval.
"""

from __future__ import annotations

from random import Random

from ..language.grammar import image_mark, label_slots
from ..language.words import ORDINALS
from .base import Builder, Desk, Draft, distractor, shots_with
from .spatial import RANKS


def _nowhere(rng: Random, desk: Desk) -> Draft | None:
    """X in none of the pictures."""
    label, total = desk.pool.label(rng), desk.count(rng)
    wants = [(distractor(rng, desk, label), (label,)) for _ in range(total)]
    shots = shots_with(rng, desk, wants)
    if shots is None:
        return None
    question = desk.words.phrase(rng, "retrieval-every", label_slots(label))
    return Draft(question, shots, [], {"op": "all", "labels": [label]})


def _not_here(rng: Random, desk: Desk) -> Draft | None:
    """X in another picture, but not in the one that the question names."""
    label, total = desk.pool.label(rng), desk.count(rng)
    image = rng.randint(1, total)
    wants = [
        (distractor(rng, desk, label), (label,)) if k == image else ({label: None}, ())
        for k in range(1, total + 1)
    ]
    shots = shots_with(rng, desk, wants)
    if shots is None:
        return None
    slots = label_slots(label) | {"image": image_mark(image, total)}
    if rng.random() < 0.5:
        question = desk.words.phrase(rng, "retrieval-in", slots)
        return Draft(question, shots, [], {"op": "all", "labels": [label], "images": [image]})
    word = rng.choice(sorted(RANKS))
    question = desk.words.phrase(rng, "retrieval-rank", slots | {"rank": word})
    meaning = {"op": "rank", "label": label, "image": image, "key": RANKS[word], "nth": 1}
    return Draft(question, shots, [], meaning)


def _too_few(rng: Random, desk: Desk) -> Draft | None:
    """The third X from the left where there are two."""
    label, total = desk.pool.label(rng), desk.count(rng)
    image, number = rng.randint(1, total), rng.choice((1, 2, 2))
    wants = [
        ({label: number}, ()) if k == image else (distractor(rng, desk, label), ())
        for k in range(1, total + 1)
    ]
    shots = shots_with(rng, desk, wants)
    if shots is None:
        return None
    nth, side = number + rng.randint(1, 2), rng.choice(("left", "right"))
    slots = label_slots(label) | {
        "image": image_mark(image, total), "order": ORDINALS[nth - 1], "side": side,
    }  # fmt: skip
    question = desk.words.phrase(rng, "retrieval-order", slots)
    meaning = {"op": "rank", "label": label, "image": image, "key": side, "nth": nth}
    return Draft(question, shots, [], meaning)


def build(rng: Random, desk: Desk) -> Draft | None:
    """One of the forms."""
    return rng.choices((_nowhere, _not_here, _too_few), (5, 4, 1))[0](rng, desk)


BUILDER = Builder("absent", "referential", build)
