"""The answer: the JSON object that every entry point gives, as a pydantic model."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ..policy.modes import Mode, UsedMode, UsedStrategy
from ..tools.boxes import Box, GroundedBox, ScoreKind
from ..tools.text import encodable

Said = Annotated[str, AfterValidator(encodable)]
"""Words of a user's or a name of a file, which need not be text; what stands in an answer is."""

Status = Literal["ok", "none", "partial", "truncated", "unparsable", "failed"]
"""ok: boxes. none: looked, nothing is there. partial: boxes saved from damaged or cut text, or a
budget ran out with boxes in hand. truncated: cut before any box. unparsable: the model's text held
no readable answer. failed: no answer; `error` says why. They are never mixed up."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ImageInfo(_Model):
    """One input picture: 1-based index, how the user named it, upright size in pixels."""

    index: int
    source: Said
    width: int
    height: int


class AnswerBox(_Model):
    """One grounded box: image index (1-based), `[x1, y1, x2, y2]` in upright picture pixels."""

    image: int
    box: tuple[float, float, float, float]
    label: str | None = None
    score: float | None = None
    score_kind: ScoreKind | None = None

    @classmethod
    def of(cls, found: GroundedBox) -> AnswerBox:
        """From a grounded box; coordinates rounded to a hundredth of a pixel, or as they are where
        nothing would be left of it: in a picture of a few pixels a model's step is finer.
        """
        near = Box(*found.box.rounded())
        x1, y1, x2, y2 = near if near.is_valid else found.box
        score = None if found.score is None else round(found.score, 4)
        return cls(
            image=found.image,
            box=(x1, y1, x2, y2),
            label=found.label,
            score=score,
            score_kind=found.score_kind,
        )

    def grounded(self) -> GroundedBox:
        """As a grounded box."""
        return GroundedBox(self.image, Box(*self.box), self.label, self.score, self.score_kind)


class ModeInfo(_Model):
    """Which mode was asked for, which was used, and why."""

    asked: Mode
    used: UsedMode
    why: str


class Step(_Model):
    """One tool call of the episode."""

    tool: str
    arguments: dict[str, Any]
    ok: bool
    summary: str
    seconds: float


class PolicyInfo(_Model):
    """Who answered."""

    name: str
    backend: str
    dialect: str
    coordinates: str


class ErrorInfo(_Model):
    """Why there is no answer."""

    kind: str
    message: Said


class Answer(_Model):
    """The answer to one query about one list of pictures.

    `usage` holds token counts, policy calls, tool calls and, where a budget ended the episode, the
    named `stop_reason`; `notes` in it says what was mended in reading the model's text.
    """

    query: Said
    images: list[ImageInfo]
    status: Status
    answer: list[AnswerBox] = Field(default_factory=list[AnswerBox])
    text: str | None = None
    mode: ModeInfo
    strategy: UsedStrategy = "one-shot"
    reasoning: str | None = None
    steps: list[Step] = Field(default_factory=list[Step])
    policy: PolicyInfo
    usage: dict[str, Any] = Field(default_factory=dict[str, Any])
    seconds: float = 0.0
    error: ErrorInfo | None = None

    def boxes(self, image: int | None = None) -> list[GroundedBox]:
        """The boxes, or those in one picture."""
        return [b.grounded() for b in self.answer if image is None or b.image == image]
