"""Pages from the data engine's own builders: every task, in small composed pictures."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from random import Random

import numpy as np
from numpy.typing import NDArray

from ...policy.dialects.nano import boxes_as_tokens
from ...policy.modes import Mode
from ...tools.boxes import Box
from ..data.builders.base import Desk, Draft, relative
from ..data.builders.registry import BUILDERS
from ..data.language.grammar import grammar, label_slots
from ..data.sample import TASKS
from ..data.scenes.backgrounds import Backgrounds
from ..data.scenes.pool import ScenePool
from ..data.scenes.sprites import SmallSprites, SpriteLibrary
from ..data.scenes.vocabulary import vocabulary
from ..data.shots import Shot
from ..data.teacher.traces import conclusion_of, trace_of
from .composer import Composer, Scene, cell_objects
from .questions import Page, Place, Question, Reference, direct_or_auto

MOST_OBJECTS = 5
"""Objects in one picture; more are smaller than what a picture of 7 x 7 cells shows."""

MOST_BOXES = 8
"""Boxes of an answer that nano is taught to write."""

_ATTEMPTS = 60
_PAIRS = ("difference", "robust-difference", "correspondence")


def fits(task: str, pictures: int) -> bool:
    """Whether a task of the data engine can have so many pictures in composed scenes."""
    if task in _PAIRS:
        return pictures == 2
    return pictures >= (3 if task == "tracking" else 2)


class EnginePages:
    """Makes pages from drafts of the data engine.

    Args:
        library: object pictures.
        composer: its names are the ones in use.
        tasks: share of each task.
    """

    def __init__(
        self, library: SpriteLibrary, composer: Composer, tasks: Mapping[str, float] | None = None
    ) -> None:
        self._library, self._composer = library, composer
        shares = tasks or dict.fromkeys(TASKS, 1.0)
        self._tasks, self._shares = list(shares), list(shares.values())
        self._index = {name: k for k, name in enumerate(composer.names)}
        self._pools: dict[tuple[int, int], ScenePool] = {}

    def page(
        self,
        rng: Random,
        rows: int,
        columns: int,
        pictures: int = 2,
        questions: int = 1,
        task: str | None = None,
        mode: Mode | None = None,
        leave: Collection[str] = (),
    ) -> Page | None:
        """A page of so many pictures: a draft's question, then others about what is shown.

        Args:
            rng: the only source of chance.
            rows: cells down.
            columns: cells across.
            pictures: on the page.
            questions: in all.
            task: of the draft; drawn by share where None.
            mode: of the draft's question; drawn where None.
            leave: tasks that are not drawn.

        Returns:
            None where no draft of so many pictures came out.
        """
        fitting = [
            k for k, name in enumerate(self._tasks) if fits(name, pictures) and name not in leave
        ]
        if task is None and not fitting:
            return None
        chosen = task or self._tasks[rng.choices(fitting, [self._shares[k] for k in fitting])[0]]
        desk = Desk(self._pool(rows, columns), None, {"images": [pictures, pictures]})
        for _ in range(_ATTEMPTS):
            draft = BUILDERS[chosen].build(rng, desk)
            if draft is None or len(draft.shots) != pictures or len(draft.answer) > MOST_BOXES:
                continue
            scenes = tuple(self._scene(shot, rows, columns) for shot in draft.shots)
            asked = [drafted(rng, draft, chosen, mode)]
            asked += [q for q in (self._named(rng, draft.shots) for _ in range(questions - 1)) if q]
            return Page(scenes, tuple(asked))
        return None

    def _pool(self, rows: int, columns: int) -> ScenePool:
        cell = self._composer.cell
        if (rows, columns) not in self._pools:
            width, height = columns * cell, rows * cell
            self._pools[rows, columns] = ScenePool(
                "nano",
                SmallSprites(self._library, min(width, height) // 2),
                Backgrounds(),
                most=MOST_OBJECTS,
                labels=self._composer.names,
                size=(width, height),
            )
        return self._pools[rows, columns]

    def _scene(self, shot: Shot, rows: int, columns: int) -> Scene:
        """A shot in the page's cells; what its cells show is -2 where that is not known."""
        import cv2

        cell, objects = self._composer.cell, shot.record.objects
        pixels, labels = shot.pixels, shot.labels
        if pixels is None:
            raise ValueError("a composed scene without pixels")
        size = (columns * cell, rows * cell)
        if pixels.shape[:2] != (size[1], size[0]):
            pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
            labels = None
        boxes = shares_of(shot)
        if labels is None or not objects:
            cells = _cells_of_boxes(boxes, rows, columns)
        else:
            cells = cell_objects(labels, len(objects), cell)
        names = tuple(self._index[o.label] for o in objects)
        return Scene(pixels, names, boxes, cells)

    def _named(self, rng: Random, shots: Sequence[Shot]) -> Question | None:
        """Every thing of a name that is there, or of one that is not."""
        if any(not s.record.objects or s.record.unsure for s in shots):
            return None
        there = sorted({o.label for s in shots for o in s.record.objects})
        label = rng.choice(there)
        if rng.random() < 0.25:
            label = self._composer.names[rng.randrange(len(self._composer.names))]
            if vocabulary().clashes(label, there):
                return None
        places = _objects(shots, label)
        if len(places) > MOST_BOXES:
            return None
        words = grammar().phrase(rng, "retrieval-every", label_slots(label))
        return Question(words, direct_or_auto(rng), places, refers=(Reference(label, places),))


