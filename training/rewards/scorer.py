"""Completions to rollouts: what the dialect reads, with what the reward terms ask about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from pydantic_core import from_json

from ...policy.dialect import Dialect, ReadContext, Reading
from ...policy.modes import Mode
from ...policy.policy import Completion
from .batch import ScoredBatch
from .preset import Floats, Preset
from .rollout import BoxSet, Rollout, Sample

_LABEL = re.compile(r"[A-Za-z]+(?: [A-Za-z]+){0,4}")
_TAGS = ("<think>", "</think>", "<answer>", "</answer>")


def exact_parts(text: str) -> tuple[str | None, str] | None:
    """(reasoning or None, answer body) where the tags stand exactly as they should, else None.

    Exact is an optional think part, then one answer part, and nothing but white space around.
    """
    rest, thought = text.strip(), None
    if rest.startswith("<think>"):
        thought, closed, rest = rest[7:].partition("</think>")
        rest = rest.lstrip()
        if not closed:
            return None
    if not (rest.startswith("<answer>") and rest.endswith("</answer>")):
        return None
    body = rest[8:-9]
    if any(tag in body or (thought is not None and tag in thought) for tag in _TAGS):
        return None
    return thought, body


def exact_tags(text: str) -> bool:
    """Whether the tags are exact, or there are none: so families without tags answer directly."""
    return exact_parts(text) is not None or not any(tag in text for tag in _TAGS)


@dataclass(frozen=True, slots=True)
class Spoken:
    """One completion and what is known of its making.

    Attributes:
        text: of the last turn (the answer), prefill included.
        asked: the mode of its prompt.
        context: views and boxes of its episode.
        tokens: tokens that the policy generated, over all turns.
        cut: whether generation ended at the token limit.
        tool_calls, tool_errors: of the whole episode.
        thought: whether a turn before the last one reasoned.
    """

    text: str
    asked: Mode
    context: ReadContext
    tokens: int = 0
    cut: bool = False
    tool_calls: int = 0
    tool_errors: int = 0
    thought: bool = False


def read_rollout(spoken: Spoken, dialect: Dialect) -> Rollout:
    """Read one completion; total, as the dialect's reading is."""
    if dialect.name == "gemvg" and not spoken.cut and not spoken.tool_calls:
        quick = read_exact(spoken)
        if quick is not None:
            return quick
    completion = Completion(spoken.text, finish_reason="length" if spoken.cut else "stop")
    reading = dialect.read(completion, spoken.context)
    return Rollout(
        answer=BoxSet.of(reading.boxes),
        status=reading.status,
        asked=spoken.asked,
        thought=reading.mode == "think" or spoken.thought,
        well_formed=not reading.notes and exact_tags(spoken.text),
        tokens=spoken.tokens,
        tool_calls=spoken.tool_calls,
        tool_errors=spoken.tool_errors,
        tool_mattered=spoken.tool_calls > 0 and _rests_on_tools(reading, spoken.context),
    )


def read_exact(spoken: Spoken) -> Rollout | None:
    """The rollout of an answer in our own dialect that needs no mending, else None.

    Most rollouts of a trained policy are of this form, and reading them is what a reward costs;
    anything unusual (ids, odd numbers, missing keys, text around) is left to the dialect, and a
    test holds the two readings equal.
    """
    parts = exact_parts(spoken.text)
    if parts is None or (parts[0] is not None and not parts[0].strip()):
        return None
    try:
        items = from_json(parts[1])
        images = [item["image"] for item in items]
        corners = [item["bbox_2d"] for item in items]
        labels = [item["label"] for item in items]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if type(items) is not list or "true" in parts[1] or "false" in parts[1]:
        return None
    answer = _exact_boxes(images, corners, labels, spoken.context)
    if answer is None:
        return None
    return Rollout(
        answer=answer,
        status="ok" if images else "none",
        asked=spoken.asked,
        thought=parts[0] is not None,
        well_formed=True,
        tokens=spoken.tokens,
    )


def _exact_boxes(
    images: list[Any], corners: list[Any], labels: list[Any], context: ReadContext
) -> BoxSet | None:
    """Pictures and relative-1000 corners as pixels; None where anything is unusual."""
    if not images:
        return BoxSet()
    if any(type(four) is not list or len(four) != 4 for four in corners):
        return None
    numbers = [*images, *chain.from_iterable(corners)]
    if set(map(type, numbers)) != {int} or set(map(type, labels)) != {str}:
        return None
    if any(_LABEL.fullmatch(label) is None for label in set(labels)):
        return None
    if min(numbers) < 0 or max(numbers) > 1000:
        return None
    table = np.array(numbers, dtype=np.int64)
    index, boxes = table[: len(images)], table[len(images) :].reshape(-1, 4)
    sizes = _sizes(context)
    if index.min() < 1 or index.max() > len(sizes) or (boxes[:, :2] >= boxes[:, 2:]).any():
        return None
    if len(set(zip(images, map(tuple, corners), strict=True))) < len(images):
        return None
    return BoxSet(boxes * sizes[index - 1] / 1000.0, index, tuple(labels))


def _sizes(context: ReadContext) -> Floats:
    """(m, 4) width, height, width, height of the pictures."""
    return np.array([(p.width, p.height) * 2 for p in context.book.pictures], dtype=np.float64)


def _rests_on_tools(reading: Reading, context: ReadContext) -> bool:
    """Whether an answered box is a tool's box, or lies in a view that a tool made."""
    named = {(found.image, found.box) for _, found in context.boxes.items()}
    made = context.book.views[context.book.image_count :]
    for found in reading.boxes:
        if (found.image, found.box) in named:
            return True
        for view in made:
            inside = found.box.intersect(view.window).area >= 0.9 * found.box.area > 0
            if view.image == found.image and inside:
                return True
    return False


def score(
    preset: Preset,
    spoken: Sequence[Spoken],
    samples: Sequence[Sample],
    dialect: Dialect,
    progress: float = 0.0,
) -> tuple[dict[str, Floats], Floats]:
    """Components and totals of a batch of completions, each (B,)."""
    batch = ScoredBatch([read_rollout(s, dialect) for s in spoken], samples, progress)
    parts = preset.components(batch)
    total = sum((preset.weight(name) * values for name, values in parts.items()), start=0.0)
    return parts, total + 0.0 * batch.true
