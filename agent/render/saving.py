"""Writing an answer into a folder: annotated pictures, the sheet, and answer.json."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...tools.errors import OutputError, UsageError
from .annotate import Marked, annotate
from .sheet import contact_sheet

if TYPE_CHECKING:
    from ...tools.images import Picture
    from ..answer import Answer


def prepare_folder(folder: Path, pictures: Sequence[Picture] = ()) -> None:
    """Make the folder, before any work is spent on what could not be written.

    Args:
        folder: where an answer is to be saved.
        pictures: that it is about; none of them may be replaced by what is written.

    Raises:
        OutputError: it can't be made or written to. UsageError: a picture would be replaced.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: the folder can't be made.", "Name another one.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{folder}: the folder can't be written to.", "Name another one.")
    for place in _places(pictures, folder):
        if any(_same_file(place, picture.source) for picture in pictures):
            raise UsageError(
                f"{place} is one of the pictures, and would be replaced.", "Name another folder."
            )


def _places(pictures: Sequence[Picture], folder: Path) -> list[Path]:
    """The files of an answer: one a picture, the sheet, and answer.json."""
    names = [f"{n:02d}-{slug(picture.source)}.jpg" for n, picture in enumerate(pictures, 1)]
    return [folder / name for name in (*names, "sheet.jpg", "answer.json")]


def _same_file(place: Path, source: str) -> bool:
    try:
        return os.path.samefile(place, source)
    except (OSError, ValueError):
        return False


def save_answer(answer: Answer, pictures: Sequence[Picture], folder: Path) -> list[str]:
    """Write everything about an answer; file names come from the pictures, never from a model.

    Returns:
        The paths written, in order.

    Raises:
        OutputError: something can't be written. UsageError: a picture would be replaced.
    """
    prepare_folder(folder, pictures)
    marked = [Marked(number, box) for number, box in enumerate(answer.answer)]
    *places, sheet, record = _places(pictures, folder)
    try:
        for index, (picture, path) in enumerate(zip(pictures, places, strict=True), 1):
            here = [m for m in marked if m.found.image == index]
            annotate(picture.pixels, here).save(path, quality=90)
        contact_sheet(pictures, marked).save(sheet, quality=88)
        record.write_text(answer.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{folder}: the pictures can't be written.") from error
    return [str(path) for path in (*places, sheet, record)]


def slug(source: str) -> str:
    """A plain file name part from how a picture was named."""
    stem = Path(source.replace("\\", "/")).stem
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:60] or "picture"
