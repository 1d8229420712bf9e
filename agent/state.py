"""The graph's state: words, numbers, ids and boxes. Pixels live in the episode's ViewBook."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from ..policy.dialect import Reading
from ..policy.messages import Message
from ..policy.modes import Mode, UsedMode, UsedStrategy
from ..policy.policy import Completion, Usage
from ..tools.errors import ErrorRecord
from .answer import Answer, Step
from .budgets import StopReason
from .polled import PolledPicture


@dataclass(frozen=True, slots=True)
class EpisodeState:
    """What one node leaves for the next. Nodes return `Update`s: whole new values.

    Attributes:
        views: indexes of the views that the policy is asked about at the start.
        target: the one picture that is asked about, where the others are only shown beside it.
        polled: what each picture's own question came to, in a poll.
        mode, why, strategy: how the policy is asked next, and the reason.
        escalated: how often an answer was sent back to be given anew.
        messages: the conversation in the present mode.
        completion, reading: the policy's last turn, raw and read.
        best: the best readable answer so far.
        found: ids of the boxes of the last tool call that found any.
        reasonings: what the policy thought, turn by turn.
        steps: the tool calls so far.
        called: what each distinct call found, in one line, by its canonical form.
        repeats: turns in a row that held nothing but calls already made.
        policy_calls, tool_calls: spent so far.
        closing: set when the policy has been told to answer now: which budget ran out.
        stop: why the episode was ended without the policy's own last word.
    """

    query: str
    views: tuple[int, ...]
    target: int | None = None
    polled: Annotated[tuple[PolledPicture, ...], operator.add] = ()
    mode: Mode = "auto"
    why: str = ""
    strategy: UsedStrategy = "one-shot"
    escalated: int = 0
    messages: tuple[Message, ...] = ()
    completion: Completion | None = None
    reading: Reading | None = None
    used: UsedMode = "direct"
    best: Reading | None = None
    found: tuple[str, ...] = ()
    reasonings: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    called: Mapping[str, str] = field(default_factory=dict[str, str])
    repeats: int = 0
    policy_calls: int = 0
    tool_calls: int = 0
    usage: Usage = field(default_factory=Usage)
    policy_seconds: float = 0.0
    closing: StopReason | None = None
    stop: StopReason | None = None
    error: ErrorRecord | None = None
    answer: Answer | None = None


Update = dict[str, Any]
"""What a node changes: new values by attribute name."""
