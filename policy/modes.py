"""Modes and strategies, as words."""

from typing import Literal

Mode = Literal["auto", "think", "direct"]
"""think: reason first; direct: answer at once; auto: let the policy (or the agent) choose."""

UsedMode = Literal["think", "direct"]

Strategy = Literal["auto", "one-shot", "poll"]
"""one-shot: one question about all pictures; poll: picture by picture, then merged."""

UsedStrategy = Literal["one-shot", "poll"]
