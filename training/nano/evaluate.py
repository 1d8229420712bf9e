"""Held-out questions: new layouts of known objects, answered greedily and read by the dialect."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from random import Random
from typing import Any

import numpy as np

from ...policy.dialects.nano import parse_nano
from ...policy.dialects.nano_tokens import EXTENT
from ...policy.modes import Mode
from ...policy.parsing.raw import Parsed
from ...tools.boxes import Box, GroundedBox
from ..data.sample import TASKS
from ..data.teacher.episodes import f1
from .answers import write_answers
from .dense import dense_loss
from .engine import fits
from .packing import pack
from .questions import AskedOf, Page, Question, make_page
from .studio import Studio
from .tower import see

CHUNK = 50


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Results on held-out scenes with one question each.

    Attributes:
        questions: asked. accuracy: of those about one thing that is there, the share whose first
            box is in the right picture with IoU .5 or more. chance: what a perfect box round a
            random object of the page would reach. absent: share of questions about what is not
            there that were answered so. unreadable: share of answers that hold no answer.
        cells, cell_iou: class accuracy and mean IoU of the training heads on cells with an object.
    """

    questions: int
    accuracy: float
    chance: float
    absent: float
    unreadable: float
    cells: float
    cell_iou: float

    def as_record(self) -> dict[str, Any]:
        """As JSON-compatible data, rounded."""
        return {name: round(float(value), 4) for name, value in asdict(self).items()}


def evaluate(
    studio: Studio, number: int, pictures: int = 1, absent: float = 0.25, *, answers: bool = True
) -> HeldOut:
    """Ask held-out questions.

    Args:
        studio: with the weights to be looked at.
        number: of questions.
        pictures: on a page.
        absent: share about what is not there.
        answers: False looks at the cells alone.
    """
    import torch

    studio.model.eval()
    rows, columns = studio.grids[0]
    how = AskedOf(pictures, 1, absent, wordings=studio.recipe.wordings)
    marks: list[tuple[str, float]] = []
    chances: list[float] = []
    dense: list[tuple[float, float]] = []
    for first in range(0, number, CHUNK):
        rng = Random(f"{studio.recipe.seed}:held-out:{pictures}:{first}")
        pages = [
            make_page(rng, studio.composer, rows, columns, how)
            for _ in range(min(CHUNK, number - first))
        ]
        batch = pack(pages, studio.prompts, answers=False).to(studio.device)
        with torch.no_grad():
            tokens, _ = see(studio.model.model.visual, batch.pixels)
            found = dense_loss(studio.heads, tokens, batch)
        dense.append((found.accuracy, found.iou))
        written = write_answers(studio.model, batch, studio.prompts.end) if answers else []
        for page, ids in zip(pages, written, strict=False):
            marks.append(mark(page.questions[0], read_ids(studio.tokenizer, ids)))
            if len(page.questions[0].places) == 1:
                chances.append(_chance(page))
    studio.model.train()

    def share(kind: str) -> float:
        values = [value for name, value in marks if name == kind]
        return float(np.mean(values)) if values else 0.0

    unreadable = float(np.mean([value < 0 for _, value in marks] or [0.0]))
    marks = [(name, max(0.0, value)) for name, value in marks]
    cells, overlap = (float(np.mean([d[k] for d in dense])) for k in (0, 1))
    return HeldOut(
        number, share("one"), float(np.mean(chances or [0.0])), share("absent"), unreadable,
        cells, overlap,
    )  # fmt: skip


def evaluate_tasks(
    studio: Studio, per_task: int, mode: Mode = "direct", longest: int = 48
) -> dict[str, float]:
    """F1 at IoU .5 by task of the data engine, on held-out scenes of two or three pictures.

    Args:
        studio: with the weights to be looked at.
        per_task: questions of each task.
        mode: in which all are asked.
        longest: tokens of an answer at most, thinking included.
    """
    studio.model.eval()
    rows, columns = studio.grids[0]
    found: dict[str, float] = {}
    for task in TASKS:
        scores: list[float] = []
        pictures = 2 if fits(task, 2) else 3
        for first in range(0, per_task, CHUNK):
            rng = Random(f"{studio.recipe.seed}:held-out:{task}:{first}")
            number = min(CHUNK, per_task - first)
            pages = [
                page
                for _ in range(number)
                if (page := studio.engine.page(rng, rows, columns, pictures, 1, task, mode))
            ]
            batch = pack(pages, studio.prompts, answers=False).to(studio.device)
            written = write_answers(studio.model, batch, studio.prompts.end, longest)
            for page, ids in zip(pages, written, strict=True):
                scores.append(f1_of(page.questions[0], read_ids(studio.tokenizer, ids)))
        found[task] = float(np.mean(scores))
    studio.model.train()
    return found


def f1_of(question: Question, answer: Parsed) -> float:
    """F1 at IoU .5 in the right picture, matched one to one; 1 where both say nothing is there."""
    if not answer.boxes and not answer.none:
        return 0.0
    given = [
        GroundedBox(b.image or 0, Box(*b.numbers)) for b in answer.boxes if b.numbers is not None
    ]
    truth = [GroundedBox(k, Box(*(float(v) * EXTENT for v in box))) for k, box in question.places]
    return f1(given, truth)


def read_ids(tokenizer: Any, ids: list[int]) -> Parsed:
    """An answer's token ids as the dialect reads them."""
    text = str(tokenizer.decode(ids, clean_up_tokenization_spaces=False))
    text = text.rpartition("</think>")[2].removeprefix("<answer>")
    return parse_nano(text.partition("</answer>")[0])


def mark(question: Question, answer: Parsed) -> tuple[str, float]:
    """Kind of question (`one`, `many`, `absent`) and 1 right, 0 wrong, -1 no readable answer."""
    kind = ("absent", "one")[len(question.places)] if len(question.places) < 2 else "many"
    if not answer.boxes and not answer.none:
        return kind, -1.0
    if kind == "absent":
        return kind, float(answer.none)
    if not answer.boxes or answer.boxes[0].numbers is None:
        return kind, 0.0
    first = answer.boxes[0]
    near = any(
        first.image == picture and _iou(np.array(first.numbers) / EXTENT, box) >= 0.5
        for picture, box in question.places
    )
    return kind, float(near)


def _chance(page: Page) -> float:
    """Share of the page's objects whose box would count as the answer."""
    [(picture, true)] = page.questions[0].places
    hits = [
        float(number == picture and _iou(box, true) >= 0.5)
        for number, scene in enumerate(page.scenes, 1)
        for box in scene.boxes
    ]
    return float(np.mean(hits))


def _iou(a: Any, b: Any) -> float:
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    common = float(np.prod(np.clip(high - low, 0, None)))
    union = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - common
    return common / union if union > 0 else 0.0
