"""Credit of single boxes: coordinates are judged by the box that they make."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import torch

from ...policy.parsing.tags import split_parts
from ...tools.geometry import iou_matrix, match_optimal
from ..rewards.rollout import BoxSet, Floats, Rollout

SPREAD = 0.2
"""An IoU that is better than its like by this counts as one spread of the rewards of a group."""

AGAIN = 0.5
"""IoU from which a box of an answer is one that its thought named before."""

CORNERS = 4
"""Numbers of a box."""

_NUMBER = r"-?\d+(?:\.\d+)?"
_RUN = re.compile(rf"(?:<c\d+>)+|{_NUMBER}(?:[\s,()\[\]]+{_NUMBER})*")
"""Numbers in a row, as dialects write them: nano's tokens, or digits and brackets."""

_ONE = re.compile(rf"<c(\d+)>|({_NUMBER})")


class WrittenBox(NamedTuple):
    """A box in a completion.

    Attributes:
        tokens: where its corners stand. numbers: what they say, in the dialect's own units.
    """

    tokens: range
    numbers: tuple[float, ...]


def judged_by_box(
    advantages: torch.Tensor,
    ids: Sequence[Sequence[int]],
    piece: Callable[[int], str],
    rollouts: Sequence[Rollout],
    truths: Sequence[BoxSet],
    group: int,
) -> torch.Tensor:
    """Advantages in which the coordinates of an answer have those of their own box.

    One advantage for a whole rollout blames the corners of four good boxes for a fifth, and of all
    tokens corners are sampled with the most noise. They decide nothing but what their own box hits,
    so that is what they are judged by (reward to go, as far as a box's worth is its own); the other
    tokens (which picture, how many, what is thought) keep the rollout's advantage.

    Where a thought names a box and the answer names it again, the thought has chosen: its corners
    have the credit of the answer's. All other corners of a thought are nobody's answer and are
    judged by nothing.

    Args:
        advantages: (rows, width).
        ids: tokens of each row, padded at the end or not.
        piece: text of one token.
        rollouts: what was read in each row. A row whose boxes can't be told apart in its tokens
            keeps its advantages.
        truths: the true boxes of each row's question, in the space of the answers' boxes.
        group: rows of one question stand next to each other, so many of them.

    Returns:
        (rows, width), in memory of its own.
    """
    found = advantages.clone()
    for first in range(0, len(ids), group):
        rows = range(first, min(first + group, len(ids)))
        credits = box_credits([rollouts[row] for row in rows], truths[first])
        for row, own in zip(rows, credits, strict=True):
            thought, answered = written_boxes([piece(token) for token in ids[row]])
            if not rollouts[row].readable or len(answered) != len(own):
                continue
            for boxes, worth in ((thought, _again(thought, answered, own)), (answered, own)):
                for box, credit in zip(boxes, worth, strict=True):
                    found[row, box.tokens.start : box.tokens.stop] = float(credit)
    return found


def box_credits(rollouts: Sequence[Rollout], truth: BoxSet) -> list[Floats]:
    """What each box of a group's answers is worth beside its like.

    A box is worth its IoU with the true box that it is matched with, one to one within its answer,
    and nothing where it is matched with none: on the wrong thing, or a second one on the same. It
    is measured against all boxes in its picture by rollouts that came to it in the same way (with
    a thought or without). The measure must not look at what the box was meant for: that is what
    the first corner decides, and a box on the right thing has earned all that it is better than
    those on wrong ones.

    Args:
        rollouts: of one question.
        truth: its true boxes.

    Returns:
        For each answer (n,), in spreads. A box that has no like gets 0.
    """
    answers = [rollout.answer for rollout in rollouts]
    sizes = [len(answer) for answer in answers]
    if not sum(sizes):
        return [np.empty(0) for _ in answers]
    worth = np.concatenate([_hits(answer, truth) for answer in answers])
    images = np.concatenate([answer.images for answer in answers])
    thought = np.repeat([rollout.thought for rollout in rollouts], sizes)
    credit = np.zeros(len(worth))
    for like in {(int(image), bool(way)) for image, way in zip(images, thought, strict=True)}:
        own = (images == like[0]) & (thought == like[1])
        credit[own] = (worth[own] - worth[own].mean()) / SPREAD
    return np.split(credit, np.cumsum(sizes)[:-1])


def _hits(answer: BoxSet, truth: BoxSet) -> Floats:
    """(n,) IoU of each box with the true box it is matched with; 0 without one."""
    same = answer.images[:, None] == truth.images[None, :]
    pairs = match_optimal(iou_matrix(answer.boxes, truth.boxes) * same)
    worth = np.zeros(len(answer))
    worth[pairs.rows] = pairs.values
    return worth


def _again(thought: Sequence[WrittenBox], answered: Sequence[WrittenBox], own: Floats) -> Floats:
    """(n,) credits of a thought's boxes: those of the answer's boxes that name them again."""
    if not thought or not answered:
        return np.zeros(len(thought))
    before, after = (np.asarray([box.numbers for box in some]) for some in (thought, answered))
    iou = iou_matrix(before, after)
    return np.where(iou.max(axis=1) >= AGAIN, own[iou.argmax(axis=1)], 0.0)


def written_boxes(pieces: Sequence[str]) -> tuple[list[WrittenBox], list[WrittenBox]]:
    """The boxes of a completion: in its thoughts, and in its answer.

    Args:
        pieces: texts of its tokens, in order.
    """
    text = "".join(pieces)
    ends = list(accumulate(map(len, pieces)))
    parts = split_parts(text)
    begin = len(text) if parts.answer is None else parts.start
    thought: list[WrittenBox] = []
    answered: list[WrittenBox] = []
    for match in _RUN.finditer(text):
        numbers = tuple(float(token or plain) for token, plain in _ONE.findall(match.group()))
        if len(numbers) != CORNERS:
            continue
        # The token that holds a character is the first one that ends behind it.
        span = range(bisect_right(ends, match.start()), bisect_left(ends, match.end()) + 1)
        (thought if match.start() < begin else answered).append(WrittenBox(span, numbers))
    return thought, answered
