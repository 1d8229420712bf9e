"""Budgets of an episode, and the names of the ways in which one can end it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..tools.errors import UsageError

StopReason = Literal["max-steps", "max-tool-calls", "max-seconds", "max-views", "repeated-calls"]
"""Why an episode was ended from outside; it stands in the answer's `usage.stop_reason`."""

CURES: dict[StopReason, str] = {
    "max-steps": "Allow more with --max-steps.",
    "max-tool-calls": "Allow more with --max-tool-calls.",
    "max-seconds": "Allow more with --max-seconds.",
    "max-views": "Allow more with --max-views.",
    "repeated-calls": "Ask in other words, or use another policy.",
}

REPEATS_ALLOWED = 3
"""Turns in a row that may hold nothing but calls already made, before the policy must answer."""


@dataclass(frozen=True, slots=True)
class Budgets:
    """What one episode may spend. When one runs out, the best answer so far is kept.

    Attributes:
        max_steps: calls of the policy, retries and escalations included. The samples that score an
            answer by agreement are no steps: they come on top, as many as were asked for.
        max_tool_calls: tool calls, failed and repeated ones included.
        max_seconds: wall-clock time of the whole episode.
        max_views: crops that tools may add to the input pictures.
    """

    max_steps: int = 8
    max_tool_calls: int = 24
    max_seconds: float = 300.0
    max_views: int = 48

    def __post_init__(self) -> None:
        """Raises UsageError for a budget in which nothing could be done."""
        if self.max_steps < 1 or self.max_tool_calls < 0 or self.max_views < 0:
            raise UsageError("an episode needs at least 1 step, and no budget may be negative.")
        if not self.max_seconds > 0.0:
            raise UsageError("max_seconds must be more than 0.")

    @property
    def recursion_limit(self) -> int:
        """Graph nodes that can ever run: three a step (generate, tools or check), and the ends.

        Our own budgets end an episode first, so LangGraph's limit is never what a user meets.
        """
        return 3 * self.max_steps + 10
