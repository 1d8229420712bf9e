"""Results as exporters see them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from ...tools.errors import DataError
from ...tools.text import clean_text
from ..answer import AnswerBox, ImageInfo
from ..batch.record import BatchRecord
from ..journal import iter_journal

ANSWERED = ("ok", "none", "partial")
"""Statuses that say something about the pictures; the others say nothing, not even `no boxes`."""

UNNAMED = "object"
"""Class of a box without a label, in formats where every box has one."""


def read_records(path: Path) -> Iterator[BatchRecord]:
    """The results of a batch, in order; a single answer's JSON (`ask --json`) is read too.

    Raises:
        DataError: no such file, or a line that is no result.
    """
    for number, row in iter_journal(path):
        row.setdefault("custom_id", f"line {number}")
        try:
            record = BatchRecord.model_validate(row)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise DataError(
                f"{path}, line {number}: no result of a batch ({clean_text(place, 60)}).",
                "Give the OUT.jsonl of gemvg-agent batch.",
            ) from error
        if not {box.image for box in record.answer} <= {image.index for image in record.images}:
            raise DataError(f"{path}, line {number}: a box lies in a picture that is not listed.")
        yield record


@dataclass(slots=True)
class Annotated:
    """A picture with every box that any result has in it.

    Attributes:
        image: source and size of the picture.
        boxes: each with the custom_id of its result.
    """

    image: ImageInfo
    boxes: list[tuple[str, AnswerBox]] = field(default_factory=list[tuple[str, AnswerBox]])


def by_picture(records: Iterable[BatchRecord]) -> dict[str, Annotated]:
    """Pictures by source, in order of their first mention, those without boxes included."""
    pictures: dict[str, Annotated] = {}
    for record in records:
        if record.status not in ANSWERED:
            continue
        by_index: dict[int, Annotated] = {}
        for image in record.images:
            by_index[image.index] = pictures.setdefault(image.source, Annotated(image))
        for box in record.answer:
            by_index[box.image].boxes.append((record.custom_id, box))
    return pictures


def class_of(box: AnswerBox) -> str:
    """The class name of a box."""
    return box.label or UNNAMED


def class_names(pictures: Iterable[Annotated]) -> list[str]:
    """Every class, sorted."""
    return sorted({class_of(box) for picture in pictures for _, box in picture.boxes})


def safe_name(source: str) -> PurePosixPath:
    """A picture's name as a relative path that stays inside any folder it is put into."""
    parts = [
        "".join(c if c.isprintable() and c not in '<>:"|?*' else "_" for c in part)
        for part in PurePosixPath(source.replace("\\", "/")).parts
        if part not in ("/", "..", ".")
    ]
    return PurePosixPath(*(parts or ["picture"]))


def names_for(sources: Iterable[str]) -> dict[str, PurePosixPath]:
    """A relative path without suffix for each picture; no two the same."""
    taken: set[str] = set()
    names: dict[str, PurePosixPath] = {}
    for source in sources:
        plain = safe_name(source)
        stem = plain.with_suffix("") if plain.suffix else plain
        name, number = stem, 1
        while str(name).lower() in taken:
            number += 1
            name = stem.with_name(f"{stem.name}-{number}")
        taken.add(str(name).lower())
        names[source] = name
    return names
