"""Further questions about photographs that nano is taught, and in further words.

The question set that measures keeps its wordings; people ask in more ways. What is in one picture
only is asked for, and what all pictures share where they share nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

from ..photo_questions import Photo, PhotoQuestion, Shot
from ..photo_questions.phrasing import (
    GRAMMAR,
    article,
    everyday,
    in_picture,
    phrase,
    picture_name,
    plural,
)
from .recording import PICTURES, Conversation, Recorder, renamed

_FRAMES: dict[str, list[str]] = json.loads(
    Path(__file__).with_name("more_questions.json").read_text("utf-8")
)

TOGETHER = 20
"""Questions about photographs under the same names."""


def record_more(
    photos: Sequence[Photo], recorder: Recorder, number: int, seed: int, names: Sequence[str]
) -> Iterator[Conversation]:
    """Conversations about such questions, `number` asked of each kind.

    Args:
        photos: of the training split.
        recorder: asks, and keeps the pictures.
        number: of questions.
        seed: of everything.
        names: the classes of the annotation.
    """
    kinds: tuple[tuple[str, _Build], ...] = (
        ("retrieval", _everywhere), ("several", _several), ("one", _in_one),
        ("common", _nothing_shared),
    )  # fmt: skip
    for task, build in kinds:
        rng = Random(f"{seed}:more:{build.__name__}")
        given: list[Photo] = []
        asked = 0
        while asked < number:
            if asked % TOGETHER == 0:
                given = renamed(photos, names, rng)
            question = build(given, rng, rng.choice(PICTURES))
            if question is None:
                continue
            asked += 1
            kept = recorder.ask(question)
            if kept is not None:
                yield replace(kept, task=task)


_Build = Callable[[Sequence[Photo], Random, int], PhotoQuestion | None]


def _everywhere(photos: Sequence[Photo], rng: Random, count: int) -> PhotoQuestion | None:
    """Every thing of a class, in all pictures."""
    shots = rng.sample(list(photos), count)
    label = _class_of(rng.choice(shots), shots, rng)
    if label is None:
        return None
    truth = tuple((k, t.box) for k, p in enumerate(shots, 1) for t in p.of(label))
    query = phrase(rng, "everywhere", _slots(rng, label, 1, count), _FRAMES)
    return PhotoQuestion("retrieval", query, tuple(map(Shot, shots)), truth)


def _several(photos: Sequence[Photo], rng: Random, count: int) -> PhotoQuestion | None:
    """Every thing of two or three classes, in all pictures."""
    shots = rng.sample(list(photos), count)
    labels = list(dict.fromkeys(_class_of(rng.choice(shots), shots, rng) for _ in range(3)))
    if len(labels) < 3 or None in labels:
        return None
    slots = _slots(rng, labels[0] or "", 1, count)
    for place, label in zip(("two", "three"), labels[1:], strict=True):
        word = everyday(rng, label or "")
        slots |= {place: word, f"{place}s": plural(word)}
    rule = rng.choice(_FRAMES["several"])
    asked = labels if "{three" in rule else labels[:2]
    truth = tuple(
        (k, t.box) for k, p in enumerate(shots, 1) for label in asked for t in p.of(label or "")
    )
    query = phrase(rng, "this", slots, {**_FRAMES, "this": [rule]})
    return PhotoQuestion("retrieval", query, tuple(map(Shot, shots)), truth)


def _in_one(photos: Sequence[Photo], rng: Random, count: int) -> PhotoQuestion | None:
    """Every thing of a class in one picture; the others may show some, too."""
    shots = rng.sample(list(photos), count)
    index = rng.randint(1, count)
    label = _class_of(shots[index - 1], shots[index - 1 : index], rng)
    if label is None:
        return None
    truth = tuple((index, t.box) for t in shots[index - 1].of(label))
    query = phrase(rng, "one", _slots(rng, label, index, count), _FRAMES)
    return PhotoQuestion("retrieval", query, tuple(map(Shot, shots)), truth)


def _nothing_shared(photos: Sequence[Photo], rng: Random, count: int) -> PhotoQuestion | None:
    """What all pictures share, where no class is in all of them."""
    shots = rng.sample(list(photos), count)
    if set[str].intersection(*(set(p.labels) for p in shots)):
        return None
    slots = {"pic": picture_name(rng, rng.randint(1, count), count)}
    query = phrase(rng, rng.choice(("common", "common_one")), slots, GRAMMAR)
    return PhotoQuestion("common", query, tuple(map(Shot, shots)), ())


def _class_of(photo: Photo, shots: Sequence[Photo], rng: Random) -> str | None:
    """A class that a picture shows, and that is annotated fairly wherever it is."""
    fair = [c for c in photo.labels if all(p.is_fair(c) or not p.of(c) for p in shots)]
    return rng.choice(sorted(fair)) if fair else None


def _slots(rng: Random, label: str, index: int, count: int) -> dict[str, str]:
    one = everyday(rng, label)
    return {
        "one": one, "many": plural(one), "a": article(one),
        "pic": picture_name(rng, index, count), "in": in_picture(rng, index, count),
    }  # fmt: skip
