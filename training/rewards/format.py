"""Format: the answer has the form that its mode asked for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .batch import Floats, ScoredBatch
from .rollout import Rollout


def thinks_as_asked(rollout: Rollout) -> bool:
    """Whether it thought exactly if its prompt asked for that; `auto` leaves the choice."""
    return rollout.asked == "auto" or rollout.thought == (rollout.asked == "think")


def _format(rollout: Rollout) -> float:
    if not rollout.readable or not rollout.well_formed or rollout.status == "partial":
        return 0.0
    return float(thinks_as_asked(rollout))


def in_mode(term: Callable[[ScoredBatch], Floats]) -> Callable[[ScoredBatch], Floats]:
    """A term that pays only for answers in the mode that was asked for.

    Where the format is but one summand, a policy gains by thinking under the direct prompt: it
    gives up one term and wins the others, and the direct mode dies.
    """

    def paid(batch: ScoredBatch) -> Floats:
        kept = np.asarray([thinks_as_asked(rollout) for rollout in batch.rollouts], dtype=np.bool_)
        return np.where(kept, term(batch), 0.0)

    return paid


def format_reward(batch: ScoredBatch) -> Floats:
    """1 for a well-formed answer in the mode that was asked for, else 0, (B,).

    A direct answer that thinks is as wrong as a reasoned one that doesn't: otherwise one mode
    drifts into the other and the hybrid group loses its contrast. `auto` accepts either.
    """
    return np.asarray([_format(rollout) for rollout in batch.rollouts], dtype=np.float64)


def tag_format(batch: ScoredBatch) -> Floats:
    """1 for a readable, well-formed answer that thought as asked, else 0, (B,).

    The published format rewards pay for a thought, since every prompt of theirs asks for one. Paid
    under the direct prompt too, it would train the direct mode away.
    """
    return np.asarray(
        [float(r.readable and r.well_formed and thinks_as_asked(r)) for r in batch.rollouts]
    )
