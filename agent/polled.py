"""What asking about one picture alone came to."""

from __future__ import annotations

from dataclasses import dataclass

from ..policy.policy import Usage
from .answer import Answer


@dataclass(frozen=True, slots=True)
class PolledPicture:
    """One picture's part of a poll.

    Attributes:
        image: 1-based index of the picture.
        answer: to the question about it; boxes in other pictures are left out of the merged one.
        usage: tokens. policy_calls, tool_calls: made for it.
        policy_seconds: spent waiting for the policy.
    """

    image: int
    answer: Answer
    usage: Usage
    policy_calls: int
    tool_calls: int
    policy_seconds: float


@dataclass(frozen=True, slots=True)
class PollTask:
    """A picture to be asked about.

    Attributes:
        query: the user's question.
        image: 1-based index of the picture.
        views: what is shown: the picture alone, or all, where the question needs them.
    """

    query: str
    image: int
    views: tuple[int, ...]
