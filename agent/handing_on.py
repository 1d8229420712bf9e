"""Which of two policies answers: what the first was not taught or can't read goes to the second."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from ..policy.closed_words import unknown_words
from ..policy.dialects.nano import NOT_TAUGHT, NanoDialect
from ..policy.policy import Policy
from .answer import Answer
from .deciding import can_poll
from .episode import EpisodeOptions

SPENT = (
    "policy_calls", "tool_calls", "prompt_tokens", "completion_tokens", "image_tokens",
    "policy_seconds", "tool_seconds",
)  # fmt: skip
"""What both policies' episodes cost together, by its name in `Answer.usage`."""

MOST_WORDS, LONGEST = 8, 40
"""Unknown words that a note names; letters of each."""

SHORTEST = 0.001
"""Seconds that a second policy is given where none are left; a budget is never nothing."""


async def answer_or_hand_on(
    first: Policy,
    second: Policy | None,
    query: str,
    ask: Callable[[Policy], Awaitable[Answer]],
) -> Answer:
    """The first policy's answer; the second's where the first can't know it, with a note why.

    Args:
        first: is asked, unless the question has words that it can't read.
        second: is asked then, and where the first says that it was not taught such a question,
            can't read why a tool failed, or is nano and gives no answer that can be read; None: the
            first one's answer stands.
        query: the question.
        ask: has a policy answer it.
    """
    if second is None:
        return await ask(first)
    if words := unknown_words(first, query):
        quoted = ", ".join(repr(word[:LONGEST]) for word in words[:MOST_WORDS])
        return _handed_on(None, await ask(second), f"{first.name}: it does not know {quoted}")
    answer = await ask(first)
    why = NOT_TAUGHT if _not_taught(answer) else _lost(first, answer)
    if not why:
        return answer
    return _handed_on(answer, await ask(second), f"{first.name}: {why}")


def options_for(second: Policy, options: EpisodeOptions, spent: float) -> EpisodeOptions:
    """How a policy is asked that a question is handed to: in the time that is left.

    Args:
        second: the policy; one that can't poll is asked at once about all pictures, for whoever
            asked for poll chose it for the first one.
        options: those of the question.
        spent: seconds since the question began.
    """
    budgets = options.budgets
    left = max(SHORTEST, budgets.max_seconds - spent)
    options = replace(options, budgets=replace(budgets, max_seconds=left))
    if options.strategy == "poll" and not can_poll(second):
        return replace(options, strategy="one-shot")
    return options


def _not_taught(answer: Answer) -> bool:
    """Whether a policy says so of a question; of a poll's notes, each names its picture first."""
    return any(note.endswith(NOT_TAUGHT) for note in answer.usage.get("notes", ()))


def _lost(policy: Policy, answer: Answer) -> str:
    """Why an answer is none: it can't be read, or the policy could not read why a tool failed."""
    if answer.usage.get("stop_reason") == "max-seconds":
        # The clock cut the tool off, and leaves no time for another policy.
        return ""
    for step in answer.steps:
        if not step.ok and unknown_words(policy, step.summary):
            return f"it can't read why {step.tool} failed"
    if isinstance(policy.dialect, NanoDialect) and answer.status in ("unparsable", "truncated"):
        # What nano was taught it writes rightly; other models are told of as they are.
        return f"its answer is {answer.status}"
    return ""


def _handed_on(first: Answer | None, second: Answer, why: str) -> Answer:
    """The second answer, with why it is not the first one's, and what both cost."""
    usage: dict[str, Any] = dict(second.usage)
    before = {} if first is None else first.usage
    for name in SPENT:
        usage[name] = round(before.get(name, 0) + usage.get(name, 0), 4)
    usage["notes"] = [f"{why}; handed to {second.policy.name}", *usage.get("notes", ())]
    seconds = round((0.0 if first is None else first.seconds) + second.seconds, 4)
    return second.model_copy(update={"usage": usage, "seconds": seconds})
