"""Writing an answer into a folder: annotated pictures, the sheet, and answer.json."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...tools.errors import OutputError
from .annotate import Marked, annotate
from .sheet import contact_sheet

if TYPE_CHECKING:
    from ...tools.images import Picture
    from ..answer import Answer


def prepare_folder(folder: Path) -> None:
    """Make the folder, before any work is spent on what could not be written.

    Raises:
        OutputError: it can't be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: the folder can't be made.", "Name another one.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{folder}: the folder can't be written to.", "Name another one.")


def save_answer(answer: Answer, pictures: Sequence[Picture], folder: Path) -> list[str]:
    """Write everything about an answer; file names come from the pictures, never from a model.

    Returns:
        The paths written, in order.

    Raises:
        OutputError: something can't be written.
    """
    prepare_folder(folder)
    marked = [Marked(number, box) for number, box in enumerate(answer.answer)]
    written: list[Path] = []
    try:
        for index, picture in enumerate(pictures, 1):
            here = [m for m in marked if m.found.image == index]
            path = folder / f"{index:02d}-{slug(picture.source)}.jpg"
            annotate(picture.pixels, here).save(path, quality=90)
            written.append(path)
        sheet = folder / "sheet.jpg"
        contact_sheet(pictures, marked).save(sheet, quality=88)
        record = folder / "answer.json"
        record.write_text(answer.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{folder}: the pictures can't be written.") from error
    return [str(path) for path in (*written, sheet, record)]


def slug(source: str) -> str:
    """A plain file name part from how a picture was named."""
    stem = Path(source.replace("\\", "/")).stem
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:60] or "picture"
