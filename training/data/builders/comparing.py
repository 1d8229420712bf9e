"""Reasoning by attribute, place and negation: colour, size, beside, without, except."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from ..language.grammar import image_mark, label_slots
from ..language.words import plural, with_article
from ..sample import TruthBox
from ..scenes.colour import colour_shares, colour_word
from ..shots import Shot
from .base import Desk, Draft, boxes, distractor, every, in_order, shots_with
from .spatial import SIZE_RATIO, pick_relation, stands


def _coloured(desk: Desk, shot: Shot, label: str) -> tuple[Shot, list[dict[str, float]]] | None:
    """The shot with the measured colours of one label's objects, and their shares of colours.

    None where some object has no mask to measure in.
    """
    pixels = desk.pool.pixels(shot)
    objects = list(shot.record.objects)
    shares: list[dict[str, float]] = []
    for k, o in enumerate(objects):
        if o.label != label:
            continue
        mask = desk.pool.mask(shot, k)
        if mask is None or not mask.any():
            return None
        found = colour_shares(pixels, mask)
        shares.append(found)
        objects[k] = replace(o, colour=colour_word(found))
    record = shot.record.with_objects(objects)
    return Shot(record, shot.pixels, shot.labels, shot.plan, shot.notes), shares


def colour(rng: Random, desk: Desk) -> Draft | None:
    """Every red X, where the others are clearly of other colours."""
    label, total = desk.pool.label(rng), desk.count(rng, 2, 3)
    # A colour word said of people would not be read as one of clothes.
    if label == "person":
        return None
    kin = distractor(rng, desk, label)
    wants = [({label: None}, ()) if k < 2 else (kin, (label,)) for k in range(total)]
    rng.shuffle(wants)
    shots = shots_with(rng, desk, wants)
    if shots is None:
        return None
    measured: list[Shot] = []
    shares: list[dict[str, float]] = []
    for shot in shots:
        found = _coloured(desk, shot, label)
        if found is None:
            return None
        measured.append(found[0])
        shares.extend(found[1])
    words = sorted({w for s in shares if (w := colour_word(s)) is not None})
    words = [w for w in words if all(_clear(s, w) for s in shares)]
    if not words or len(shares) < 2:
        return None
    word = rng.choice(words)
    question = desk.words.phrase(rng, "colour", label_slots(label) | {"colour": word})
    answer = in_order(
        TruthBox.of(k, o.box, label)
        for k, shot in enumerate(measured, 1)
        for o in shot.record.of(label)
        if o.colour == word
    )
    meaning = {"op": "colour", "label": label, "colour": word}
    return Draft(question, measured, answer, meaning, thinks=True)


def _clear(shares: dict[str, float], word: str) -> bool:
    """True where an object is clearly of a colour, or clearly not (under a tenth of it)."""
    return colour_word(shares) == word or shares.get(word, 0.0) < 0.1


def size(rng: Random, desk: Desk) -> Draft | None:
    """The X that fills most (or least) of its picture, among several pictures."""
    label, total = desk.pool.label(rng), desk.count(rng)
    shots = shots_with(rng, desk, [({label: None}, ()) for _ in range(total)])
    if shots is None:
        return None
    found = [
        (o.box.area / (s.record.width * s.record.height), o.box.area, k, o)
        for k, s in enumerate(shots, 1)
        for o in s.record.of(label)
    ]
    largest = rng.random() < 0.6
    found.sort(key=lambda item: item[0], reverse=largest)
    if len(found) < 2:
        return None
    first, second = found[0], found[1]
    ratio = first[0] / second[0] if largest else second[0] / first[0]
    if ratio < SIZE_RATIO:
        return None
    slots = label_slots(label) | {"extreme": "largest" if largest else "smallest"}
    question = desk.words.phrase(rng, "size", slots)
    meaning = {"op": "share", "label": label, "by": "largest" if largest else "smallest"}
    return Draft(question, shots, boxes(first[2], [first[3]]), meaning, thinks=True)


def beside(rng: Random, desk: Desk) -> Draft | None:
    """Every X on one side of the only Y of a picture."""
    label, anchor = desk.pool.label(rng), desk.pool.label(rng)
    if desk.pool.clash(label, anchor):
        return None
    total = desk.count(rng, 2, 3)
    image = rng.randint(1, total)
    number = rng.randint(1, 3) if desk.pool.made else None
    wants = [
        ({label: number, anchor: 1}, ()) if k == image else (distractor(rng, desk, label), ())
        for k in range(1, total + 1)
    ]
    shots = shots_with(rng, desk, wants)
    if shots is None:
        return None
    record = shots[image - 1].record
    relation, place = pick_relation(rng), record.of(anchor)[0].box
    sides = [(o, stands(o.box, place, relation.side)) for o in record.of(label)]
    if any(side is None for _, side in sides):
        return None
    slots = label_slots(label) | {
        "anchor": anchor, "relation": relation.words, "image": image_mark(image, total),
    }  # fmt: skip
    question = desk.words.phrase(rng, "beside", slots)
    answer = in_order(boxes(image, [o for o, side in sides if side]))
    meaning = {
        "op": "beside", "label": label, "anchor": anchor, "side": relation.side, "image": image,
    }  # fmt: skip
    return Draft(question, shots, answer, meaning, thinks=True)


def without(rng: Random, desk: Desk) -> Draft | None:
    """X, only in pictures that have no Y."""
    label, lacking = desk.pool.label(rng), desk.pool.label(rng)
    if desk.pool.clash(label, lacking):
        return None
    total = desk.count(rng)
    numbers = [rng.random() < 0.5 for _ in range(total)]
    if all(numbers) or not any(numbers):
        return None
    wants = [
        ({label: None, lacking: None}, ()) if both else ({label: None}, (lacking,))
        for both in numbers
    ]
    shots = shots_with(rng, desk, wants)
    if shots is None:
        return None
    slots = label_slots(label) | {
        "lackings": plural(lacking), "a_lacking": with_article(lacking),
    }  # fmt: skip
    question = desk.words.phrase(rng, "without", slots)
    answer = in_order(
        b
        for k, (shot, both) in enumerate(zip(shots, numbers, strict=True), 1)
        if not both
        for b in boxes(k, shot.record.of(label))
    )
    meaning = {"op": "without", "label": label, "lacking": lacking}
    return Draft(question, shots, answer, meaning, thinks=True)


def except_one(rng: Random, desk: Desk) -> Draft | None:
    """Every X but those of one picture."""
    label, total = desk.pool.label(rng), desk.count(rng)
    shots = shots_with(rng, desk, [({label: None}, ()) for _ in range(total)])
    if shots is None:
        return None
    image = rng.randint(1, total)
    slots = label_slots(label) | {"image": image_mark(image, total)}
    question = desk.words.phrase(rng, "except", slots)
    answer = [b for b in every(shots, {label}) if b.image != image]
    meaning = {
        "op": "all", "labels": [label], "images": [k for k in range(1, total + 1) if k != image],
        "except": image,
    }  # fmt: skip
    return Draft(question, shots, answer, meaning, thinks=True)
