"""The think and answer parts of a completion, told apart by their tags in linear time."""

from __future__ import annotations

from typing import NamedTuple

THINK, END_THINK = "<think>", "</think>"
ANSWER, END_ANSWER = "<answer>", "</answer>"


class Parts(NamedTuple):
    """A completion's parts.

    Attributes:
        reasoning: what stood in the think part, stripped; None where there was no think part.
        answer: the text in which boxes are looked for; None where the text ends while thinking.
        start: offset of `answer` in the completion's text.
        closed: the answer part was closed by its own tag, or has no tags at all.
    """

    reasoning: str | None
    answer: str | None
    start: int
    closed: bool


def split_parts(text: str) -> Parts:
    """Reasoning and answer of a completion.

    The answer is what stands in the last `<answer>` after the think part; without that tag it is
    everything after `</think>`; without think tags it is everything. A `</think>` without its
    opening tag (the opening stood in the prompt) ends a think part too. Boxes in the reasoning are
    never part of the answer; a think part that does not end leaves no answer, except where an
    `<answer>` follows it.
    """
    opened, closed = text.find(THINK), text.rfind(END_THINK)
    reasoning: str | None = None
    start = 0
    if closed >= 0:
        begin = opened + len(THINK) if 0 <= opened < closed else 0
        reasoning = text[begin:closed].strip()
        start = closed + len(END_THINK)
    elif opened >= 0:
        tag = text.rfind(ANSWER, opened)
        if tag < 0:
            return Parts(text[opened + len(THINK) :].strip(), None, len(text), False)
        reasoning = text[opened + len(THINK) : tag].strip()
        start = tag
    tag = text.rfind(ANSWER, start)
    if tag < 0:
        end = text.find(END_ANSWER, start)
        return Parts(reasoning, text[start : end if end >= 0 else len(text)], start, True)
    if reasoning is None and tag > 0:
        reasoning = text[:tag].strip() or None
    start = tag + len(ANSWER)
    end = text.find(END_ANSWER, start)
    return Parts(reasoning, text[start : end if end >= 0 else len(text)], start, end >= 0)
