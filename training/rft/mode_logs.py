"""Shares, lengths and quality of a step's rollouts, by mode."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..rewards.rollout import Rollout

CHOSEN = "modes/auto/think_share"
"""How often auto rollouts thought."""


def mode_logs(rollouts: Sequence[Rollout], quality: Iterable[float]) -> dict[str, float]:
    """Means by the mode that was asked for, named as they are logged."""
    sums: dict[str, list[float]] = {}
    for rollout, worth in zip(rollouts, quality, strict=True):
        sums.setdefault(f"modes/{rollout.asked}/quality", []).append(float(worth))
        sums.setdefault(f"modes/{rollout.asked}/tokens", []).append(float(rollout.tokens))
        if rollout.asked == "auto":
            sums.setdefault(CHOSEN, []).append(float(rollout.thought))
    return {name: sum(values) / len(values) for name, values in sums.items()}
