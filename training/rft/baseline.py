"""What a rollout of a hybrid group is measured against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch

from ...policy.modes import Mode

EPSILON = 1e-4
"""Added to the spread before dividing, as TRL does."""


def mode_shift(
    rewards: torch.Tensor, layout: Sequence[Mode], scale: Literal["group", "batch", "none"]
) -> torch.Tensor:
    """What turns advantages over the group's mean into those over the mode's mean, (groups, G).

    A prompt is part of the state, so a baseline may depend on it (Williams 1992): the expected
    gradient stays what it is. Its noise does not. Where a question can't be answered at once, every
    direct rollout lies below the mean of a group whose think rollouts are right; each step pushes
    down what was sampled, honest direct answers, and what is hardly ever sampled, thinking under
    the direct prompt, rises by default until the mode is dead.

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
        if bool(slots.any()):
            shift[:, slots] = mean - rewards[:, slots].mean(dim=1, keepdim=True)
    if scale == "group":
        shift /= rewards.std(dim=1, keepdim=True) + EPSILON
    elif scale == "batch":
        shift /= rewards.std() + EPSILON
    return shift
