"""What the auto prompt's first tag, whether to think, is worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from ...policy.dialect import Dialect
from ...policy.modes import Mode
from ...tools.errors import TrainingError
from .baseline import Scale, scaled
from .modes import begun

SETTLED = 0.95
"""Chance of a tag from which nothing raises it further."""


def openings(layout: Sequence[Mode], dialect: Dialect, tokenizer: Any) -> list[list[int]]:
    """Token ids with which the rollout of each slot is begun; empty for slots of a forced mode.

    Raises:
        TrainingError: the dialect has no tag for one of the modes.
    """
    found: list[list[int]] = []
    for mode in begun(layout):
        tag = "" if mode is None else dialect.prefill(mode)
        if tag is None:
            raise TrainingError(
                f"the dialect {dialect.name} has no tag for {mode}.", "Set choice: sampled."
            )
        found.append(list(tokenizer(tag, add_special_tokens=False)["input_ids"]) if tag else [])
    return found


class ChoiceAdvantages(NamedTuple):
    """(groups, G) advantages of begun rollouts: of the tag, and of all that follows it.

    Zero in slots of a forced mode.
    """

    tag: torch.Tensor
    rest: torch.Tensor


def choice_advantages(
    rewards: torch.Tensor,
    bonus: torch.Tensor,
    layout: Sequence[Mode],
    scale: Scale,
    obeyed: torch.Tensor | None = None,
) -> ChoiceAdvantages:
    """Advantages of the auto prompt's rollouts where both modes are begun.

    The tag is measured by what its mode is worth in the group, the mean reward of all rollouts in
    that mode (forced ones that obeyed included: what follows a tag hardly depends on who wrote it),
    against the middle of both modes. So a question whose direct rollouts are as good as its
    reasoned ones moves nothing, and one that does better with thought moves its tag however seldom
    the policy itself would think. What follows is measured against its own mode.

    The better tag is raised and the other one let alone. Lowering it would raise all else that
    could stand there, under the prompt that demands it, too: there the weights are the same, and
    what is never sampled answers to no reward.

    Args:
        rewards: (groups, G) totals.
        bonus: (groups, G) added to the tag's advantage once that is scaled.
        layout: mode of each slot of a group, G long.
        scale: what advantages are divided by (TRL's `scale_rewards`).
        obeyed: (groups, G) whether a rollout is in the mode of its prompt; all are where None. One
            that is not says nothing of the mode that it left.
    """
    tag, rest = torch.zeros_like(rewards), torch.zeros_like(rewards)
    own = begun(layout)
    modes = [mode if first is None else first for mode, first in zip(layout, own, strict=True)]
    means: dict[str, torch.Tensor] = {}
    for mode in ("think", "direct"):
        slots = torch.tensor([m == mode for m in modes], device=rewards.device)
        if bool(slots.any()):
            means[mode] = _mean(rewards[:, slots], None if obeyed is None else obeyed[:, slots])
    middle = torch.stack(list(means.values())).mean(dim=0)
    for slot, mode in enumerate(own):
        if mode is not None:
            tag[:, slot] = means[mode] - middle
            rest[:, slot] = rewards[:, slot] - means[mode]
    raised = (scaled(tag, rewards, scale) + bonus).clamp(min=0)
    return ChoiceAdvantages(raised, scaled(rest, rewards, scale))


def _mean(rewards: torch.Tensor, counted: torch.Tensor | None) -> torch.Tensor:
    """(groups,) mean over the counted ones, over all of a group that has none."""
    if counted is None:
        return rewards.mean(dim=1)
    weights = torch.where(counted.any(dim=1, keepdim=True), counted, True).to(rewards)
    return (rewards * weights).sum(dim=1) / weights.sum(dim=1)


def settled_held(log_probs: torch.Tensor, begun_tokens: torch.Tensor) -> torch.Tensor:
    """The log-probabilities, without gradient for tags whose choice is made.

    A tag that is written for the policy would be pushed on for ever, and with it what the weights
    share.

    Args:
        log_probs: (rows, width).
        begun_tokens: (rows,) how many tokens of each row were written for the policy.
    """
    places = torch.arange(log_probs.shape[1], device=log_probs.device)
    settled = (places < begun_tokens[:, None]) & (log_probs.detach().exp() > SETTLED)
    return torch.where(settled, log_probs.detach(), log_probs)


def bonus_of_choice(
    right: torch.Tensor, direct: torch.Tensor, layout: Sequence[Mode], amount: float
) -> torch.Tensor:
    """(groups, G) what right auto rollouts get for answering directly, or lose for having thought.

    It is given where the direct answers of a group are right as often as the reasoned ones: equal
    quality goes to the cheaper mode (the idea of AdaptThink's delta, arXiv 2505.13417).

    Args:
        right: (groups, G) whether a rollout's answer is right.
        direct: (groups, G) whether it came without a thought.
        layout: mode of each slot of a group, G long.
        amount: the bonus.
    """
    auto = torch.tensor([m == "auto" for m in layout], device=right.device)
    reached, lost = _rate(right, direct), _rate(right, ~direct)
    # A comparison with an empty side is false: nothing is known of the mode that was not used.
    enough = ((reached >= lost) & (reached > 0)).unsqueeze(1) & right & auto
    return enough.float() * torch.where(direct, 1.0, -1.0) * amount


def _rate(right: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """(groups,) how many of the chosen rollouts are right; NaN where none is chosen."""
    return (right & chosen).sum(dim=1) / chosen.sum(dim=1)
