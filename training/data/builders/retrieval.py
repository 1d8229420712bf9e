"""Group retrieval: find what a text names, in whichever pictures it is. Demand: referential."""

from __future__ import annotations

from random import Random

from ..language.grammar import image_mark, label_slots
from ..language.words import ORDINALS, is_plural
from ..sample import TruthBox
from ..shots import Shot
from .base import Builder, Desk, Draft, Want, boxes, distractor, every, in_order, shots_with
from .spatial import RANKS, first_by, ranked


def _every(rng: Random, desk: Desk) -> Draft | None:
    """Every X in several pictures; some have none of it."""
    label, total = desk.pool.label(rng), desk.count(rng)
    holders = rng.randint(1, total)
    wants = [({label: None}, ()) for _ in range(holders)]
    wants += [(distractor(rng, desk, label), (label,)) for _ in range(total - holders)]
    rng.shuffle(wants)
    shots = shots_with(rng, desk, wants)
    if shots is None:
        return None
    question = desk.words.phrase(rng, "retrieval-every", label_slots(label))
    return Draft(question, shots, every(shots, {label}), {"op": "all", "labels": [label]})


def _two(rng: Random, desk: Desk) -> Draft | None:
    """Every X and every Y."""
    first, second = desk.pool.label(rng), desk.pool.label(rng)
    if desk.pool.clash(first, second):
        return None
    wants: list[Want] = [({first: None}, (second,)), ({second: None}, (first,))]
    if desk.count(rng) > 2:
        wants.append((distractor(rng, desk, first), (first, second)))
    rng.shuffle(wants)
    shots = shots_with(rng, desk, wants)
    if shots is None:
        return None
    slots = label_slots(first) | label_slots(second, "2")
    question = desk.words.phrase(rng, "retrieval-two", slots)
    meaning = {"op": "all", "labels": sorted((first, second))}
    return Draft(question, shots, every(shots, {first, second}), meaning)


def _which(rng: Random, desk: Desk) -> Draft | None:
    """The one picture that has X."""
    label, total = desk.pool.label(rng), desk.count(rng)
    holder = rng.randrange(total)
    wants = [
        ({label: None}, ()) if k == holder else (distractor(rng, desk, label), (label,))
        for k in range(total)
    ]
    shots = shots_with(rng, desk, wants)
    if shots is None:
        return None
    answer = every(shots, {label})
    one = len(answer) == 1 and not is_plural(label)
    rule = "retrieval-which" if one else "retrieval-which-many"
    question = desk.words.phrase(rng, rule, label_slots(label))
    return Draft(question, shots, answer, {"op": "all", "labels": [label], "which": True})


def _among(
    rng: Random, desk: Desk, label: str, number: int | None
) -> tuple[list[Shot], int] | None:
    """Pictures of which one (its 1-based index) has so many X; others may have X too."""
    total = desk.count(rng)
    image = rng.randint(1, total)
    wants = [
        ({label: number}, ())
        if k == image
        else (({label: None}, ()) if rng.random() < 0.4 else (distractor(rng, desk, label), ()))
        for k in range(1, total + 1)
    ]
    shots = shots_with(rng, desk, wants)
    return None if shots is None else (shots, image)


def _within(rng: Random, desk: Desk) -> Draft | None:
    """Every X in one named picture, while others may have X too."""
    label = desk.pool.label(rng)
    found = _among(rng, desk, label, None)
    if found is None:
        return None
    shots, image = found
    slots = label_slots(label) | {"image": image_mark(image, len(shots))}
    question = desk.words.phrase(rng, "retrieval-in", slots)
    answer = in_order(boxes(image, shots[image - 1].record.of(label)))
    return Draft(question, shots, answer, {"op": "all", "labels": [label], "images": [image]})


def _rank(rng: Random, desk: Desk) -> Draft | None:
    """The leftmost, largest, second from the left ... X of one named picture."""
    label = desk.pool.label(rng)
    found = _among(rng, desk, label, rng.choice((2, 3, 3, 4)))
    if found is None:
        return None
    shots, image = found
    shot = shots[image - 1]
    objects = shot.record.of(label)
    slots = label_slots(label) | {"image": image_mark(image, len(shots))}
    if len(objects) >= 3 and rng.random() < 0.5:
        side = rng.choice(("left", "right"))
        order = ranked(objects, side, shot.size)
        nth = rng.randint(1, len(objects) - 1)
        if order is None:
            return None
        slots |= {"order": ORDINALS[nth], "side": side}
        question = desk.words.phrase(rng, "retrieval-order", slots)
        chosen, key = order[nth], side
    else:
        word = rng.choice(sorted(RANKS))
        key, nth = RANKS[word], 0
        first = first_by(objects, key, shot.size)
        if first is None:
            return None
        chosen = first
        question = desk.words.phrase(rng, "retrieval-rank", slots | {"rank": word})
    meaning = {"op": "rank", "label": label, "image": image, "key": key, "nth": nth + 1}
    return Draft(question, shots, boxes(image, [chosen]), meaning)


def _phrase(rng: Random, desk: Desk) -> Draft | None:
    """What a person's description fits (RefCOCO, D3); other pictures surely hold no such thing."""
    label, total = desk.pool.label(rng), desk.count(rng)
    shot = desk.pool.draw(rng, {label: None})
    if shot is None:
        return None
    phrases = [(p, o) for o in shot.record.of(label) for p in o.phrases]
    if not phrases:
        return None
    phrase, _ = rng.choice(phrases)
    described = all(o.label in o.phrases for o in shot.record.of(label))
    used, shots = {shot.record.name}, [shot]
    for _ in range(total - 1):
        other = desk.pool.draw(rng, {}, (label,), used)
        if other is None:
            return None
        used.add(other.record.name)
        shots.append(other)
    rng.shuffle(shots)
    answer = in_order(
        TruthBox.of(k, o.box, o.label)
        for k, s in enumerate(shots, 1)
        for o in s.record.objects
        if phrase in o.phrases
    )
    rule = "retrieval-described" if described else "retrieval-phrase"
    if not described and len(answer) != 1:
        return None
    question = desk.words.phrase(rng, rule, {"phrase": phrase})
    return Draft(question, shots, answer, {"op": "phrase", "phrase": phrase})


def build(rng: Random, desk: Desk) -> Draft | None:
    """One of the forms; descriptions where the option `phrases` says how often."""
    if rng.random() < float(desk.options.get("phrases", 0.0)):
        return _phrase(rng, desk)
    form = rng.choices((_every, _two, _which, _within, _rank), (4, 1, 2, 2, 3))[0]
    return form(rng, desk)


BUILDER = Builder("retrieval", "referential", build)
