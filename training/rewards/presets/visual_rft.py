"""Visual-RFT (arXiv 2503.01785, section 3.2): IoU, confidence and format of detections."""

from __future__ import annotations

import numpy as np

from ..batch import Floats, ScoredBatch
from ..format import tag_format
from ..preset import Preset


def _greedy(iou: Floats, order: list[int]) -> dict[int, float]:
    """IoU above .5 claimed by predictions in order, each truth once; by prediction index."""
    taken: set[int] = set()
    claimed: dict[int, float] = {}
    for row in order:
        free = [c for c in range(iou.shape[1]) if c not in taken and iou[row, c] > 0.5]
        if free:
            best = max(free, key=lambda c: float(iou[row, c]))
            taken.add(best)
            claimed[row] = float(iou[row, best])
    return claimed


def _claims(batch: ScoredBatch) -> list[tuple[dict[int, float], list[float]]]:
    found: list[tuple[dict[int, float], list[float]]] = []
    for rollout, iou, n, m in zip(
        batch.rollouts, batch.iou, batch.predicted, batch.true, strict=True
    ):
        pairs = iou[: int(n), : int(m)]
        given = [min(1.0, max(0.0, s)) if s == s else 0.0 for s in rollout.scores[: len(pairs)]]
        confidence = given + [1.0] * (len(pairs) - len(given))
        # Ties go to the better box, so that the order of the answer does not matter.
        best = pairs.max(axis=1) if pairs.size else np.zeros(len(pairs))
        order = sorted(range(len(pairs)), key=lambda i: (-confidence[i], -float(best[i])))
        found.append((_greedy(pairs, order), confidence))
    return found


def mean_iou(batch: ScoredBatch) -> Floats:
    """Sum of claimed IoUs over the greater of the two counts, (B,)."""
    total = np.asarray([sum(claimed.values()) for claimed, _ in _claims(batch)])
    return batch.if_empty(total / np.maximum(np.maximum(batch.true, batch.predicted), 1.0))


def confidence(batch: ScoredBatch) -> Floats:
    """Stated confidence (else 1) of the claimed boxes over the number of boxes, (B,).

    As published an unclaimed box earns 1 - c, so hundreds of boxes at confidence 0 are paid; here
    they only thin the term out.
    """
    values = [sum(given[i] for i in claimed) for claimed, given in _claims(batch)]
    return batch.if_empty(np.asarray(values) / np.maximum(batch.predicted, 1.0))


VISUAL_RFT = Preset(
    name="visual-rft",
    source=(
        "Visual-RFT, arXiv 2503.01785: greedy by confidence at IoU .5; IoU sum over max(#GT, "
        "#pred), confidence term, format. Mended: an unreadable answer to an empty truth earns 0, "
        "and boxes of low confidence are not paid for being wrong."
    ),
    terms={"iou": mean_iou, "confidence": confidence, "format": tag_format},
)
