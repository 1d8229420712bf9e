"""Questions of kinds that nano is not taught to answer about photographs: it says so instead.

Relations, conditions, counts, colours and the like, in words that it mostly knows: left to itself
it would read them as the nearest kind that it was taught, and name wrong boxes with confidence.
What it does not answer, another policy does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from ...policy.dialects.nano_tokens import UNKNOWN
from ..photo_questions.phrasing import (
    article,
    everyday,
    in_picture,
    phrase,
    picture_name,
    plural,
)
from .recording import PICTURES, Conversation

TASK = "beyond"

_GRAMMAR: dict[str, list[str]] = json.loads(
    Path(__file__).with_name("beyond.json").read_text("utf-8")
)


def beyond(
    number: int, pictures: Sequence[str], names: Sequence[str], seed: int
) -> Iterator[Conversation]:
    """Conversations in which nano says that it does not know.

    Args:
        number: how many.
        pictures: keys of photographs that are asked about.
        names: of things; two are named in a question.
        seed: of everything.
    """
    rng = Random(f"{seed}:{TASK}")
    for _ in range(number):
        count = min(rng.choice(PICTURES), len(pictures))
        one, two = (everyday(rng, name) for name in rng.sample(list(names), 2))
        first, second = rng.sample(range(1, count + 1), 2)
        slots = {
            "one": one, "many": plural(one), "a": article(one),
            "two": two, "twos": plural(two), "b": article(two),
            "pic": picture_name(rng, first, count), "other": picture_name(rng, second, count),
            "in": in_picture(rng, first, count), "box": str(_box(rng)),
        }  # fmt: skip
        question = phrase(rng, TASK, slots, _GRAMMAR)
        yield Conversation(TASK, question, tuple(rng.sample(list(pictures), count)), (), UNKNOWN)


def _box(rng: Random) -> list[int]:
    """A box in thousandths of a picture."""
    (x1, x2), (y1, y2) = (sorted(rng.sample(range(1001), 2)) for _ in range(2))
    return [x1, y1, x2, y2]
