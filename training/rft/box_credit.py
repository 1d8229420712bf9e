"""Credit of single boxes: coordinates are judged by the box that they make."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ...policy.parsing.tags import split_parts
from ...tools.geometry import iou_matrix, match_optimal
from ..rewards.rollout import BoxSet, Floats, Rollout

SPREAD = 0.2
"""An IoU that is better than expected by this counts as one spread of the rewards of a group."""

AGAIN = 0.5
"""IoU from which a box of an answer is one that its thought named before."""

EVEN = 0.375
"""What a box must be worth to pay for itself. Where the reward is recall plus precision, one more
box adds as much to recall if it hits as it takes from precision if it does not, so it pays from an
even chance; of a hit of .75, which is a usual one."""

CORNERS = 4
"""Numbers of a box."""

_NUMBER = r"-?\d+(?:\.\d+)?"
_RUN = re.compile(rf"(?:<c\d+>)+|{_NUMBER}(?:[\s,()\[\]]+{_NUMBER})*")
"""Numbers in a row, as dialects write them: nano's tokens, or digits and brackets."""

_ONE = re.compile(rf"<c(\d+)>|({_NUMBER})")

_PICTURE = re.compile(r"image\W{0,3}_?(\d+)", re.IGNORECASE)
"""The picture that the boxes behind it lie in, as dialects write it."""


class WrittenBox(NamedTuple):
    """A box in a completion.

    Attributes:
        tokens: where its corners stand. second: the first token that belongs to x2 y2 alone.
        numbers: what they say, in the dialect's own units.
        image: the picture that was named last before it; 0 where none was.
    """

    tokens: range
    second: int
    numbers: tuple[float, ...]
    image: int


class BoxCredit(NamedTuple):
    """What the corners of n boxes are worth, in spreads.

    Attributes:
        first: (n,) of x1 y1, which choose the thing. second: (n,) of x2 y2, which only bound it.
    """

    first: Floats
    second: Floats


def judged_by_box(
    advantages: torch.Tensor,
    ids: Sequence[Sequence[int]],
    piece: Callable[[int], str],
    rollouts: Sequence[Rollout],
    truths: Sequence[BoxSet],
    group: int,
    factors: Sequence[float] | None = None,
) -> torch.Tensor:
    """Advantages in which the coordinates of an answer have those of their own box.

    One advantage for a whole rollout blames the corners of four good boxes for a fifth, and of all
    tokens corners are sampled with the most noise. They are judged by what they decide (reward to
    go, `box_credits`); the other tokens (which picture, how many, what is thought) keep the
    rollout's advantage.

    Where a thought names a box and the answer names it again in the same picture, the thought has
    chosen: its corners have the credit of the answer's. All other corners of a thought are nobody's
    answer and are judged by nothing.

    Args:
        advantages: (rows, width).
        ids: tokens of each row, padded at the end or not.
        piece: text of one token.
        rollouts: what was read in each row. A row whose boxes can't be told apart in its tokens
            keeps its advantages.
        truths: the true boxes of each row's question, in the space of the answers' boxes.
        group: rows of one question stand next to each other, so many of them.
        factors: of each row, with which its advantages were multiplied.

    Returns:
        (rows, width), in memory of its own.
    """
    found = advantages.clone()
    for begin in range(0, len(ids), group):
        rows = range(begin, min(begin + group, len(ids)))
        credits = box_credits([rollouts[row] for row in rows], truths[begin])
        for row, own in zip(rows, credits, strict=True):
            thought, answered = written_boxes([piece(token) for token in ids[row]])
            if not rollouts[row].readable or len(answered) != len(own.first):
                continue
            factor = 1.0 if factors is None else factors[row]
            for boxes, worth in ((thought, _again(thought, answered, own)), (answered, own)):
                for box, first, second in zip(boxes, worth.first, worth.second, strict=True):
                    found[row, box.tokens.start : box.second] = factor * float(first)
                    found[row, box.second : box.tokens.stop] = factor * float(second)
    return found


