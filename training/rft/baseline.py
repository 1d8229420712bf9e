"""What a rollout of a hybrid group is measured against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch

from ...policy.modes import Mode

EPSILON = 1e-4
"""Added to the spread before dividing, as TRL does."""

Scale = Literal["group", "batch", "none"]
"""What advantages are divided by: the spread of a group, of all groups of a step, or nothing."""


def scaled(advantages: torch.Tensor, rewards: torch.Tensor, scale: Scale) -> torch.Tensor:
    """Advantages (groups, G) divided as TRL divides its own."""
    if scale == "group":
        return advantages / (rewards.std(dim=1, keepdim=True) + EPSILON)
    if scale == "batch":
        return advantages / (rewards.std() + EPSILON)
    return advantages


def mode_shift(rewards: torch.Tensor, layout: Sequence[Mode], scale: Scale) -> torch.Tensor:
    """What turns advantages over the group's mean into those over the mode's mean, (groups, G).

    A prompt is part of the state, so a baseline may depend on it (Williams 1992): the expected
    gradient stays what it is. Its noise does not. Where a question can't be answered at once, every
    direct rollout lies below the mean of a group whose think rollouts are right; each step pushes
    down what was sampled, honest direct answers, and what is hardly ever sampled, thinking under
    the direct prompt, rises by default until the mode is dead.

    A rollout that is alone in its mode has no mean but itself, from which it could learn nothing:
    it stays measured against the group.

    Args:
        rewards: (groups, G) totals.
        layout: mode of each slot of a group, G long.
        scale: what advantages are divided by (TRL's `scale_rewards`).
    """
    shift = torch.zeros_like(rewards)
    if len(set(layout)) < 2:
        return shift
    mean = rewards.mean(dim=1, keepdim=True)
    for mode in ("think", "direct"):
        slots = torch.tensor([m == mode for m in layout], device=rewards.device)
        if int(slots.sum()) > 1:
            shift[:, slots] = mean - rewards[:, slots].mean(dim=1, keepdim=True)
    return scaled(shift, rewards, scale)
