"""The end of an episode: from its last state to the answer."""

from __future__ import annotations

from typing import Any

from ..policy.dialect import Reading
from ..policy.modes import UsedMode
from ..tools.errors import ErrorRecord
from ..tools.text import clean_text
from .answer import Answer, AnswerBox, ErrorInfo, ModeInfo, PolicyInfo, Status
from .budgets import CURES, StopReason
from .episode import Episode
from .scores import least_certain
from .state import EpisodeState

_RANK = {"ok": 3, "none": 3, "partial": 2, "truncated": 1, "unparsable": 0}
MAX_LABEL = 200
MAX_TEXT = 20_000


def better(first: Reading | None, second: Reading) -> Reading:
    """The more useful of two readings of one question; the later one where they are equal."""
    if first is None or _RANK[second.status] >= _RANK[first.status]:
        return second
    return first


def budget_record(stop: StopReason) -> ErrorRecord:
    """The error of an episode that a budget ended with nothing in hand."""
    return {
        "kind": "budget",
        "message": f"No answer before the budget ended ({stop}). {CURES[stop]}",
    }


def _closing_words(
    state: EpisodeState, episode: Episode
) -> tuple[Status, Reading, ErrorRecord | None, tuple[str, ...]]:
    """Status, the reading that the answer is made of, the error, and notes about the choice."""
    best, stop, error = state.best, state.stop, state.error
    if error is not None:
        return "failed", Reading("unparsable"), error, ()
    if stop is None:
        reading = state.reading or Reading("unparsable")
        return reading.status, reading, None, ()
    if best is not None and best.status in ("ok", "partial", "none"):
        status: Status = "none" if best.status == "none" else "partial"
        return status, best, None, (f"ended by {stop}: the best answer so far",)
    boxes = tuple(b for name in state.found if (b := episode.context.boxes.get(name)))
    if boxes:
        note = f"ended by {stop}: the boxes of the last tool call that found any"
        return "partial", Reading("partial", boxes), None, (note,)
    return "failed", Reading("unparsable"), budget_record(stop), ()


def build_answer(state: EpisodeState, episode: Episode) -> Answer:
    """The answer of an episode that has ended, in whatever way."""
    status, reading, error, notes = _closing_words(state, episode)
    reasoning = "\n\n".join(state.reasonings)
    return Answer(
        query=state.query,
        images=episode.images,
        status=status,
        answer=[
            AnswerBox.of(b.with_label(clean_text(b.label, MAX_LABEL) if b.label else None))
            for b in reading.boxes
        ],
        text=_cleaned(reading.text),
        mode=ModeInfo(asked=episode.options.mode, used=_used(state), why=state.why),
        strategy=state.strategy,
        reasoning=_cleaned(reasoning),
        steps=list(state.steps),
        policy=policy_info(episode),
        usage=_usage(state, episode, reading.notes + notes),
        seconds=round(episode.elapsed, 4),
        error=ErrorInfo(**error) if error else None,
    )


def policy_info(episode: Episode) -> PolicyInfo:
    """Who answers."""
    return PolicyInfo(
        name=clean_text(episode.policy.name, 200),
        backend=episode.policy.backend,
        dialect=episode.dialect.name,
        coordinates=episode.dialect.coordinates,
    )


def _used(state: EpisodeState) -> UsedMode:
    return state.used if state.policy_calls else _asked_mode(state)


def _asked_mode(state: EpisodeState) -> UsedMode:
    return "think" if state.mode == "think" else "direct"


def _cleaned(text: str | None) -> str | None:
    return clean_text(text, MAX_TEXT, multiline=True) or None if text else None


def _usage(state: EpisodeState, episode: Episode, notes: tuple[str, ...]) -> dict[str, Any]:
    spent = state.usage
    usage: dict[str, Any] = {
        "policy_calls": state.policy_calls,
        "tool_calls": state.tool_calls,
        "views": len(episode.book) - episode.book.image_count,
        "prompt_tokens": spent.prompt_tokens,
        "completion_tokens": spent.completion_tokens,
        "image_tokens": spent.image_tokens,
        "policy_seconds": round(state.policy_seconds, 4),
        "tool_seconds": round(sum(step.seconds for step in state.steps), 4),
    }
    least = least_certain(state.completion.tokens) if state.completion else None
    if least is not None:
        usage["least_token_probability"] = round(least, 6)
    if state.stop:
        usage["stop_reason"] = state.stop
    if notes:
        usage["notes"] = [clean_text(note, 200) for note in notes]
    return usage
