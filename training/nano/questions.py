"""Questions about composed scenes, with their answers as nano writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from ...policy.dialects.nano import EXTENT, NONE, STEP, coordinate, image_token
from ...policy.modes import Mode
from .composer import Composer, Scene

Place = tuple[int, NDArray[np.float32]]
"""(1-based picture, corners as shares of its width and height)."""


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A question and its true answer.

    Attributes:
        words: the question. mode: in which it is asked.
        places: the true boxes, by picture and then in the scene's order; empty: nothing is there.
        label: what stands after every box in the answer, or None.
    """

    words: str
    mode: Mode
    places: tuple[Place, ...]
    label: str | None = None

    @property
    def answer(self) -> str:
        """What the model is to write after `<answer>`, closing tag included."""
        tail = f" {self.label}" if self.label else ""
        items = "".join(f"{place_text(k, box)}{tail}" for k, box in self.places)
        return f"{items or NONE}</answer>"


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """Pictures that are shown together, and all that is asked about them."""

    scenes: tuple[Scene, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class AskedOf:
    """How pages are made.

    Attributes:
        pictures: on a page. questions: asked about it, packed into one sequence.
        absent: share of questions about a thing that is in none of the pictures.
        common: share of pages (of two pictures or more) that ask which object is in all of them.
        wordings: with `{label}`. common_wordings: of the question for the common object.
    """

    pictures: int = 1
    questions: int = 3
    absent: float = 0.25
    common: float = 0.0
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
            Question(rng.choice(how.common_wordings), _mode(rng), _places(scenes, k),
                     composer.names[k])
        )  # fmt: skip
    present = sorted({k for s in scenes for k in s.names})
    rng.shuffle(present)
    while len(questions) < how.questions:
        k = _absent(rng, composer, present) if rng.random() < how.absent else None
        if k is None:
            k = present[len(questions) % len(present)]
        words = rng.choice(how.wordings).replace("{label}", composer.names[k])
        questions.append(Question(words, _mode(rng), _places(scenes, k)))
    return Page(tuple(scenes), tuple(questions))


def place_text(image: int, box: NDArray[np.float32]) -> str:
    """One box as nano writes it, never empty."""
    numbers: list[int] = [0, 0, 0, 0]
    for axis in (0, 1):
        low, high = float(box[axis]) * EXTENT / STEP, float(box[axis + 2]) * EXTENT / STEP
        a, b = round(low), round(high)
        if a >= b:
            a = min(int((low + high) / 2), EXTENT // STEP - 1)
            b = a + 1
        numbers[axis], numbers[axis + 2] = a * STEP, b * STEP
    return image_token(image) + "".join(coordinate(n) for n in numbers)


def _mode(rng: Random) -> Mode:
    """Direct, where the prompt holds `<answer>`, or auto, where the model writes it."""
    return "direct" if rng.random() < 0.5 else "auto"


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
