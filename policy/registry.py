"""From the name that a user gives to a policy."""

from __future__ import annotations

from ..tools.errors import UsageError
from ..tools.text import clean_text
from .policy import Policy


def load_policy(spec: str, *, dialect: str | None = None) -> Policy:
    """The policy of a name.

    Args:
        spec: `planner`.
        dialect: how the model writes, where its name does not say so.

    Raises:
        UsageError: no such policy.
    """
    if spec == "planner":
        from .planner.planner import Planner

        return Planner()
    raise UsageError(f"there is no policy {clean_text(spec, 80)}.", "Use planner.")
