"""Credit of single boxes: coordinates are judged by the box that they make."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate

import numpy as np
import torch

from ...policy.parsing.tags import split_parts
from ...tools.geometry import iou_matrix
from ..rewards.rollout import BoxSet, Floats, Rollout

SPREAD = 0.2
"""An IoU that is better than its like by this counts as one spread of the rewards of a group."""

AIMED = 0.1
"""IoU with a true box from which a box was meant for it."""

CORNERS = 4
"""Numbers of a box."""

_NUMBER = r"-?\d+(?:\.\d+)?"
_RUN = re.compile(rf"(?:<c\d+>)+|{_NUMBER}(?:[\s,()\[\]]+{_NUMBER})*")
"""Numbers in a row, as dialects write them: nano's tokens, or digits and brackets."""

_ONE = re.compile(rf"<c\d+>|{_NUMBER}")


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
    tokens corners are sampled with the most noise. They decide nothing but how well their own box
    lies, so that is what they are judged by (reward to go, as far as a box's worth is its own):
    the other tokens (which picture, how many, what is thought) keep the rollout's advantage. The
    corners in a thought are nobody's answer and are judged by nothing.

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
        credits = box_credits([rollouts[row].answer for row in rows], truths[first])
        for row, own in zip(rows, credits, strict=True):
            thought, answered = corner_tokens([piece(token) for token in ids[row]])
            if not rollouts[row].readable or len(answered) != len(own):
                continue
            for span in thought:
                found[row, span.start : span.stop] = 0.0
            for span, credit in zip(answered, own, strict=True):
                found[row, span.start : span.stop] = float(credit)
    return found


def box_credits(answers: Sequence[BoxSet], truth: BoxSet) -> list[Floats]:
    """What each box of a group's answers is worth beside its like.

    A box is measured against those of the group that were meant for the same true box, by IoU; one
    that was meant for none against all boxes in its picture. One that has no like gets 0.

    Args:
        answers: of one question's rollouts.
        truth: its true boxes.

    Returns:
        For each answer (n,), in spreads.
    """
    sizes = [len(answer) for answer in answers]
    if not sum(sizes):
        return [np.empty(0) for _ in answers]
    boxes = np.concatenate([answer.boxes for answer in answers])
    images = np.concatenate([answer.images for answer in answers])
    iou = iou_matrix(boxes, truth.boxes) * (images[:, None] == truth.images[None, :])
    best = iou.max(axis=1, initial=0.0)
    aim = np.where(best >= AIMED, iou.argmax(axis=1) if len(truth) else 0, -1)
    worth = np.zeros(len(best))
    for index in range(len(best)):
        near = images == images[index]
        like = near if aim[index] < 0 else near & (aim == aim[index])
        worth[index] = (best[index] - best[like].mean()) / SPREAD
    return np.split(worth, np.cumsum(sizes)[:-1])


def corner_tokens(pieces: Sequence[str]) -> tuple[list[range], list[range]]:
    """Where boxes' corners stand in a completion: in its thoughts, and in its answer.

    Args:
        pieces: texts of its tokens, in order.

    Returns:
        The tokens of each box, first to last.
    """
    text = "".join(pieces)
    ends = list(accumulate(map(len, pieces)))
    parts = split_parts(text)
    begin = len(text) if parts.answer is None else parts.start
    thought: list[range] = []
    answered: list[range] = []
    for match in _RUN.finditer(text):
        if len(_ONE.findall(match.group())) != CORNERS:
            continue
        # The token that holds a character is the first one that ends behind it.
        span = range(bisect_right(ends, match.start()), bisect_left(ends, match.end()) + 1)
        (thought if match.start() < begin else answered).append(span)
    return thought, answered