def drafted(rng: Random, draft: Draft, task: str, mode: Mode | None = None) -> Question:
    """A draft's question as nano is asked it; with a trace where thinking helps.

    Where thinking helps, think, direct and auto are asked equally often, and auto is taught both
    ways; elsewhere there is little to think over, so that a think prompt gets the conclusion alone.
    """
    trace = trace_of(draft) if draft.thinks else None
    modes: tuple[Mode, ...] = ("think", "direct", "auto")
    if not trace:
        modes = (*modes, "direct", "auto")
    chosen: Mode = mode or rng.choice(modes)
    thinks = chosen == "think" or (trace and chosen == "auto" and rng.random() < 0.5)
    places = tuple(
        (b.image, np.array(b.box, np.float32) / _scale(draft.shots[b.image - 1]))
        for b in draft.answer
    )
    thought = boxes_as_tokens(trace or conclusion_of(draft)) if thinks else None
    return Question(
        draft.question, chosen, places, thought=thought, task=task, refers=_references(draft)
    )


def _references(draft: Draft) -> tuple[Reference, ...]:
    """What the names and the pointers in a draft's question mean."""
    meaning = draft.meaning
    labels = [*meaning.get("labels", ()), *(meaning.get(k) for k in ("label", "anchor"))]
    found = [Reference(label, _objects(draft.shots, label)) for label in labels if label]
    for prompt in draft.prompts:
        shot = draft.shots[prompt.image - 1]
        marked = max(shot.record.objects, key=lambda o: o.box.iou(Box(*prompt.box)), default=None)
        if marked is None or prompt.form == "picture":
            continue
        place = (prompt.image, np.array(list(marked.box), np.float32) / _scale(shot))
        written = relative(Box(*prompt.box), shot.size)
        words = f"{prompt.colour} box" if prompt.form == "drawn" else boxes_as_tokens(written)
        found.append(Reference(words, (place,)))
    return tuple(found)


def _objects(shots: Sequence[Shot], label: str) -> tuple[Place, ...]:
    """Places of all objects of a label."""
    return tuple(
        (k, box)
        for k, shot in enumerate(shots, 1)
        for o, box in zip(shot.record.objects, shares_of(shot), strict=True)
        if o.label == label
    )


def shares_of(shot: Shot) -> NDArray[np.float32]:
    """(objects, 4) corners of a shot's objects as shares of its width and height."""
    boxes = np.array([list(o.box) for o in shot.record.objects], np.float32).reshape(-1, 4)
    return boxes / _scale(shot)


def _scale(shot: Shot) -> NDArray[np.float32]:
    width, height = shot.size
    return np.array([width, height, width, height], np.float32)


def _cells_of_boxes(boxes: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.int16]:
    """The smallest box that holds a cell's middle; -2 everywhere where no box is known."""
    cells = np.full((rows, columns), -1 if len(boxes) else -2, np.int16)
    y, x = (np.indices((rows, columns)) + 0.5) / np.array([rows, columns])[:, None, None]
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    for k in np.argsort(-areas):
        x1, y1, x2, y2 = boxes[k]
        cells[(x >= x1) & (x < x2) & (y >= y1) & (y < y2)] = k
    return cells
