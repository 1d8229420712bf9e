"""What builders share: the desk they work at, the draft they hand in, pointers, reading order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np

from ....tools.boxes import Box
from ..language.grammar import Grammar, grammar, image_mark
from ..record import Instance
from ..relations import Relations, relations
from ..sample import Demand, Task, TruthBox, VisualPrompt
from ..scenes.sprites import SpriteLibrary
from ..shots import Pool, Shot

DRAWN = {"red": (230, 25, 25), "green": (20, 200, 40), "blue": (30, 90, 255)}
"""Colours of drawn pointers, RGB."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What a builder works with.

    Attributes:
        pool: where pictures come from.
        sprites: objects to paste into photographs, or None.
        options: the recipe's own settings of the task (`images: [2, 4]`, ...).
    """

    pool: Pool
    sprites: SpriteLibrary | None = None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def words(self) -> Grammar:
        """The grammar."""
        return grammar()

    @property
    def relations(self) -> Relations:
        """The class relations."""
        return relations()

    def count(self, rng: Random, low: int = 2, high: int = 4) -> int:
        """How many pictures a sample has: the option `images`, or between low and high."""
        given = self.options.get("images")
        if isinstance(given, list) and len(given) == 2:
            low, high = max(low, int(given[0])), max(low, int(given[1]))
        return rng.randint(low, high)


@dataclass(slots=True)
class Draft:
    """A sample before its pictures are written. See `Sample` for the fields' meaning.

    Attributes:
        thinks: a trace would help (comparison, counting, difference, association).
    """

    question: str
    shots: list[Shot]
    answer: list[TruthBox]
    meaning: dict[str, Any]
    prompts: list[VisualPrompt] = field(default_factory=list[VisualPrompt])
    text: str | None = None
    thinks: bool = False


Build = Callable[[Random, Desk], Draft | None]
"""Makes one draft, or None where what was drawn did not fit; the caller tries again."""


@dataclass(frozen=True, slots=True)
class Builder:
    """A task's builder.

    Attributes:
        writes: True where pictures are always made, even from annotated photographs.
    """

    task: Task
    demand: Demand
    build: Build
    writes: bool = False


def boxes(image: int, objects: Iterable[Instance]) -> list[TruthBox]:
    """Truth boxes of objects of one picture."""
    return [TruthBox.of(image, o.box, o.label) for o in objects]


def in_order(answer: Iterable[TruthBox]) -> list[TruthBox]:
    """Reading order: by picture, then top to bottom in coarse rows, then left to right."""
    return sorted(answer, key=lambda b: (b.image, round(b.box[1] / 32), b.box[0], b.box[1]))


def every(shots: Sequence[Shot], labels: Collection[str]) -> list[TruthBox]:
    """Every object of these labels in all shots, in reading order."""
    found = [
        TruthBox.of(k, o.box, o.label)
        for k, shot in enumerate(shots, 1)
        for o in shot.record.objects
        if o.label in labels
    ]
    return in_order(found)


Want = tuple[Mapping[str, int | None], Collection[str]]
"""(labels to have, labels to lack) of one picture; see `Pool.draw`."""


def shots_with(rng: Random, desk: Desk, wants: Sequence[Want]) -> list[Shot] | None:
    """One shot for each (have, lack), no record twice; None where one can't be had."""
    shots: list[Shot] = []
    used: set[str] = set()
    for have, lack in wants:
        shot = desk.pool.draw(rng, have, lack, used)
        if shot is None:
            return None
        used.add(shot.record.name)
        shots.append(shot)
    return shots


def distractor(rng: Random, desk: Desk, label: str) -> dict[str, int | None]:
    """What to put in a picture that must lack a label: mostly something alike to it."""
    kin = desk.pool.kin(label)
    if kin and rng.random() < 0.6:
        return {kin[rng.randrange(len(kin))]: None}
    other = desk.pool.label(rng)
    return {} if desk.pool.clash(other, label) else {other: None}


def relative(box: Box, size: tuple[int, int]) -> str:
    """A box as questions write it: `[x1, y1, x2, y2]`, integers 0-1000 of the picture."""
    sx, sy = 1000.0 / size[0], 1000.0 / size[1]
    return str([round(box.x1 * sx), round(box.y1 * sy), round(box.x2 * sx), round(box.y2 * sy)])


@dataclass(slots=True)
class Pointer:
    """Words that point at an object, and the visual prompt behind them."""

    words: str
    prompt: VisualPrompt
    text: str | None

    def placed(self, question: str) -> VisualPrompt:
        """The prompt with the place of its box in the finished question."""
        if self.text is None:
            return self.prompt
        start = question.index(self.text)
        return self.prompt.model_copy(update={"span": (start, start + len(self.text))})


def point_at(
    rng: Random, desk: Desk, shots: list[Shot], image: int, box: Box, drawn: float = 0.5
) -> Pointer:
    """Point at a box of a picture: written in the question, or drawn on the picture.

    Args:
        rng: decides.
        desk: where the pixels come from.
        shots: of the draft; a drawn pointer replaces the pixels of shot `image`.
        image: 1-based.
        box: pixels of that shot.
        drawn: how often it is drawn where pictures are made anyway.
    """
    shot = shots[image - 1]
    where = image_mark(image, len(shots))
    x1, y1, x2, y2 = box.rounded()
    if (desk.pool.made or shot.pixels is not None) and rng.random() < drawn:
        colour = rng.choice(sorted(DRAWN))
        shots[image - 1] = with_drawn(desk, shot, box, colour)
        words = desk.words.part(rng, "pointer-drawn", {"colour": colour, "image": where})
        prompt = VisualPrompt(image=image, box=(x1, y1, x2, y2), form="drawn", colour=colour)
        return Pointer(words, prompt, None)
    text = relative(box, shot.size)
    words = desk.words.part(rng, "pointer-text", {"box": text, "image": where})
    prompt = VisualPrompt.model_construct(image=image, box=(x1, y1, x2, y2), form="text")
    return Pointer(words, prompt, text)


def pointable(shot: Shot, found: Instance) -> bool:
    """True where a box around an object marks that object alone."""
    return all(o is found or o.box.iou(found.box) < 0.75 for o in shot.record.objects)


def with_drawn(desk: Desk, shot: Shot, box: Box, colour: str) -> Shot:
    """A copy of a shot with a box drawn around an object, outside its edge where there is room."""
    import cv2

    pixels = desk.pool.pixels(shot).copy()
    thickness = max(2, round(min(shot.size) / 160))
    height, width = pixels.shape[:2]
    x1, y1 = max(0, int(box.x1) - thickness), max(0, int(box.y1) - thickness)
    x2, y2 = min(width - 1, int(np.ceil(box.x2))), min(height - 1, int(np.ceil(box.y2)))
    cv2.rectangle(pixels, (x1, y1), (x2, y2), DRAWN[colour], thickness)
    return Shot(shot.record, pixels, shot.labels, shot.plan, dict(shot.notes))


def certain(shot: Shot, label: str) -> bool:
    """True where every object of a label in a shot is annotated."""
    return shot.record.counts(label) is not None
