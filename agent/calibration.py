"""Fitting the threshold below which a direct answer is thought over: accuracy against tokens.

Every labelled question is answered twice, directly and thinking. From these two answers, whatever
the threshold, it is known what `auto` would have answered and what it would have cost; so every
threshold is judged on the same answers, and nothing is asked again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from ..tools.boxes import GroundedBox, boxes_array
from ..tools.errors import DataError, GemvgError
from ..tools.geometry import iou_matrix, match_optimal
from ..tools.text import clean_text
from .answer import Answer
from .grounding_agent import GroundingAgent
from .pictures import PictureSource
from .question_form import expected_boxes
from .rules import EscalationRules

log = logging.getLogger("gemvg.agent")

CORRECT_IOU = 0.5
TOLERANCE = 0.005
"""Accuracy that may be given up for fewer tokens."""

ALWAYS = 1.01
"""A threshold above every probability: always think."""


@dataclass(frozen=True, slots=True)
class LabelledQuestion:
    """A question, its pictures, and the boxes that answer it."""

    query: str
    images: tuple[PictureSource, ...]
    answer: tuple[GroundedBox, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """One question answered both ways.

    Attributes:
        direct, think: accuracy of each answer, in [0, 1].
        direct_tokens, think_tokens: completion tokens of each.
        least: probability of the direct answer's least certain coordinate token, or None.
        doubtful: whether another rule escalates it, whatever the threshold.
    """

    direct: float
    think: float
    direct_tokens: int
    think_tokens: int
    least: float | None
    doubtful: bool

    def escalated(self, threshold: float) -> bool:
        """Whether `auto` would think at this threshold."""
        return self.doubtful or (self.least is not None and self.least < threshold)


@dataclass(frozen=True, slots=True)
class Point:
    """What a way of choosing gets: mean accuracy in [0, 1], mean completion tokens a question."""

    threshold: float
    accuracy: float
    tokens: float
    thinks: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """The fitted threshold and everything around it.

    Attributes:
        chosen: the point of the fitted threshold.
        curve: every distinct threshold, from trusting always to thinking always.
        direct, think: always the one, always the other.
        chooser: a perfect chooser of the better answer, the cheaper where both are equal.
        questions: how many there were.
    """

    chosen: Point
    curve: tuple[Point, ...]
    direct: Point
    think: Point
    chooser: Point
    questions: int

    def rules(self) -> EscalationRules:
        """The rules that the fit gives."""
        return EscalationRules(round(self.chosen.threshold, 6), calibrated=True)

    def facts(self) -> dict[str, float | int]:
        """What it was fitted on and what it gave, for the settings file."""
        return {
            "questions": self.questions,
            "accuracy": round(self.chosen.accuracy, 4),
            "accuracy_direct": round(self.direct.accuracy, 4),
            "accuracy_think": round(self.think.accuracy, 4),
            "accuracy_chooser": round(self.chooser.accuracy, 4),
            "tokens": round(self.chosen.tokens, 1),
            "tokens_direct": round(self.direct.tokens, 1),
            "tokens_think": round(self.think.tokens, 1),
        }


def accuracy(found: Sequence[GroundedBox], truth: Sequence[GroundedBox]) -> float:
    """F1 of boxes matched one to one at IoU 0.5 inside each picture; 1 where both are empty."""
    if not found and not truth:
        return 1.0
    right = 0
    for image in {box.image for box in truth}:
        mine = boxes_array(b.box for b in found if b.image == image)
        theirs = boxes_array(b.box for b in truth if b.image == image)
        if len(mine):
            right += len(match_optimal(iou_matrix(mine, theirs), CORRECT_IOU).rows)
    return 2.0 * right / (len(found) + len(truth))


async def run_trials(
    agent: GroundingAgent,
    questions: Sequence[LabelledQuestion],
    *,
    concurrency: int = 4,
    on_trial: Callable[[int], None] | None = None,
) -> list[Trial]:
    """Answer every question directly and thinking.

    Args:
        agent: whose policy is calibrated; its mode and rules are not used.
        questions: labelled.
        concurrency: questions under way at once.
        on_trial: told how many are done.

    Raises:
        DataError: every question failed.
    """
    agent = copy(agent)
    agent.options = replace(agent.options, logprobs=True)
    gate = asyncio.Semaphore(concurrency)
    done = 0

    async def one(question: LabelledQuestion) -> Trial | None:
        nonlocal done
        async with gate:
            try:
                direct = await agent.aask(question.query, question.images, mode="direct")
                think = await agent.aask(question.query, question.images, mode="think")
            except GemvgError as error:
                # Such as a picture that is missing: it must not cost what the others have spent.
                log.warning("a question is left out: %s", clean_text(str(error), 300))
                direct = think = None
        done += 1
        if on_trial is not None:
            on_trial(done)
        if not direct or not think or "failed" in (direct.status, think.status):
            return None
        return _trial(question, direct, think)

    trials = await asyncio.gather(*(one(question) for question in questions))
    kept = [trial for trial in trials if trial is not None]
    if not kept:
        raise DataError("no question could be answered.", "Try one of them with gemvg-agent ask.")
    return kept


def _trial(question: LabelledQuestion, direct: Answer, think: Answer) -> Trial:
    unread = direct.status in ("unparsable", "truncated")
    expected = expected_boxes(question.query, len(question.images))
    few = direct.status != "none" and len(direct.answer) < expected
    least = direct.usage.get("least_token_probability")
    return Trial(
        accuracy(direct.boxes(), question.answer),
        accuracy(think.boxes(), question.answer),
        int(direct.usage.get("completion_tokens", 0)),
        int(think.usage.get("completion_tokens", 0)),
        float(least) if least is not None else None,
        unread or few,
    )


def fit(trials: Sequence[Trial]) -> Calibration:
    """The cheapest threshold whose accuracy is within a tolerance of the best one's.

    Raises:
        DataError: no trials, or a backend that gives no token probabilities.
    """
    if not trials:
        raise DataError("there is no question to calibrate on.")
    values = sorted({t.least for t in trials if t.least is not None and not t.doubtful})
    if not values and not all(t.doubtful for t in trials):
        raise DataError(
            "the backend gives no token probabilities, so no threshold can be fitted.",
            "Use a server or a local model that gives log-probabilities.",
        )
    middles = [(a + b) / 2 for a, b in pairwise(values)]
    curve = [_point(trials, at) for at in (0.0, *middles, ALWAYS)]
    best = max(point.accuracy for point in curve)
    chosen = min(
        (p for p in curve if p.accuracy >= best - TOLERANCE),
        key=lambda p: (p.tokens, p.threshold),
    )
    n = len(trials)
    direct = Point(
        0.0, _mean([t.direct for t in trials]), _mean([t.direct_tokens for t in trials]), 0.0
    )
    think = Point(
        ALWAYS, _mean([t.think for t in trials]), _mean([t.think_tokens for t in trials]), 1.0
    )
    chooser = Point(
        float("nan"),
        _mean([max(t.direct, t.think) for t in trials]),
        _mean([t.think_tokens if t.think > t.direct else t.direct_tokens for t in trials]),
        _mean([t.think > t.direct for t in trials]),
    )
    return Calibration(chosen, tuple(curve), direct, think, chooser, n)


def _point(trials: Sequence[Trial], threshold: float) -> Point:
    """What `auto` gets at a threshold; an escalated question pays for both answers."""
    escalated = [t.escalated(threshold) for t in trials]
    pairs = list(zip(trials, escalated, strict=True))
    return Point(
        threshold,
        _mean([t.think if again else t.direct for t, again in pairs]),
        _mean([t.direct_tokens + (t.think_tokens if again else 0) for t, again in pairs]),
        _mean(escalated),
    )


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