def box_credits(rollouts: Sequence[Rollout], truth: BoxSet) -> list[BoxCredit]:
    """What the corners of each box of a group's answers are worth beside what was to be expected.

    A box is worth its IoU with the true box that it is matched with, one to one within its answer,
    and nothing where it is matched with none: on the wrong thing, or a second one on the same.

    Answers list things in the order in which they stand in a picture, so x1 y1 choose a thing and
    with it what will not be named any more. They are judged by all that this box and the later ones
    in its picture are worth, each beyond `EVEN`: what is hard is worth naming from an even chance.
    Judged by their own box alone they would learn to leave out all that is harder than the next
    thing. Measured against the mean of the same over the answers that came to this picture in the
    same way (with a thought or without), as far as it falls to true boxes that the earlier boxes
    have not hit; where none is left they can choose nothing.

    x2 y2 can only bound what was chosen, and are measured against the boxes that were matched with
    the same true box; those of a box that hits nothing decide nothing.

    Args:
        rollouts: of one question.
        truth: its true boxes.

    Returns:
        One for each answer.
    """
    answers = [rollout.answer for rollout in rollouts]
    hits = [_hits(answer, truth) for answer in answers]
    credits = [BoxCredit(np.zeros(len(one)), np.zeros(len(one))) for one in answers]
    for image in {int(image) for answer in answers for image in answer.images}:
        here = truth.images == image
        for way in (False, True):
            own = [
                (hit, np.flatnonzero(answer.images == image), credit)
                for rollout, answer, hit, credit in zip(
                    rollouts, answers, hits, credits, strict=True
                )
                if rollout.thought == way and (answer.images == image).any()
            ]
            _judge([(hit[rows][:, here], rows, credit) for hit, rows, credit in own])
    return credits


def _judge(own: Sequence[tuple[Floats, NDArray[np.intp], BoxCredit]]) -> None:
    """Fill in the credits of the answers in one picture: hits (boxes, truths), rows, credits."""
    if not own:
        return
    every = np.concatenate([hit for hit, _, _ in own])
    truths = every.shape[1]
    if not truths:
        return
    times = (every > 0.0).sum(axis=0)
    # Boxes that hit nothing are expected by each truth alike.
    astray = len(every) - times.sum()
    mean = (every.sum(axis=0) - EVEN * (times + astray / truths)) / len(own)
    drawn = every.sum(axis=0) / np.maximum(times, 1)
    for hit, rows, credit in own:
        to_go = (hit.sum(axis=1) - EVEN)[::-1].cumsum()[::-1]
        taken = np.vstack([np.zeros((1, hit.shape[1]), bool), hit > 0.0])[:-1]
        left = ~np.logical_or.accumulate(taken, axis=0)
        worth = to_go - (left * mean).sum(axis=1)
        credit.first[rows] = np.where(left.any(axis=1), worth, 0.0) / SPREAD
        credit.second[rows] = ((hit - drawn) * (hit > 0.0)).sum(axis=1) / SPREAD


def _hits(answer: BoxSet, truth: BoxSet) -> Floats:
    """(n, m) IoU of each box with the true box that it is matched with, all else 0."""
    same = answer.images[:, None] == truth.images[None, :]
    pairs = match_optimal(iou_matrix(answer.boxes, truth.boxes) * same)
    worth = np.zeros((len(answer), len(truth)))
    worth[pairs.rows, pairs.cols] = pairs.values
    return worth


def _again(
    thought: Sequence[WrittenBox], answered: Sequence[WrittenBox], own: BoxCredit
) -> BoxCredit:
    """Credits of a thought's boxes: those of the answer's boxes that name them again."""
    if not thought or not answered:
        return BoxCredit(np.zeros(len(thought)), np.zeros(len(thought)))
    before, after = (np.asarray([box.numbers for box in some]) for some in (thought, answered))
    images, shown = (np.asarray([box.image for box in some]) for some in (thought, answered))
    iou = iou_matrix(before, after) * (images[:, None] == shown[None, :])
    named, at = iou.max(axis=1) >= AGAIN, iou.argmax(axis=1)
    return BoxCredit(np.where(named, own.first[at], 0.0), np.where(named, own.second[at], 0.0))


def written_boxes(pieces: Sequence[str]) -> tuple[list[WrittenBox], list[WrittenBox]]:
    """The boxes of a completion: in its thoughts, and in its answer.

    Args:
        pieces: texts of its tokens, in order.
    """
    text = "".join(pieces)
    ends = list(accumulate(map(len, pieces)))
    parts = split_parts(text)
    begin = len(text) if parts.answer is None else parts.start
    pictures = [(match.end(), int(match.group(1))) for match in _PICTURE.finditer(text)]
    thought: list[WrittenBox] = []
    answered: list[WrittenBox] = []
    for match in _RUN.finditer(text):
        ones = list(_ONE.finditer(match.group()))
        if len(ones) != CORNERS:
            continue
        # The token that holds a character is the first one that ends behind it.
        span = range(bisect_right(ends, match.start()), bisect_left(ends, match.end()) + 1)
        second = bisect_right(ends, match.start() + ones[1].end() - 1) + 1
        named = [image for end, image in pictures if end <= match.start()]
        box = WrittenBox(
            span,
            second,
            tuple(float(one[1] or one[2]) for one in ones),
            named[-1] if named else 0,
        )
        (thought if match.start() < begin else answered).append(box)
    return thought, answered
