"""Results as exporters see them."""

from __future__ import annotations

import re
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

_NO_NAME = re.compile(r"picture \d+|<(?!data )[a-z]+(?: \d+)?>")
"""Sources that only number a picture within its question: `picture 1` of the server and MCP,
`<bytes 1>` of a program. `<data 0123456789ab>` names its bytes."""

_ID_IN_NAME = 80
"""Characters of a custom_id that stand in a picture's name."""

_PART_OF_PATH = 200
"""Bytes of a part of a path; file systems take 255, with the ending."""


def read_records(path: Path) -> Iterator[BatchRecord]:
    """The results of a batch, in order; a single answer's JSON (`ask --json`) is read too.

    Raises:
        DataError: no such file, or a line that is no result.
    """
    for number, row in iter_journal(path, unended=True):
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
        image: size of the picture, and as its source what an export calls it.
        boxes: each with the custom_id of its result.
    """

    image: ImageInfo
    boxes: list[tuple[str, AnswerBox]] = field(default_factory=list[tuple[str, AnswerBox]])


def by_picture(records: Iterable[BatchRecord]) -> list[Annotated]:
    """Every picture once, in order of their first mention, those without boxes included.

    Results speak of the same picture where its source and size are the same. A source that only
    numbers it within its question says nothing of other questions' pictures: such a picture stands
    alone, and is called CUSTOM_ID/SOURCE.
    """
    pictures: dict[tuple[str | int, ...], Annotated] = {}
    called: set[str] = set()
    for number, record in enumerate(records):
        if record.status not in ANSWERED:
            continue
        by_index: dict[int, Annotated] = {}
        for image in record.images:
            key = picture_key(image, number)
            if key not in pictures:
                shown = image if names_picture(image.source) else _renamed(image, record, called)
                pictures[key] = Annotated(shown)
            by_index[image.index] = pictures[key]
        for box in record.answer:
            by_index[box.image].boxes.append((record.custom_id, box))
    return list(pictures.values())


def names_picture(source: str) -> bool:
    """Whether a source names a picture and does not only number it within its question."""
    return _NO_NAME.fullmatch(source) is None


def picture_key(image: ImageInfo, number: int) -> tuple[str | int, ...]:
    """What two mentions of the same picture have in common.

    Args:
        image: a mention.
        number: of the result that it stands in.
    """
    if names_picture(image.source):
        return image.source, image.width, image.height
    return number, image.index


def _renamed(image: ImageInfo, record: BatchRecord, called: set[str]) -> ImageInfo:
    """A picture without a name of its own, with one that no other has."""
    plain = name = f"{clean_text(record.custom_id, _ID_IN_NAME)}/{image.source}"
    number = 1
    while name in called:
        number += 1
        name = f"{plain}-{number}"
    called.add(name)
    return image.model_copy(update={"source": name})


def class_of(box: AnswerBox) -> str:
    """The class name of a box."""
    return box.label or UNNAMED


def class_names(pictures: Iterable[Annotated]) -> list[str]:
    """Every class, sorted."""
    return sorted({class_of(box) for picture in pictures for _, box in picture.boxes})


def safe_name(source: str) -> PurePosixPath:
    """A picture's name as a relative path that stays inside any folder it is put into."""
    parts = [
        _short("".join(c if c.isprintable() and c not in '<>:"|?*' else "_" for c in part))
        for part in PurePosixPath(source.replace("\\", "/")).parts
        if part not in ("/", "..", ".")
    ]
    return PurePosixPath(*(parts or ["picture"]))


def _short(part: str) -> str:
    return part.encode()[:_PART_OF_PATH].decode(errors="ignore")


def names_for(pictures: Iterable[Annotated]) -> list[tuple[PurePosixPath, Annotated]]:
    """Each picture with a relative path without suffix; no two are the same."""
    taken: set[str] = set()
    names: list[tuple[PurePosixPath, Annotated]] = []
    for picture in pictures:
        plain = safe_name(picture.image.source)
        stem = plain.with_suffix("") if plain.suffix else plain
        name, number = stem, 1
        while str(name).lower() in taken:
            number += 1
            name = stem.with_name(f"{stem.name}-{number}")
        taken.add(str(name).lower())
        names.append((name, picture))
    return names
