"""The think and answer parts of a completion, told apart by their tags in linear time."""

from __future__ import annotations

import re
from typing import NamedTuple

THINK, END_THINK = "<think>", "</think>"
ANSWER, END_ANSWER = "<answer>", "</answer>"
_TAG = re.compile(r"</?(?:think|answer)>")


class Parts(NamedTuple):
    """A completion's parts.

    Attributes:
        reasoning: what stood in the think part, stripped; None where there was no think part.
        answer: the text in which boxes are looked for; None where the text ends while thinking.
        start: offset of `answer` in the completion's text.
        closed: the answer part was closed by its own tag, or has no tags at all.
        tagged: the answer stands in answer tags.
    """

    reasoning: str | None
    answer: str | None
    start: int
    closed: bool = True
    tagged: bool = False


def split_parts(text: str) -> Parts:
    """Reasoning and answer of a completion.

    The answer is the last closed `<answer>`, or the last one that is not closed, outside the think
    part; without that tag it is everything after `</think>`; without any tag it is everything. A
    `</think>` whose opening tag stood in the prompt ends a think part too. Boxes in the reasoning
    are never part of the answer. A think part that does not end leaves no answer, except where an
    `<answer>` stands before it or else in it; so does one that ends with nothing after it.
    """
    tag = _answer_tag(text)
    opened = text.find(THINK)
    closed = text.rfind(END_THINK, 0, tag) if tag >= 0 else -1
    if tag >= 0 and text.find(THINK, max(0, closed)) >= 0 and (own := _tag_outside(text)) >= 0:
        tag, closed = own, text.rfind(END_THINK, 0, own)
        if closed < 0:
            # Answered first, and thought over afterwards.
            begin, end = opened + len(THINK), text.rfind(END_THINK)
            return _answer(text, text[begin : end if end > opened else len(text)].strip(), tag, tag)
    if closed < 0:
        after = text.rfind(END_THINK)
        if after >= 0 and (tag < 0 or text[after + len(END_THINK) :].strip()):
            closed, tag = after, -1
    if closed >= 0:
        begin = opened + len(THINK) if 0 <= opened < closed else 0
        reasoning = text[begin:closed].strip()
        return _answer(text, reasoning, tag, closed + len(END_THINK))
    if opened >= 0:
        begin = opened + len(THINK)
        if tag < begin:
            return Parts(text[begin:].strip(), None, len(text), False)
        return _answer(text, text[begin:tag].strip(), tag, tag)
    return _answer(text, None, tag, 0)


def _answer(text: str, reasoning: str | None, tag: int, start: int) -> Parts:
    """The part from an answer tag to its end, or from `start` where there is no such tag."""
    if tag >= 0:
        start = tag + len(ANSWER)
    end = text.find(END_ANSWER, start)
    stop = end if end >= 0 else len(text)
    think = text.find(THINK, start, stop)
    if think >= 0:
        end, stop = -1, think
    return Parts(reasoning, text[start:stop], start, end >= 0 or tag < 0, tag >= 0)


def _tag_outside(text: str) -> int:
    """Offset of the last closed answer tag outside think parts, else of the last one there; or -1.

    A think part runs from its tag to the next `</think>`; the first may begin with the text.
    """
    opened = closed = -1
    ended = text.find(END_THINK)
    thinking = ended >= 0 and text.find(THINK, 0, ended) < 0
    for match in _TAG.finditer(text):
        tag = match[0]
        if tag in (THINK, END_THINK):
            # A tag that a think part follows before it is closed was only spoken of.
            opened, thinking = -1, tag == THINK
        elif tag == ANSWER and not thinking:
            opened = match.start()
        elif opened >= 0 and not thinking:
            closed = opened
    return closed if closed >= 0 else opened


def _answer_tag(text: str) -> int:
    """Offset of the last closed answer tag, else of the last one; -1 for none."""
    close = text.rfind(END_ANSWER)
    closed = text.rfind(ANSWER, 0, close) if close >= 0 else -1
    return closed if closed >= 0 else text.rfind(ANSWER)
