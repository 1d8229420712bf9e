"""Scores of a policy's own boxes: how probable their coordinate tokens were, or how many of several
samples agree. A score is never made up: a box for which neither can be said has none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..policy.dialect import Dialect, ReadContext, Reading
from ..policy.policy import Token
from ..tools.boxes import GroundedBox

_NUMBER = r"-?\d{1,6}(?:\.\d{1,6})?"
_BETWEEN = r"[\s,;()\[\]<>]{1,8}"
_BOX = re.compile(_BETWEEN.join(f"({_NUMBER})" for _ in range(4)))
_END_OF_THOUGHT = "</think>"
AGREEMENT_IOU = 0.5


@dataclass(frozen=True, slots=True)
class WrittenBox:
    """Four numbers of an answer and the probabilities of the tokens that wrote them."""

    numbers: tuple[float, float, float, float]
    logprobs: tuple[float, ...]

    @property
    def probability(self) -> float:
        """Geometric mean of its tokens' probabilities, in (0, 1]."""
        return math.exp(sum(self.logprobs) / len(self.logprobs))

    @property
    def least(self) -> float:
        """Probability of its least certain token, in (0, 1]."""
        return math.exp(min(self.logprobs))


def written_boxes(tokens: Sequence[Token]) -> list[WrittenBox]:
    """The boxes in a generated answer, thoughts left out, with their tokens' probabilities."""
    text = "".join(token.text for token in tokens)
    starts: list[int] = []
    at = 0
    for token in tokens:
        starts.append(at)
        at += len(token.text)
    found: list[WrittenBox] = []
    ends = [*starts[1:], at]
    for match in _BOX.finditer(text, text.rfind(_END_OF_THOUGHT) + 1):
        spans = [match.span(group) for group in range(1, 5)]
        logprobs = tuple(
            tokens[k].logprob
            for k in range(len(tokens))
            if any(starts[k] < stop and ends[k] > start for start, stop in spans)
        )
        if logprobs:
            a, b, c, d = (float(match.group(group)) for group in range(1, 5))
            found.append(WrittenBox((a, b, c, d), logprobs))
    return found


def least_certain(tokens: Sequence[Token] | None) -> float | None:
    """Probability of the least certain coordinate token of an answer; None where there is none."""
    return min((box.least for box in written_boxes(tokens or ())), default=None)


def token_scored(
    reading: Reading, tokens: Sequence[Token] | None, dialect: Dialect, context: ReadContext
) -> Reading:
    """A reading whose boxes carry the probability of their coordinate tokens, where known.

    Boxes are paired with what was written in order where the counts agree, and else by the numbers
    that the dialect would write for them.
    """
    written = written_boxes(tokens or ())
    bare = [box for box in reading.boxes if box.score is None]
    if not written or not bare:
        return reading
    if len(written) == len(reading.boxes):
        pairs = dict(enumerate(written))
    else:
        pairs = _paired(reading.boxes, written, dialect, context)
    return replace(
        reading,
        boxes=tuple(
            replace(box, score=round(pairs[k].probability, 6), score_kind="token-probability")
            if box.score is None and k in pairs
            else box
            for k, box in enumerate(reading.boxes)
        ),
    )


def _paired(
    boxes: Sequence[GroundedBox],
    written: Sequence[WrittenBox],
    dialect: Dialect,
    context: ReadContext,
) -> dict[int, WrittenBox]:
    """Written numbers by index of the box that they gave, where that can be told."""
    pairs: dict[int, WrittenBox] = {}
    for k, box in enumerate(boxes):
        try:
            match = _BOX.search(dialect.write([box], context))
        except ValueError:
            continue
        if match is None:
            continue
        own = [float(n) for n in match.groups()]
        for candidate in written:
            if all(abs(a - b) <= 1.5 for a, b in zip(own, candidate.numbers, strict=True)):
                pairs[k] = candidate
                break
    return pairs


def agreement_scored(reading: Reading, others: Sequence[Reading]) -> Reading:
    """A reading whose boxes carry the share of samples, itself included, that agree on them.

    A sample agrees where it has a box in the same picture with IoU of at least one half.
    """
    votes = len(others) + 1
    if not others:
        return reading

    def share(box: GroundedBox) -> float:
        agreeing = sum(
            any(
                found.image == box.image and found.box.iou(box.box) >= AGREEMENT_IOU
                for found in other.boxes
            )
            for other in others
        )
        return (agreeing + 1) / votes

    return replace(
        reading,
        boxes=tuple(
            box
            if box.score is not None
            else replace(box, score=round(share(box), 6), score_kind="agreement")
            for box in reading.boxes
        ),
    )
