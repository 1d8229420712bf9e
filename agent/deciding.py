"""How the policy is asked: think or direct, all pictures at once or one by one, and asking anew."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ..policy.modes import Mode, UsedStrategy
from ..policy.policy import Completion, Policy
from ..tools.boxes import GroundedBox
from ..tools.errors import UsageError
from ..tools.text import clean_text
from .episode import Episode
from .question_form import expected_boxes, names_one_target
from .scores import least_certain
from .state import EpisodeState
from .work_threads import in_work_thread

CHECK_TOOL = "detect"
DISAGREEMENT_IOU = 0.3
DETECTOR_SURE = 0.5


@dataclass(frozen=True, slots=True)
class Decision:
    """How the policy is asked next, and the reason, which the answer tells."""

    mode: Mode
    why: str


def choose_mode(episode: Episode) -> Decision:
    """The mode of the first call.

    A policy that was trained to choose by its first tag is left the choice; any other answers
    directly unless it is told to think.
    """
    asked = episode.options.mode
    if asked != "auto":
        return Decision(asked, "asked for")
    if episode.policy.backend == "planner":
        return Decision("direct", "the planner follows rules and has nothing to think over")
    if episode.dialect.learned_modes:
        return Decision("auto", "left to the policy, which was trained to choose")
    return Decision("direct", "this policy was not trained to choose, so it is asked directly")


def choose_strategy(state: EpisodeState, episode: Episode) -> UsedStrategy:
    """One question about all pictures, or one a picture.

    Raises:
        UsageError: poll was asked for with the planner, which looks at each picture anyway.
    """
    asked = episode.options.strategy
    polls = can_poll(episode.policy)
    if asked == "poll" and not polls:
        raise UsageError("the strategy poll is not available with this policy.", "Use one-shot.")
    if asked != "auto":
        return asked
    several = len(state.views) > 1
    one_target = names_one_target(state.query)
    single = episode.dialect.single_target and polls
    return "poll" if single and several and not one_target else "one-shot"


def can_poll(policy: Policy) -> bool:
    """Whether a policy can be asked picture by picture; the planner looks at each anyway."""
    return policy.backend != "planner"


def escalates(episode: Episode) -> bool:
    """Whether a direct answer may be given anew, thinking."""
    return (
        episode.options.mode == "auto"
        and episode.policy.backend != "planner"
        and not episode.dialect.learned_modes
    )


def wants_logprobs(state: EpisodeState, episode: Episode) -> bool:
    """Whether the next call's token probabilities are needed to decide or to score."""
    deciding = escalates(episode) and state.escalated == 0 and episode.options.rules.threshold > 0
    return episode.options.logprobs or deciding or episode.options.scores == "token-probability"


async def review(state: EpisodeState, episode: Episode) -> Decision | None:
    """Whether a final answer is to be given anew, and how; None accepts it."""
    if not escalates(episode) or state.escalated or state.mode == "think":
        return None
    doubt = _doubt(state, episode, state.completion)
    if doubt is None and episode.options.rules.tool_check:
        doubt = await _tool_doubt(state, episode)
    if doubt is None:
        return None
    return Decision("think", f"asked directly first; thinking, because {doubt}")


def _doubt(state: EpisodeState, episode: Episode, completion: Completion | None) -> str | None:
    """What is wrong with a direct answer by its own looks; None where nothing is."""
    reading, rules = state.reading, episode.options.rules
    if reading is None or reading.status in ("unparsable", "truncated"):
        return "the direct answer could not be read"
    least = least_certain(completion.tokens) if completion else None
    if least is not None and least < rules.threshold:
        return (
            f"the least certain coordinate token had probability {least:.2f}, "
            f"below {rules.threshold:.2f}"
        )
    if rules.count_check:
        expected = expected_boxes(state.query, len(state.views))
        if len(reading.boxes) < expected and reading.status != "none":
            return f"the question asks for several boxes and {len(reading.boxes)} came"
    return None


async def _tool_doubt(state: EpisodeState, episode: Episode) -> str | None:
    """Where the detector sees what was asked for, and no box of the answer lies there."""
    tool, reading = episode.tools.get(CHECK_TOOL), state.reading
    if tool is None or reading is None:
        return None
    labels = sorted({box.label for box in reading.boxes if box.label and len(box.label) <= 40})
    if not labels:
        return None
    arguments = {
        "labels": labels[:8],
        "views": sorted({box.image for box in reading.boxes}),
        "vocabulary": "closed",
    }
    try:
        async with asyncio.timeout(episode.remaining):
            seen = await in_work_thread(tool.call, arguments, episode.context)
    except TimeoutError:
        return None
    if not seen.ok:
        return None
    for box in reading.boxes:
        if _contradicted(box, [found for _, found in seen.boxes]):
            label = clean_text(box.label or "", 40)
            return f"the detector sees {label} in image {box.image}, but not where the box is"
    return None


def _contradicted(box: GroundedBox, seen: list[GroundedBox]) -> bool:
    """Whether a detector is sure of such things in the same picture, all of them elsewhere."""
    if box.label is None:
        return False
    label = box.label.lower()
    alike = [s for s in seen if s.image == box.image and (s.label or "").lower() == label]
    sure = any((s.score or 0.0) >= DETECTOR_SURE for s in alike)
    return sure and all(s.box.iou(box.box) < DISAGREEMENT_IOU for s in alike)
