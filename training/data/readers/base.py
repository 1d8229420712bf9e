"""What readers share: their signature, checks of pictures and boxes, and the words of labels."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ....tools.boxes import Box
from ....tools.errors import DataError, ImageError
from ....tools.header import read_header
from ....tools.images import DEFAULT_LIMITS, check_size
from ..record import Instance, Polygons, Record, Rle, Skips

MIN_SIDE = 10.0
"""Objects narrower than this (pixels) are too small to be asked for; their label becomes unsure."""


@dataclass(frozen=True, slots=True)
class Source:
    """One source of a recipe, with its paths resolved.

    Attributes:
        name: the root under which samples name its pictures.
        paths: the reader's own path options (`annotations`, `images`, `folder`, ...).
        options: everything else that the recipe says.
        licence: for samples of pictures that name none themselves.
    """

    name: str
    paths: Mapping[str, Path]
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    licence: str = "unknown"

    def path(self, key: str) -> Path:
        """A path option. Raises DataError where it is not given or does not exist."""
        if key not in self.paths:
            raise DataError(f"source {self.name}: the recipe gives no `{key}`.")
        found = self.paths[key]
        if not found.exists():
            raise DataError(
                f"source {self.name}: {found} does not exist.",
                "Fetch the data set, or point --data at the folder that holds it.",
            )
        return found


Reader = Callable[[Source, Skips], Iterator[Record]]
"""Yields the usable pictures of a source and counts the rest."""


def label_words(name: str) -> str:
    """A class name of any data set as plain lower-case words.

    `Wild Bird` -> `wild bird`, `alarm_clock` -> `alarm clock`, `Pen/Pencil` -> `pen`,
    `baby buggy_(stroller)` -> `baby buggy`.
    """
    name = re.sub(r"\([^)]*\)", " ", name).split("/")[0]
    return " ".join(re.sub(r"[_\s]+", " ", name).strip().lower().split())


class PictureCheck:
    """Checks pictures against what the annotation says of them."""

    def __init__(self, folder: Path, skips: Skips) -> None:
        self._folder = folder
        self._skips = skips

    def size(self, file: str) -> tuple[int, int] | None:
        """Upright (width, height) from the header; None, counted, where there is no picture.

        What the agent would not open, for its form or its size, is none.
        """
        path = self._folder / file
        try:
            # A name that is no text (half a character, or bytes from the disk) can't be written
            # into a data set.
            file.encode()
            if not path.is_file():
                self._skips.add("missing picture", file)
                return None
            if path.stat().st_size > DEFAULT_LIMITS.max_bytes:
                self._skips.add("picture beyond the limits", file)
                return None
            with path.open("rb") as stream:
                width, height, _ = read_header(stream)
            check_size(width, height, file, DEFAULT_LIMITS)
        except ImageError:
            self._skips.add("picture beyond the limits", file)
            return None
        except Exception:
            # PIL raises whatever a file's bytes have led it into; a name can be too long for the
            # system.
            self._skips.add("unreadable picture", file)
            return None
        return width, height

    def matches(self, file: str, width: int, height: int) -> bool:
        """True where the picture is there with this upright size; otherwise counted."""
        found = self.size(file)
        if found is None:
            return False
        if found != (width, height):
            self._skips.add("size differs from the annotation", file)
            return False
        return True


class ObjectList:
    """Collects the objects of one picture; what is broken makes its label unsure."""

    def __init__(self, width: int, height: int, skips: Skips, where: str) -> None:
        self.width, self.height = width, height
        self._skips, self._where = skips, where
        self.objects: list[Instance] = []
        self._taken: dict[tuple[str, Box, str | None], int] = {}
        self.unsure: set[str] = set()

    def skip(self, reason: str, label: str | None) -> None:
        """Leave one object out."""
        self._skips.add(reason, self._where)
        if label is not None:
            self.unsure.add(label)

    def add(
        self,
        label: str,
        box: Box,
        shape: Polygons | Rle | None = None,
        identity: str | None = None,
        phrases: tuple[str, ...] = (),
        part_of: str | None = None,
    ) -> bool:
        """Take an object, or count why not. A box may reach out by a pixel and is then clipped."""
        if not label:
            self.skip("no label", None)
            return False
        if not box.is_valid:
            self.skip("empty box", label)
            return False
        clipped = box.clip(self.width, self.height)
        slack = max(abs(a - b) for a, b in zip(box, clipped, strict=True))
        if not clipped.is_valid or slack > 2.0:
            self.skip("box outside the picture", label)
            return False
        if min(clipped.width, clipped.height) < MIN_SIDE:
            self.skip("too small", label)
            return False
        place = self._taken.setdefault((label, clipped, identity), len(self.objects))
        if place < len(self.objects):
            # One object, however often it is listed, and all that is said of it.
            said = tuple(dict.fromkeys((*self.objects[place].phrases, *phrases)))
            self.objects[place] = replace(self.objects[place], phrases=said)
            self.skip("annotated twice", None)
            return False
        self.objects.append(Instance(label, clipped, shape, identity, phrases, part_of))
        return True


def numbers(value: object, count: int) -> tuple[float, ...] | None:
    """A list of exactly `count` numbers as floats, or None."""
    if not isinstance(value, list | tuple) or len(value) != count:
        return None
    try:
        return tuple(float(v) for v in value)
    except (TypeError, ValueError, OverflowError):
        return None


def whole(value: object) -> int | None:
    """A whole number, written as a number (`7`, `7.0`) or in digits (`"7"`); None for all else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = int(value)
    except (ValueError, OverflowError):
        return None
    return number if isinstance(value, str) or number == value else None


def row_key(value: object) -> str | None:
    """What rows refer to each other by: text or a whole number, `1` and `1.0` alike; else None."""
    if isinstance(value, str):
        return value or None
    number = whole(value)
    return None if number is None else str(number)


def frame_number(name: str) -> int:
    """The time of a frame that is named by its number; 0 for another name."""
    return int(name) if name.isdecimal() and len(name) <= 18 else 0
