"""Questions about composed scenes, with their answers as nano writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...policy.dialects.nano_tokens import EXTENT, NONE, UNKNOWN, box_text, image_token
from ...policy.modes import Mode
from ..data.scenes.vocabulary import vocabulary
from .composer import Composer, Scene

Place = tuple[int, NDArray[np.float32]]
"""(1-based picture, corners as shares of its width and height)."""


class Reference(NamedTuple):
    """Words that stand in a question, and the places of all that they mean."""

    words: str
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A question and its true answer.

    Attributes:
        words: the question. mode: in which it is asked.
        places: the true boxes, in the order in which they are written; empty: nothing is there.
        label: what stands after every box in the answer, or None.
        thought: what is thought before the answer, or None.
        unknown: the question has words that nano does not know; it is to say so.
        refers: words of the question (names, boxes) with the places of what they mean.
        task: of the data engine, for counting apart, or None.
        script: all that follows the prompt, in pieces that are taught or (what tools said) not; in
            place of an answer. Empty: the answer follows.
    """

    words: str
    mode: Mode
    places: tuple[Place, ...]
    label: str | None = None
    thought: str | None = None
    unknown: bool = False
    refers: tuple[Reference, ...] = ()
    task: str | None = None
    script: tuple[tuple[str, bool], ...] = ()

    @property
    def answer(self) -> str:
        """What the model is to write after `<answer>`, closing tag included."""
        if self.unknown:
            return f"{UNKNOWN}</answer>"
        tail = f" {self.label}" if self.label else ""
        items = "".join(f"{place_text(k, box)}{tail}" for k, box in self.places)
        return f"{items or NONE}</answer>"

    @property
    def continuation(self) -> tuple[tuple[str, bool], ...]:
        """All that follows the prompt: (text, whether it is taught)."""
        if self.script:
            return self.script
        # The tag is taught where a mode demands it, too: not every server can begin an answer.
        thought = ""
        if self.thought or self.mode == "think":
            thought = f"<think>{self.thought or ''}</think>"
        return ((f"{thought}<answer>{self.answer}<|im_end|>", True),)


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """Pictures that are shown together, and all that is asked about them.

    Attributes:
        tools: names of the tools that are on offer.
    """

    scenes: tuple[Scene, ...]
    questions: tuple[Question, ...]
    tools: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AskedOf:
    """How pages are made.

    Attributes:
        pictures: on a page. questions: asked about it, packed into one sequence.
        absent: share of questions about a thing that is in none of the pictures.
        common: share of pages (of two pictures or more) that ask which object is in all of them.
        unknown: share of questions about a thing that has no name among the composer's.
        wordings: with `{label}`. common_wordings: of the question for the common object.
    """

    pictures: int = 1
    questions: int = 3
    absent: float = 0.25
    common: float = 0.0
    unknown: float = 0.0
    wordings: Sequence[str] = ("find the {label}",)
    common_wordings: Sequence[str] = ("which object is in all the images",)


def make_page(rng: Random, composer: Composer, rows: int, columns: int, how: AskedOf) -> Page:
    """A page of fresh scenes of rows x columns cells each."""
    ask_common = how.pictures > 1 and rng.random() < how.common
    shared = [rng.randrange(len(composer.names))] if ask_common else []
    scenes: list[Scene] = []
    for _ in range(how.pictures):
        others = [k for s in scenes for k in s.names if k not in shared] if shared else []
        scenes.append(composer.scene(rng, rows, columns, shared, others))
    questions: list[Question] = []
    for k in shared:
        questions.append(
            Question(rng.choice(how.common_wordings), direct_or_auto(rng), _places(scenes, k),
                     composer.names[k])
        )  # fmt: skip
    present = sorted({k for s in scenes for k in s.names})
    rng.shuffle(present)
    while len(questions) < how.questions:
        if rng.random() < how.unknown:
            words = rng.choice(how.wordings).replace("{label}", _stranger(rng, composer))
            questions.append(Question(words, direct_or_auto(rng), (), unknown=True))
            continue
        k = _absent(rng, composer, present) if rng.random() < how.absent else None
        if k is None:
            k = present[len(questions) % len(present)]
        words = rng.choice(how.wordings).replace("{label}", composer.names[k])
        places = _places(scenes, k)
        refers = (Reference(composer.names[k], places),)
        questions.append(Question(words, direct_or_auto(rng), places, refers=refers))
    return Page(tuple(scenes), tuple(questions))


def place_text(image: int, box: NDArray[np.float32]) -> str:
    """One box as nano writes it, never empty."""
    return image_token(image) + box_text([float(v) * EXTENT for v in box])


def direct_or_auto(rng: Random) -> Mode:
    """Direct, where the prompt holds `<answer>`, or auto, where the model writes it."""
    return "direct" if rng.random() < 0.5 else "auto"


def _stranger(rng: Random, composer: Composer) -> str:
    """A name that is not among the composer's: of another object, or of nothing."""
    if rng.random() < 0.5:
        return "".join(rng.choice("bcdfghjklmnpqrstvwxz") for _ in range(rng.randint(4, 9)))
    known, words = vocabulary(), set(" ".join(composer.names).split())
    while True:
        name = rng.choice(sorted(known.names))
        # `wine glass` and `glass of milk` share words, so no answer could be learnt from them.
        if not words & set(name.split()):
            return name


def _absent(rng: Random, composer: Composer, present: Sequence[int]) -> int | None:
    """A name of nothing that is shown, nor of what could be taken for it."""
    shown = set[int]().union(*(composer.clashing[k] for k in present))
    for _ in range(8):
        k = rng.randrange(len(composer.names))
        if k not in shown:
            return k
    return None


def _places(scenes: Sequence[Scene], name: int) -> tuple[Place, ...]:
    return tuple(
        (number, scene.boxes[at])
        for number, scene in enumerate(scenes, 1)
        for at, k in enumerate(scene.names)
        if k == name
    )
