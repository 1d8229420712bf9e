"""Reasoning by counting: most, fewest, exactly, how many, more than. Part of `reasoning.py`."""

from __future__ import annotations

from random import Random

from ..language.grammar import label_slots, number_word
from ..shots import Shot
from .base import Desk, Draft, boxes, distractor, every, in_order, shots_with


def _counted(rng: Random, desk: Desk, label: str, numbers: list[int]) -> list[Shot] | None:
    """Pictures with exactly so many of a label each (0: none)."""
    wants = [({label: n}, ()) if n else (distractor(rng, desk, label), (label,)) for n in numbers]
    return shots_with(rng, desk, wants)


def most_or_fewest(rng: Random, desk: Desk) -> Draft | None:
    """The picture with the most (or fewest, but some) X; all X there."""
    label, total = desk.pool.label(rng), desk.count(rng)
    fewest = rng.random() < 0.4
    numbers = [rng.randint(1 if fewest else 0, 5) for _ in range(total)]
    best = min(numbers) if fewest else max(numbers)
    if numbers.count(best) != 1 or best == 0:
        return None
    shots = _counted(rng, desk, label, numbers)
    if shots is None:
        return None
    image = numbers.index(best) + 1
    rule = "count-fewest" if fewest else "count-most"
    question = desk.words.phrase(rng, rule, label_slots(label))
    answer = in_order(boxes(image, shots[image - 1].record.of(label)))
    meaning = {"op": "count", "label": label, "by": "fewest" if fewest else "most"}
    return Draft(question, shots, answer, meaning, text=str(best), thinks=True)


def exactly(rng: Random, desk: Desk) -> Draft | None:
    """The one picture with exactly so many X."""
    label, total, number = desk.pool.label(rng), desk.count(rng), rng.randint(1, 4)
    others = [n for n in range(6) if n != number]
    numbers = [rng.choice(others) for _ in range(total)]
    image = rng.randint(1, total)
    numbers[image - 1] = number
    shots = _counted(rng, desk, label, numbers)
    if shots is None:
        return None
    slots = label_slots(label) | {"number": number_word(rng, number)}
    rule = "count-exactly-one" if number == 1 else "count-exactly"
    question = desk.words.phrase(rng, rule, slots)
    answer = in_order(boxes(image, shots[image - 1].record.of(label)))
    meaning = {"op": "count", "label": label, "by": "exactly", "number": number}
    return Draft(question, shots, answer, meaning, text=str(number), thinks=True)


def how_many(rng: Random, desk: Desk) -> Draft | None:
    """How many X in all; the number in words, every X as a box."""
    label, total = desk.pool.label(rng), desk.count(rng)
    numbers = [rng.randint(0, 4) for _ in range(total)]
    if not 1 <= sum(numbers) <= 10:
        return None
    shots = _counted(rng, desk, label, numbers)
    if shots is None:
        return None
    question = desk.words.phrase(rng, "count-how-many", label_slots(label))
    meaning = {"op": "count", "label": label, "by": "total"}
    return Draft(
        question, shots, every(shots, {label}), meaning, text=str(sum(numbers)), thinks=True
    )


def more_than(rng: Random, desk: Desk) -> Draft | None:
    """The one picture with more X than Y; both are in every picture."""
    first, second = desk.pool.label(rng), desk.pool.label(rng)
    if desk.pool.clash(first, second):
        return None
    total = desk.count(rng, 2, 3)
    image = rng.randint(1, total)
    wants: list[tuple[dict[str, int | None], tuple[str, ...]]] = []
    if desk.pool.made:
        for k in range(1, total + 1):
            few, many = rng.randint(1, 2), rng.randint(3, 4)
            wants.append(
                ({first: many if k == image else few, second: few if k == image else many}, ())
            )
    else:
        wants = [({first: None, second: None}, ()) for _ in range(total)]
    shots = shots_with(rng, desk, wants)
    if shots is None:
        return None
    more = [k for k, s in enumerate(shots, 1) if len(s.record.of(first)) > len(s.record.of(second))]
    if len(more) != 1:
        return None
    slots = label_slots(first) | label_slots(second, "2")
    question = desk.words.phrase(rng, "more", slots)
    answer = in_order(boxes(more[0], shots[more[0] - 1].record.of(first)))
    meaning = {"op": "more", "label": first, "than": second}
    return Draft(question, shots, answer, meaning, thinks=True)
