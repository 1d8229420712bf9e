"""What a system answered to one item, as one line of JSON: the unit of every results file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ...tools.boxes import Box
from ...tools.errors import DataError
from .json_file import WRONG_FORM

UNANSWERED = frozenset({"missing", "failed"})
"""Statuses of an item to which nobody said anything; it has no boxes and may have no scores."""

SCORE_LIMIT = 1e9
"""Scores of boxes lie within plus and minus this; a score that is no number is the lowest."""


@dataclass(frozen=True, slots=True)
class FoundBox:
    """A predicted box: 1-based picture index, box in the item's space, label, score or None."""

    image: int
    box: Box
    label: str | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to one item.

    Attributes:
        id, task: of the item.
        status: of the answer (`agent.answer.Status`), or `missing` where there was none.
        raw: the policy's text as it was.
        boxes: in the item's space.
        text: the answer in words, or None.
        scores: this item's scores by the benchmark's own names.
        mode, strategy: what was used.
        tokens: completion and prompt tokens and the like, as the answer reports them.
        sizes: (width, height) of the pictures, where they were opened.
        seconds: wall clock of the question.
        error: kind and message, where it failed.
        model: name of the model or program that answered, where known.
    """

    id: str
    task: str
    status: str = "ok"
    raw: str = ""
    boxes: tuple[FoundBox, ...] = ()
    text: str | None = None
    scores: Mapping[str, float] = field(default_factory=dict[str, float])
    mode: str | None = None
    strategy: str | None = None
    tokens: Mapping[str, int] = field(default_factory=dict[str, int])
    sizes: tuple[tuple[int, int], ...] = ()
    seconds: float = 0.0
    error: Mapping[str, str] | None = None
    model: str | None = None

    def scored(self, scores: Mapping[str, float]) -> Outcome:
        """The same answer with these scores."""
        return replace(self, scores=dict(scores))

    def to_json(self) -> dict[str, Any]:
        """As JSON-compatible data; the inverse of `from_json`."""
        return {
            "id": self.id,
            "task": self.task,
            "status": self.status,
            "raw": self.raw,
            "boxes": [_box_json(b) for b in self.boxes],
            "text": self.text,
            "scores": {k: _finite(v) for k, v in self.scores.items()},
            "mode": self.mode,
            "strategy": self.strategy,
            "tokens": dict(self.tokens),
            "sizes": [list(s) for s in self.sizes],
            "seconds": self.seconds,
            "error": dict(self.error) if self.error else None,
            "model": self.model,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Outcome:
        """From a line of a results file.

        Raises:
            DataError: not such a line.
        """
        try:
            return cls(
                id=str(data["id"]),
                task=str(data["task"]),
                status=str(data.get("status", "ok")),
                raw=str(data.get("raw") or ""),
                boxes=tuple(_box_from(b) for b in data.get("boxes", ())),
                text=data.get("text"),
                scores={str(k): float(v) for k, v in dict(data.get("scores") or {}).items()},
                mode=data.get("mode"),
                strategy=data.get("strategy"),
                tokens={str(k): int(v) for k, v in dict(data.get("tokens") or {}).items()},
                sizes=tuple((int(w), int(h)) for w, h in data.get("sizes", ())),
                seconds=float(data.get("seconds", 0.0)),
                error=data.get("error"),
                model=data.get("model"),
            )
        except WRONG_FORM as error:
            raise DataError("not a line of a results file: id, task and boxes expected.") from error


def missing(item_id: str, task: str) -> Outcome:
    """The outcome of an item that nobody answered: no boxes, counted as wrong."""
    return Outcome(item_id, task, status="missing")


def sound_score(value: Any) -> float:
    """A box's score as a finite number, so that it can be ranked and written as JSON.

    NaN ranks last: one such box must not end the scoring of all others.

    Raises:
        TypeError, ValueError: it is not written as a number at all.
    """
    score = float(value)
    if math.isnan(score):
        return -SCORE_LIMIT
    return max(-SCORE_LIMIT, min(SCORE_LIMIT, score))


def _finite(value: float) -> float:
    return float(value) if math.isfinite(value) else 0.0


def _box_json(found: FoundBox) -> dict[str, Any]:
    # JSON has no NaN; a box that holds one is kept as an empty box, which scores the same (0).
    box = found.box if all(map(math.isfinite, found.box)) else Box(0.0, 0.0, 0.0, 0.0)
    return {
        "image": found.image,
        "box": list(box),
        "label": found.label,
        "score": None if found.score is None else sound_score(found.score),
    }


def _box_from(data: Mapping[str, Any]) -> FoundBox:
    x1, y1, x2, y2 = data["box"]
    box = Box(float(x1), float(y1), float(x2), float(y2))
    score = data.get("score")
    score = None if score is None else sound_score(score)
    return FoundBox(int(data["image"]), box, data.get("label"), score)
