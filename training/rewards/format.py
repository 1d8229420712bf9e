"""Format: the answer has the form that its mode asked for."""

from __future__ import annotations

import numpy as np

from .batch import Floats, ScoredBatch
from .rollout import Rollout


def _format(rollout: Rollout) -> float:
    if not rollout.readable or not rollout.well_formed or rollout.status == "partial":
        return 0.0
    if rollout.asked == "auto":
        return 1.0
    return float(rollout.thought == (rollout.asked == "think"))


def format_reward(batch: ScoredBatch) -> Floats:
    """1 for a well-formed answer in the mode that was asked for, else 0, (B,).

    A direct answer that thinks is as wrong as a reasoned one that doesn't: otherwise one mode
    drifts into the other and the hybrid group loses its contrast. `auto` accepts either.
    """
    return np.asarray([_format(rollout) for rollout in batch.rollouts], dtype=np.float64)
