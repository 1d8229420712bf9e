"""Which of two policies answers: what the first was not taught or can't read goes to the second."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ..policy.closed_words import unknown_words
from ..policy.dialects.nano import NOT_TAUGHT
from ..policy.policy import Policy
from .answer import Answer

SPENT = (
    "policy_calls", "tool_calls", "prompt_tokens", "completion_tokens", "image_tokens",
    "policy_seconds", "tool_seconds",
)  # fmt: skip
"""What both policies' episodes cost together, by its name in `Answer.usage`."""

MOST_WORDS, LONGEST = 8, 40
"""Unknown words that a note names; letters of each."""


async def answer_or_hand_on(
    first: Policy,
    second: Policy | None,
    query: str,
    ask: Callable[[Policy], Awaitable[Answer]],
) -> Answer:
    """The first policy's answer; the second's where the first can't know it, with a note why.

    Args:
        first: is asked, unless the question has words that it can't read.
        second: is asked then, and where the first says that it was not taught such a question or
            can't read why a tool failed; None: the first one's answer stands.
        query: the question.
        ask: has a policy answer it.
    """
    if second is None:
        return await ask(first)
    if words := unknown_words(first, query):
        quoted = ", ".join(repr(word[:LONGEST]) for word in words[:MOST_WORDS])
        return _handed_on(None, await ask(second), f"{first.name}: it does not know {quoted}")
    answer = await ask(first)
    why = NOT_TAUGHT if NOT_TAUGHT in answer.usage.get("notes", ()) else _lost(first, answer)
    if not why:
        return answer
    return _handed_on(answer, await ask(second), f"{first.name}: {why}")


def _lost(policy: Policy, answer: Answer) -> str:
    """Why an answer is none: a tool failed, and the policy could not read what was said of it."""
    for step in answer.steps:
        if not step.ok and unknown_words(policy, step.summary):
            return f"it can't read why {step.tool} failed"
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
