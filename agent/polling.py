"""Poll: one question a picture, all at once, then merged.

Models trained to give one box lose most of their accuracy when they are asked for boxes in all
pictures at once, and little when they are asked picture by picture (MG-Thinker, table 2).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from langgraph.runtime import Runtime
from langgraph.types import Send

from ..policy.closed_words import unknown_words
from ..policy.dialect import Reading, ReadingStatus
from ..policy.policy import Policy, Usage
from ..tools.boxes import GroundedBox
from ..tools.errors import ErrorRecord
from .answer import Answer
from .episode import Episode
from .events import EpisodeStarted, Event
from .polled import PolledPicture, PollTask
from .question_form import needs_other_pictures
from .state import EpisodeState, Update

MAX_REASONING = 20_000


def poll_tasks(state: EpisodeState) -> list[Send]:
    """One task a picture."""
    together = needs_other_pictures(state.query)
    return [
        Send("poll_picture", PollTask(state.query, view, state.views if together else (view,)))
        for view in state.views
    ]


def picture_question(task: PollTask, policy: Policy) -> str:
    """The question about one picture, with words that say which one.

    A policy of few words that can't read those is asked the plain question: what it says of other
    pictures is left out of the merged answer anyway.
    """
    if len(task.views) > 1:
        only = f"Give boxes in picture {task.image} only; the others are shown for comparison."
    else:
        only = f"Only picture {task.image} is shown; answer for it alone."
    added = f"{only} If what is asked for is not in it, say that there is none."
    return task.query if unknown_words(policy, added) else f"{task.query}\n{added}"


async def poll_picture(state: PollTask, runtime: Runtime[Episode]) -> Update:
    """Ask about one picture: an episode of its own, with the pictures, tools and clock shared."""
    from .graph import episode_graph

    outer = runtime.context
    # A picture has its share of what was counted, not all of it.
    rules = replace(outer.options.rules, count_check=False)
    options = replace(outer.options, strategy="one-shot", rules=rules)

    def emit(event: Event) -> None:
        if not isinstance(event, EpisodeStarted):
            outer.emit(event)

    inner = replace(outer, options=options, emit=emit)
    asked = EpisodeState(picture_question(state, outer.policy), state.views, target=state.image)
    config: Any = {"recursion_limit": options.budgets.recursion_limit}
    final = await episode_graph().ainvoke(asked, config, context=inner)
    polled = PolledPicture(
        state.image,
        final["answer"],
        final.get("usage", Usage()),
        final.get("policy_calls", 0),
        final.get("tool_calls", 0),
        final.get("policy_seconds", 0.0),
    )
    return {"polled": (polled,)}


async def merge(state: EpisodeState, runtime: Runtime[Episode]) -> Update:
    """One answer from all pictures' answers."""
    polled = sorted(state.polled, key=lambda p: p.image)
    answers = [p.answer for p in polled]
    boxes = tuple(box for p in polled for box in p.answer.boxes(p.image))
    status, error = merged_status(answers, boxes)
    thought = [f"Picture {p.image}: {p.answer.reasoning}" for p in polled if p.answer.reasoning]
    said = [f"Picture {p.image}: {p.answer.text}" for p in polled if p.answer.text]
    thinks = any(a.mode.used == "think" for a in answers)
    reading = Reading(
        status,
        boxes,
        "\n".join(said)[:MAX_REASONING] or None,
        mode="think" if thinks else "direct",
        notes=_notes(polled),
    )
    whys = list(dict.fromkeys(a.mode.why for a in answers))
    return {
        "reading": reading,
        "best": reading,
        "used": reading.mode,
        "why": "; ".join(whys),
        "reasonings": tuple(thought),
        "steps": tuple(step for a in answers for step in a.steps),
        "usage": sum((p.usage for p in polled), Usage()),
        "policy_calls": sum(p.policy_calls for p in polled),
        "tool_calls": sum(p.tool_calls for p in polled),
        "policy_seconds": sum(p.policy_seconds for p in polled),
        "error": error,
    }


def merged_status(
    answers: list[Answer], boxes: tuple[GroundedBox, ...]
) -> tuple[ReadingStatus, ErrorRecord | None]:
    """The status of a poll, and its error where it has failed as a whole.

    Boxes beside a picture that was not answered are `partial`; without any box, the first picture
    that was not answered decides, for "none" would claim that it was looked at.
    """
    wrong = [a for a in answers if a.status not in ("ok", "none", "partial")]
    if not wrong:
        cut = any(a.status == "partial" for a in answers)
        return ("partial" if cut else "ok") if boxes else "none", None
    if boxes:
        return "partial", None
    first = wrong[0]
    if first.error is not None:
        return "unparsable", {"kind": first.error.kind, "message": first.error.message}
    return ("truncated" if first.status == "truncated" else "unparsable"), None


def _notes(polled: list[PolledPicture]) -> tuple[str, ...]:
    notes: list[str] = []
    kept = [box for part in polled for box in part.answer.answer if box.image == part.image]
    for part in polled:
        inner: list[str] = part.answer.usage.get("notes", [])
        notes += [f"picture {part.image}: {note}" for note in inner]
        if part.answer.status not in ("ok", "none"):
            notes.append(f"picture {part.image}: {part.answer.status}")
    # Boxes of a picture that it gave itself, too, are not lost.
    elsewhere = sum(box not in kept for part in polled for box in part.answer.answer)
    if elsewhere:
        notes.append(f"{elsewhere} boxes in pictures that were not asked about were left out")
    return tuple(notes)
