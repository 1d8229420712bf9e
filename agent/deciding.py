"""How the policy is asked: think or direct, all pictures at once or one by one, and asking anew."""

from __future__ import annotations

from dataclasses import dataclass

from ..policy.modes import Mode, UsedStrategy
from ..tools.errors import UsageError
from .episode import Episode
from .state import EpisodeState


@dataclass(frozen=True, slots=True)
class Decision:
    """How the policy is asked next, and the reason, which the answer tells."""

    mode: Mode
    why: str


def choose_mode(episode: Episode) -> Decision:
    """The mode of the first call.

    A policy that was trained to choose by its first tag is left the choice; any other answers
    directly unless it is told to think.
    """
    asked = episode.options.mode
    if asked != "auto":
        return Decision(asked, "asked for")
    if episode.policy.backend == "planner":
        return Decision("direct", "the planner follows rules and has nothing to think over")
    if episode.dialect.learned_modes:
        return Decision("auto", "left to the policy, which was trained to choose")
    return Decision("direct", "this policy was not trained to choose, so it is asked directly")


def choose_strategy(episode: Episode) -> UsedStrategy:
    """One question about all pictures, or one a picture."""
    if episode.options.strategy == "poll":
        raise UsageError("the strategy poll is not available with this policy.", "Use one-shot.")
    return "one-shot"


def review(state: EpisodeState, episode: Episode) -> Decision | None:
    """Whether a final answer is to be given anew, and how; None accepts it."""
    return None
