"""Completions to rollouts: what the dialect reads, with what the reward terms ask about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...policy.dialect import Dialect, ReadContext, Reading
from ...policy.modes import Mode
from ...policy.policy import Completion
from .batch import ScoredBatch
from .plain import Cut, cut_json, cut_plain, place
from .preset import Floats, Preset
from .rollout import BoxSet, Rollout, Sample

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


def read_rollouts(spoken: Sequence[Spoken], dialect: Dialect) -> list[Rollout]:
    """Read completions; total, as the dialect's reading is."""
    quick = read_exact(spoken) if dialect.name == "gemvg" else [None] * len(spoken)
    return [
        _read(said, dialect) if rollout is None else rollout
        for said, rollout in zip(spoken, quick, strict=True)
    ]


def _read(spoken: Spoken, dialect: Dialect) -> Rollout:
    """What the dialect reads in one completion."""
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


def read_exact(spoken: Sequence[Spoken]) -> list[Rollout | None]:
    """The rollouts of answers in our own dialect that need no mending, None for the others.

    Most rollouts of a trained policy are of this form, and reading them is what a reward costs;
    anything unusual (ids, odd numbers, missing keys, text around, tool calls) is left to the
    dialect, and a test holds the two readings equal.
    """
    found: list[Rollout | None] = [None] * len(spoken)
    places: list[int] = []
    cuts: list[Cut] = []
    for index, said in enumerate(spoken):
        cut = None if said.cut or said.tool_calls else _cut(said.text)
        if cut is not None:
            places.append(index)
            cuts.append(cut)
    answers = place(cuts, [spoken[index].context for index in places])
    for index, answer in zip(places, answers, strict=True):
        said = spoken[index]
        if answer is not None:
            found[index] = Rollout(
                answer=answer,
                status="ok" if len(answer) else "none",
                asked=said.asked,
                thought=said.thought or said.text.lstrip().startswith("<think>"),
                well_formed=True,
                tokens=said.tokens,
            )
    return found


def _cut(text: str) -> Cut | None:
    parts = exact_parts(text)
    if parts is None or (parts[0] is not None and not parts[0].strip()):
        return None
    body = parts[1].strip(" \t\r\n")
    return cut_plain(body) or cut_json(body)


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
    batch = ScoredBatch(read_rollouts(spoken, dialect), samples, progress)
    parts = preset.components(batch)
    total = sum((preset.weight(name) * values for name, values in parts.items()), start=0.0)
    return parts, total + 0.0 * batch.true
