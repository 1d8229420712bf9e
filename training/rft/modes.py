"""Which rollout of a group thinks, which answers at once, and which may choose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ...policy.modes import Mode

Baseline = Literal["mode", "group"]
"""mode: a rollout whose prompt forces a mode is measured against those of its group that were asked
for the same, one that may choose, or is alone in its mode, against the whole group. group: all
against the whole group, as in stock GRPO."""

Choice = Literal["sampled", "both"]
"""How the auto prompt's rollouts begin. sampled: as the policy chooses, and all tokens of a rollout
share one advantage. both: by turns with the think and the direct tag, which has an advantage of its
own. Of what is sampled one mode dies out: the tag first moves for all questions together, and a
mode that is never sampled can't tell for which of them it would have been better. (R-4B, arXiv
2508.21113, begins rollouts of every question in both modes for that reason.)"""

Credit = Literal["rollout", "boxes"]
"""What the tokens of a box's corners are judged by. rollout: the whole answer's reward, as in stock
GRPO. boxes: what that box hits, beside the group's boxes in its picture; see `box_credit`."""

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class HybridShares(BaseModel):
    """How a group's G rollouts are divided; the rest, `1 - think - direct`, gets the auto prompt.

    One group holds all modes of one question, so that the advantage compares them with each other
    (bi-mode rollouts as in R-4B; the paper's own mixing rule is not known).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    think: Share = 0.375
    direct: Share = 0.375

    @model_validator(mode="after")
    def _at_most_one(self) -> HybridShares:
        if self.think + self.direct > 1.0 + 1e-9:
            raise ValueError(
                f"think and direct shares ({self.think:g} and {self.direct:g}) add up to more than "
                "1; one that is left out is 0.375"
            )
        return self

    def layout(self, group: int) -> tuple[Mode, ...]:
        """The mode of every slot of a group of `group` rollouts: think first, then direct, auto.

        Shares are rounded to whole slots; a share above 0 keeps at least one slot while there is
        room, so that no mode dies of rounding.
        """
        wanted = {
            "think": self.think,
            "direct": self.direct,
            "auto": max(0.0, 1.0 - self.think - self.direct),
        }
        exact = {mode: share * group for mode, share in wanted.items()}
        slots = {mode: int(value + 1e-9) for mode, value in exact.items()}
        by_rest = sorted(exact, key=lambda m: (-(exact[m] - slots[m]), list(exact).index(m)))
        for mode in by_rest[: group - sum(slots.values())]:
            slots[mode] += 1
        for mode in exact:
            rich = max(slots, key=lambda m: slots[m])
            if exact[mode] > 1e-9 and slots[mode] == 0 and slots[rich] > 1:
                slots[mode], slots[rich] = 1, slots[rich] - 1
        modes: tuple[Mode, ...] = ("think", "direct", "auto")
        return tuple(mode for mode in modes for _ in range(slots[mode]))


def begun(layout: Sequence[Mode]) -> tuple[Mode | None, ...]:
    """The mode in which each slot's rollout is begun, by turns; None for slots of a forced mode."""
    modes: list[Mode | None] = []
    turn = 0
    for mode in layout:
        modes.append(("think", "direct")[turn % 2] if mode == "auto" else None)
        turn += mode == "auto"
    return tuple(modes)
