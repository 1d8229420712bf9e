"""Building questions whose exact answers follow from the annotations alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from ...tools.boxes import Box
from . import phrasing
from .photos import Photo, Thing
from .sample import TASKS, Paste, PhotoQuestion, QuestionTask, Shot

GAP = 0.08
"""Share of the picture's side between neighbours in an order that leaves no doubt."""

SIZE_RATIO = 1.5
"""Area of one object over the next in size that leaves no doubt."""

TRIES = 400

_NUMBERS = ("", "", "two", "three", "four", "five", "six")


def build_questions(
    photos: Sequence[Photo], per_task: int, seed: int, tasks: Sequence[QuestionTask] = TASKS,
    pictures: int = 3,
) -> list[PhotoQuestion]:  # fmt: skip
    """Questions of every task, the same for the same photographs and seed.

    None at all where there are too few photographs, or nothing in them is annotated.

    Args:
        photos: to draw from; keep splits apart by passing one split.
        per_task: how many of each task at most; fewer where the photographs yield no more.
        seed: of the choices and wordings.
        tasks: which tasks.
        pictures: of a question, 2 to 6; a region is always among 3, a difference between 2.
    """
    questions: list[PhotoQuestion] = []
    for task in tasks:
        rng = random.Random(f"{seed}-{task}")
        made, seen = 0, set[str]()
        for _ in range(TRIES * per_task):
            if made == per_task:
                break
            question = _BUILDERS[task](photos, rng, pictures)
            if question is None:
                continue
            key = f"{question.query}{[s.photo.path.name for s in question.shots]}"
            if key not in seen:
                seen.add(key)
                questions.append(question)
                made += 1
    return questions


def _drawn(photos: Sequence[Photo], rng: random.Random, count: int) -> list[Photo] | None:
    """So many different photographs, or None where there are fewer."""
    return rng.sample(list(photos), count) if len(photos) >= count else None


def _retrieval(photos: Sequence[Photo], rng: random.Random, count: int) -> PhotoQuestion | None:
    """Every X (or X and Y) in some pictures, each of which shows it fairly or not at all."""
    shots = _drawn(photos, rng, count)
    if shots is None:
        return None
    labels = [c for c in sorted(set[str]().union(*(p.labels for p in shots)))
              if all(p.is_fair(c) or not p.of(c) for p in shots)]  # fmt: skip
    if not labels:
        return None
    chosen = rng.sample(labels, 2) if len(labels) > 1 and rng.random() < 0.25 else [
        rng.choice(labels)
    ]  # fmt: skip
    truth = [(i, t.box) for i, p in enumerate(shots, 1) for c in chosen for t in p.of(c)]
    slots = _noun_slots(rng, chosen[0])
    if len(chosen) == 2:
        other = _noun_slots(rng, chosen[1])
        slots |= {"two": other["one"], "twos": other["many"], "a2": other["a"]}
    query = _phrase(rng, "retrieval" if len(chosen) == 1 else "pair", slots, count)
    return PhotoQuestion("retrieval", query, tuple(map(Shot, shots)), tuple(truth))


def _absent(photos: Sequence[Photo], rng: random.Random, count: int) -> PhotoQuestion | None:
    """A class of which none of the pictures has any annotation."""
    shots = _drawn(photos, rng, count)
    if shots is None:
        return None
    there = set[str]().union(*(p.labels for p in shots))
    labels = sorted(set[str]().union(*(p.labels for p in photos)) - there)
    if not labels:
        return None
    query = _phrase(rng, "retrieval", _noun_slots(rng, rng.choice(labels)), count)
    return PhotoQuestion("absent", query, tuple(map(Shot, shots)), ())


