"""Labelled questions: JSON lines with a query, pictures and the boxes that answer it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..tools.boxes import Box, GroundedBox
from ..tools.errors import DataError
from ..tools.tool import explain_validation
from .calibration import LabelledQuestion


class _Truth(BaseModel):
    image: int = Field(ge=1, le=1000)
    box: tuple[float, float, float, float]
    label: str | None = None


class _Line(BaseModel):
    model_config = ConfigDict(extra="ignore")

    query: str = Field(min_length=1, max_length=8000)
    images: list[str] = Field(min_length=1, max_length=1000)
    answer: list[_Truth]


def read_labelled(file: Path, limit: int | None = None) -> list[LabelledQuestion]:
    """Questions of a file, in order.

    A line is `{"query", "images": [paths relative to the file], "answer": [{"image", "box"}]}`;
    boxes are pixels of the upright pictures, and an empty answer says that nothing is there. It is
    what `batch` reads, with an answer; other keys are left alone.

    Args:
        file: JSON lines, UTF-8.
        limit: questions at most.

    Raises:
        DataError: the file can't be read, or a line is not of this form; the message names it.
    """
    try:
        # Not `splitlines`, which breaks JSON at characters such as U+2028 that may stand in it.
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: the file can't be read.", "Check its name.") from error
    questions: list[LabelledQuestion] = []
    for number, line in enumerate(lines, 1):
        if limit is not None and len(questions) >= limit:
            break
        if line.strip():
            questions.append(_question(line, file, number))
    if not questions:
        raise DataError(f"{file}: no question in it.", "Write one JSON object a line.")
    return questions


def _question(line: str, file: Path, number: int) -> LabelledQuestion:
    where = f"{file}, line {number}"
    try:
        content: Any = json.loads(line)
        if not isinstance(content, Mapping):
            raise DataError(f"{where}: not a JSON object.")
        read = _Line.model_validate(content)
    except ValidationError as error:
        raise DataError(f"{where}: {explain_validation(error)}") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{where}: not valid JSON.") from error
    boxes: list[GroundedBox] = []
    for truth in read.answer:
        box = Box.ordered(*truth.box)
        if not box.is_valid or truth.image > len(read.images):
            raise DataError(f"{where}: the box {list(truth.box)} of image {truth.image} can't be.")
        boxes.append(GroundedBox(truth.image, box, truth.label))
    images = tuple(str(file.parent / name) for name in read.images)
    return LabelledQuestion(read.query, images, tuple(boxes))
