"""The form of one sample: pictures, a question, and the boxes that answer it.

A data set is a folder: `samples.jsonl` (one `Sample` a line), `pictures.jsonl` (what is annotated
in each picture, for checking), `pictures/` (the pictures that were made), `dataset.json`.
Boxes are pixels of the picture as it lies on disk, upright; image indexes are 1-based.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ...tools.boxes import Box, GroundedBox
from ...tools.errors import DataError
from ...tools.text import clean_text
from ...tools.tool import explain_validation

Demand = Literal["referential", "semantic", "spatial", "temporal", "reasoning"]
"""What a task demands (reference: MG-Data-240K's taxonomy): finding what a text names; association
between pictures by meaning, by space, by time; reasoning."""

Targets = Literal["none", "single", "multi"]

Task = Literal[
    "retrieval", "common", "same-class", "same-instance", "region", "difference",
    "robust-difference", "multi-view", "tracking", "correspondence", "reasoning", "absent",
]  # fmt: skip

TASKS: tuple[Task, ...] = (
    "retrieval", "common", "same-class", "same-instance", "region", "difference",
    "robust-difference", "multi-view", "tracking", "correspondence", "reasoning", "absent",
)  # fmt: skip

Number = Annotated[float, Field(allow_inf_nan=False)]
Numbers4 = tuple[Number, Number, Number, Number]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ImageRef(_Model):
    """One picture of a sample.

    Attributes:
        file: path relative to the data set's folder, or to the root named by `root`.
        root: name of a source folder in `dataset.json`; None for pictures of the data set itself.
        width, height: upright pixels.
    """

    file: str = Field(min_length=1)
    root: str | None = None
    width: int = Field(ge=1)
    height: int = Field(ge=1)

    @property
    def key(self) -> str:
        """Name of the picture in `pictures.jsonl`: root and file."""
        return f"{self.root or ''}:{self.file}"


class TruthBox(_Model):
    """One box of the answer: image index (1-based), `x1, y1, x2, y2` in its pixels, label."""

    image: int = Field(ge=1)
    box: Numbers4
    label: str = Field(min_length=1)

    @classmethod
    def of(cls, image: int, box: Box, label: str) -> TruthBox:
        """From a box; coordinates rounded to a hundredth of a pixel."""
        x1, y1, x2, y2 = box.rounded()
        return cls.model_construct(image=image, box=(x1, y1, x2, y2), label=label)

    def grounded(self) -> GroundedBox:
        """As a grounded box."""
        return GroundedBox(self.image, Box(*self.box), self.label)


class VisualPrompt(_Model):
    """A box that the question points at.

    Attributes:
        form: drawn: painted on the picture in `colour`; text: written in the question as
            `[x1, y1, x2, y2]`, integers 0-1000 relative to the picture; picture: the whole
            picture is the pointer (a close-up).
        span: start and end of that text in the question, so that an exporter can rewrite it in a
            model family's own coordinates; None unless the form is text.
    """

    image: int = Field(ge=1)
    box: Numbers4
    form: Literal["drawn", "text", "picture"]
    colour: str | None = None
    span: tuple[int, int] | None = None


class EpisodeStep(_Model):
    """One tool call of an episode: boxes in arguments are pixels of the named view."""

    tool: str
    arguments: dict[str, Any]
    ok: bool
    summary: str


class Episode(_Model):
    """A run of the agent's tools that ended in the right answer."""

    policy: str
    steps: list[EpisodeStep]
    answer: list[TruthBox]
    f1: float = Field(ge=0.0, le=1.0)


class Sample(_Model):
    """One question about several pictures and the boxes that answer it.

    Attributes:
        id: unique in the data set.
        meaning: what the question asks, for machines (`op` and its arguments); `verify.py`
            enumerates the annotations against it.
        answer: every box that answers, in reading order; empty: nothing is there.
        text: an answer in words beside the boxes (a count), or None.
        trace: what a model may think before it answers, or None where direct is enough.
    """

    id: str = Field(min_length=1)
    task: Task
    demand: Demand
    question: str = Field(min_length=1)
    images: list[ImageRef] = Field(min_length=1)
    answer: list[TruthBox]
    targets: Targets
    meaning: dict[str, Any]
    prompts: list[VisualPrompt] = Field(default_factory=list[VisualPrompt])
    text: str | None = None
    trace: str | None = None
    episode: Episode | None = None
    source: str
    licence: str
    split: str = "train"

    @model_validator(mode="after")
    def _consistent(self) -> Sample:
        if self.targets != targets_of(len(self.answer)):
            raise ValueError(f"targets says {self.targets}, the answer has {len(self.answer)}")
        for found in self.answer:
            _check_inside(found.image, found.box, self.images)
        for prompt in self.prompts:
            _check_inside(prompt.image, prompt.box, self.images)
            if (prompt.form == "text") != (prompt.span is not None):
                raise ValueError("a written prompt, and only that, has a span")
            if prompt.span is not None and not self.question[slice(*prompt.span)].startswith("["):
                raise ValueError("the span of a written prompt does not hold its box")
        return self

    @property
    def counts(self) -> list[int]:
        """Boxes of the answer per picture."""
        return [sum(b.image == k for b in self.answer) for k in range(1, len(self.images) + 1)]


def targets_of(count: int) -> Targets:
    """The word for a number of boxes."""
    return "none" if count == 0 else "single" if count == 1 else "multi"


def _check_inside(image: int, box: Numbers4, images: list[ImageRef]) -> None:
    """Raise ValueError unless the box is a proper box inside its picture."""
    if image > len(images):
        raise ValueError(f"a box in image {image} of {len(images)}")
    ref = images[image - 1]
    x1, y1, x2, y2 = box
    inside = -0.01 <= x1 < x2 <= ref.width + 0.01 and -0.01 <= y1 < y2 <= ref.height + 0.01
    if not inside:
        raise ValueError(f"box outside image {image} ({ref.width} x {ref.height}): {list(box)}")


def parse_sample(line: str | bytes, where: str) -> Sample:
    """A sample from one line of JSON (UTF-8).

    Raises:
        DataError: not JSON, or not a sample; the message starts with `where`.
    """
    try:
        return Sample.model_validate_json(line)
    except ValidationError as error:
        raise DataError(f"{where}: {explain_validation(error)}") from error


def read_samples(path: str | Path) -> Iterator[Sample]:
    """Samples of a JSONL file, one at a time; blank lines are passed over.

    Raises:
        DataError: the file is missing, or a line is wrong (its number is in the message).
    """
    file = Path(path)
    try:
        # As bytes, so that one that is no text is the fault of its line, whose number is known.
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield parse_sample(line, f"{clean_text(file.name, 80)}, line {number}")
    except OSError as error:
        raise DataError(f"{clean_text(str(path), 200)}: can't be read as JSON lines.") from error


def sample_line(sample: Sample) -> str:
    """A sample as one line of JSON with a line break; the same sample gives the same bytes."""
    return json.dumps(sample.model_dump(exclude_none=True), ensure_ascii=False) + "\n"