def _common(photos: Sequence[Photo], rng: random.Random, count: int) -> PhotoQuestion | None:
    """Exactly one class is annotated in all pictures, fairly in each."""
    fair = sorted({c for p in photos for c in p.labels if p.is_fair(c)})
    if not fair:
        return None
    label = rng.choice(fair)
    having = [p for p in photos if p.is_fair(label)]
    if len(having) < count:
        return None
    shots = rng.sample(having, count)
    if set[str].intersection(*(set(p.labels) for p in shots)) != {label}:
        return None
    slots = {}
    asked = tuple(range(1, count + 1))
    rule = "common"
    if rng.random() < 0.3:
        index = rng.randint(1, count)
        asked, rule = (index,), "common_one"
        slots["pic"] = phrasing.picture_name(rng, index, count)
    truth = [(i, t.box) for i in asked for t in shots[i - 1].of(label)]
    query = _phrase(rng, rule, slots, count)
    return PhotoQuestion("common", query, tuple(map(Shot, shots)), tuple(truth))


def _reference(photos: Sequence[Photo], rng: random.Random, count: int) -> PhotoQuestion | None:
    """One of several by place or size in a named picture, where the order leaves no doubt."""
    shots = _drawn(photos, rng, count)
    if shots is None:
        return None
    index = rng.randint(1, count)
    photo = shots[index - 1]
    labels = sorted(c for c in photo.labels if photo.is_fair(c) and len(photo.of(c)) > 1)
    if not labels:
        return None
    label = rng.choice(labels)
    chosen = _chosen_one(photo, photo.of(label), rng)
    if chosen is None:
        return None
    rule, rank, thing = chosen
    slots = _noun_slots(rng, label)
    slots["nth"] = phrasing.nth(rng, rank)
    slots["pic"] = phrasing.picture_name(rng, index, count)
    slots["in"] = phrasing.in_picture(rng, index, count)
    slots["sel"] = phrasing.phrase(rng, rule, slots)
    slots["sel"] = slots["sel"][0].lower() + slots["sel"][1:]
    query = phrasing.phrase(rng, "reference", slots)
    order = (rule.removeprefix("nth_"), rank)
    return PhotoQuestion("reference", query, tuple(map(Shot, shots)), ((index, thing.box),), order)


def _chosen_one(
    photo: Photo, things: Sequence[Thing], rng: random.Random
) -> tuple[str, int, Thing] | None:
    """A rule of wording, a rank, and the object that they select without doubt."""
    rules = ["left", "right", "top", "bottom", "largest", "smallest", "nth_left", "nth_right"]
    rule = rng.choice(rules)
    if rule in ("largest", "smallest"):
        line = sorted(things, key=lambda t: t.box.area, reverse=rule == "largest")
        ratio = line[0].box.area / line[1].box.area
        clear = ratio >= SIZE_RATIO or ratio <= 1 / SIZE_RATIO
        return (rule, 1, line[0]) if clear else None
    side = rule.removeprefix("nth_")
    line = _in_order(photo, things, side)
    if line is None:
        return None
    if not rule.startswith("nth"):
        return rule, 1, line[0]
    if len(line) < 3:
        return None
    rank = rng.randint(2, min(len(line), 4))
    return rule, rank, line[rank - 1]


def _in_order(photo: Photo, things: Sequence[Thing], side: str) -> list[Thing] | None:
    """The objects from one side on, or None where near and middle edges disagree or are close."""
    sign = 1.0 if side in ("left", "top") else -1.0
    across = side in ("left", "right")
    extent = photo.width if across else photo.height

    def middle(thing: Thing) -> float:
        return sign * thing.box.center[0 if across else 1] / extent

    def near(thing: Thing) -> float:
        box = thing.box
        edges = (box.x1, box.x2) if across else (box.y1, box.y2)
        return sign * edges[0 if sign > 0 else 1] / extent

    line = sorted(things, key=middle)
    for a, b in pairwise(line):
        if middle(b) - middle(a) < GAP or near(b) - near(a) < GAP / 2:
            return None
    return line


