"""What the policy itself wrote in a rollout: tokens over all turns, and the text of the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from ...policy.parsing.tags import split_parts


@dataclass(frozen=True, slots=True)
class Written:
    """A rollout's own words.

    Attributes:
        text: of the last turn, special tokens left out, think part included.
        tokens: generated, over all turns; what tools returned is not counted.
        thought: whether a turn before the last one reasoned.
        calls: tool calls that were answered, those that no tool took included.
    """

    text: str
    tokens: int
    thought: bool = False
    calls: int = 0


def read_written(
    tokenizer: Any,
    ids: Sequence[Sequence[int]],
    masks: Sequence[Sequence[int]] | None,
    completions: Sequence[Any],
) -> list[Written]:
    """The own words of every rollout.

    Args:
        tokenizer: decodes.
        ids: all tokens after the prompt, tools' included.
        masks: 1 for generated tokens, 0 for tools'; None where there are no tools.
        completions: as TRL parsed them: messages, or texts.
    """
    if masks is None:
        texts = tokenizer.batch_decode(ids, skip_special_tokens=True)
        return [Written(text, len(row)) for text, row in zip(texts, ids, strict=True)]
    found: list[Written] = []
    for row, mask, messages in zip(ids, masks, completions, strict=True):
        texts = tokenizer.batch_decode(_turns(row, mask), skip_special_tokens=True)
        thought = any(split_parts(text).reasoning for text in texts[:-1])
        calls = sum(message.get("role") == "tool" for message in messages)
        found.append(Written(texts[-1] if texts else "", sum(mask), bool(thought), calls))
    return found


def _turns(row: Sequence[int], mask: Sequence[int]) -> list[list[int]]:
    """The generated stretches of a rollout, in order; an empty last one where a tool spoke last."""
    pairs = list(zip(row, mask, strict=True))
    turns = [
        [token for token, _ in run] for own, run in groupby(pairs, key=lambda p: p[1]) if own == 1
    ]
    return turns if not pairs or mask[-1] == 1 else [*turns, []]