def _region(photos: Sequence[Photo], rng: random.Random, _count: int) -> PhotoQuestion | None:
    """A part of one picture, scaled and recompressed, shown as a picture of its own."""
    shots = _drawn(photos, rng, 2)
    if shots is None:
        return None
    photo = shots[0]
    side = rng.uniform(0.2, 0.55)
    width, height = photo.width * side, photo.height * side * rng.uniform(0.75, 1.3)
    height = min(height, photo.height * 0.7)
    x = rng.uniform(0, photo.width - width)
    y = rng.uniform(0, photo.height - height)
    window = Box(
        float(round(x)), float(round(y)), float(round(x + width)), float(round(y + height))
    )
    scale = rng.uniform(0.7, 2.0)
    size = (max(64, round(window.width * scale)), max(64, round(window.height * scale)))
    crop = Shot(photo, window, size, quality=rng.randint(60, 95))
    order = [Shot(shots[0]), Shot(shots[1])]
    rng.shuffle(order)
    place = 3 if rng.random() < 0.6 else rng.randint(1, 2)
    order.insert(place - 1, crop)
    source = next(i for i, s in enumerate(order, 1) if s.is_file and s.photo is photo)
    slots = {
        "crop": phrasing.picture_name(rng, place, 3),
        "source": phrasing.picture_name(rng, source, 3),
    }
    query = phrasing.phrase(rng, "region", slots)
    return PhotoQuestion("region", query, tuple(order), ((source, window),))


def _difference(photos: Sequence[Photo], rng: random.Random, _count: int) -> PhotoQuestion | None:
    """Two pictures of one scene; the second has one object more, or one less."""
    if not photos:
        return None
    photo = rng.choice(list(photos))
    rule = rng.choice(["difference", "difference", "added", "removed"])
    erase = rule == "removed" or (rule == "difference" and rng.random() < 0.5)
    first = Shot(photo)
    if erase:
        things = [t for t in photo.things if _stands_alone(photo, t)]
        if not things:
            return None
        thing = rng.choice(things)
        second, box = Shot(photo, erase=thing, quality=rng.randint(75, 95)), thing.box
    else:
        paste = _paste(photo, photos, rng)
        if paste is None:
            return None
        second, box = Shot(photo, paste=paste, quality=rng.randint(75, 95)), paste.place
    slots = {"a": phrasing.picture_name(rng, 1, 2), "b": phrasing.picture_name(rng, 2, 2)}
    slots["a"] = slots["a"].replace("the last", "the first")
    query = phrasing.phrase(rng, rule, slots)
    return PhotoQuestion("difference", query, (first, second), ((2, box),))


def _stands_alone(photo: Photo, thing: Thing) -> bool:
    """Whole, of middling size and not overlapped, so that its box is what is missed."""
    if thing.crowd or not thing.polygons or not 0.01 <= photo.share(thing) <= 0.2:
        return False
    return all(
        other is thing or other.box.intersect(thing.box).area < 0.1 * thing.box.area
        for other in photo.things
        if not other.crowd
    )


def _paste(photo: Photo, photos: Sequence[Photo], rng: random.Random) -> Paste | None:
    """A whole object of another photograph, anywhere: its own box is what has changed."""
    donor = rng.choice(list(photos))
    things = [t for t in donor.things if _stands_alone(donor, t)]
    if donor is photo or not things:
        return None
    thing = rng.choice(things)
    area = rng.uniform(0.02, 0.12) * photo.width * photo.height
    scale = (area / thing.box.area) ** 0.5
    width, height = round(thing.box.width * scale), round(thing.box.height * scale)
    if width < 24 or height < 24 or width > photo.width * 0.8 or height > photo.height * 0.8:
        return None
    x, y = rng.randint(0, photo.width - width), rng.randint(0, photo.height - height)
    return Paste(donor, thing, Box(float(x), float(y), float(x + width), float(y + height)))


def _phrase(rng: random.Random, rule: str, slots: Mapping[str, str], pictures: int) -> str:
    """A wording for so many pictures; the grammar speaks of three."""
    return phrasing.phrase(rng, rule, slots).replace("three", _NUMBERS[pictures])


def _noun_slots(rng: random.Random, label: str) -> dict[str, str]:
    word = phrasing.everyday(rng, label)
    many = phrasing.plural(word)
    article = phrasing.article(word)
    return {"one": word, "many": many, "a": article}


_Builder = Callable[[Sequence[Photo], random.Random, int], PhotoQuestion | None]

_BUILDERS: dict[QuestionTask, _Builder] = {
    "retrieval": _retrieval,
    "common": _common,
    "reference": _reference,
    "region": _region,
    "absent": _absent,
    "difference": _difference,
}
