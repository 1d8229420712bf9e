"""Benchmark pictures that no picture of a data set may look like, and those that can't be compared.

One given path names many: all pictures of a folder, or those that a benchmark's JSON lists. Some
may be missing or damaged; they are counted, and the others compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...tools.errors import DataError, ImageError
from .hashing import picture_hash
from .record import Skips

_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


@dataclass(slots=True)
class Against:
    """The benchmark pictures that one given path names.

    Attributes:
        path: as given. files: the pictures that are there. named: how many are named in all.
        skips: what can't be compared, counted. compared: how many could be read.
    """

    path: Path
    files: list[Path]
    named: int
    skips: Skips = field(default_factory=Skips)
    compared: int = 0

    def hashes(self) -> Iterator[tuple[int, str]]:
        """(difference hash, file) of every picture that is not too plain to be told from others."""
        for file in self.files:
            try:
                value = picture_hash(file)
            except ImageError:
                self.skips.add("unreadable", file.name)
                continue
            self.compared += 1
            if value is not None:
                yield value, str(file)

    @property
    def left_out(self) -> str | None:
        """What could not be compared, in one line; None where all was."""
        if not self.skips.counts:
            return None
        parts = [
            f"{count} {reason} ({', '.join(self.skips.examples[reason])}{', ...' * (count > 3)})"
            for reason, count in sorted(self.skips.counts.items())
        ]
        return f"of {self.named} pictures: {', '.join(parts)}"


def named_by(path: Path) -> Against:
    """The benchmark pictures of a path: a picture, a folder, or a JSON file that lists them.

    A JSON file (`.json`, or `.jsonl` with one object a line) lists `images` (paths, or objects with
    `file` or `file_name`), at its top or in every item, relative to its own folder.

    Raises:
        DataError: no such path, a folder without pictures, or a file that names none that is there.
    """
    try:
        if path.is_dir():
            files = sorted(p for p in path.rglob("*") if p.suffix.lower() in _PICTURES)
            if not files:
                raise DataError(
                    f"{path}: no benchmark pictures in this folder.",
                    f"They must end in {', '.join(_PICTURES)}.",
                )
            return Against(path, files, len(files))
        if path.is_file():
            listed = path.suffix.lower() in (".json", ".jsonl")
            return _listed(path) if listed else Against(path, [path], 1)
    except OSError as error:
        raise DataError(f"{path}: can't be read.", "Check its rights.") from error
    raise DataError(f"{path}: no such benchmark picture, folder or file.", "Check --against.")


def _listed(path: Path) -> Against:
    """Pictures that a benchmark's JSON names, below the JSON file's folder."""
    skips = Skips()
    names: dict[str, None] = {}
    for place, item in enumerate(_items(path, skips)):
        found = _names(item)
        if not found:
            skips.add("items without a picture", str(place))
        names.update(dict.fromkeys(found))
    files: list[Path] = []
    for name in sorted(names):
        file = path.parent / name
        if _is_there(file):
            files.append(file)
        else:
            skips.add("missing", name)
    if not files:
        what = (
            f"none of the {len(names)} pictures that it names is"
            if names
            else "no picture named is"
        )
        raise DataError(
            f"{path}: {what} below its folder.",
            "It must list `images`, or `file_name`, as paths relative to the folder it lies in.",
        )
    return Against(path, files, len(names), skips)


def _is_there(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:
        # Too long a name, or a folder that may not be looked into.
        return False


def _items(path: Path, skips: Skips) -> list[Any]:
    """The items of a JSON file; lines of a `.jsonl` file that are no JSON are counted."""
    if path.suffix.lower() == ".jsonl":
        rows: list[Any] = []
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            if line.strip():
                try:
                    rows.append(json.loads(line))
                except (ValueError, RecursionError):
                    skips.add("broken lines", str(number))
        return rows
    try:
        data = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not a readable JSON file.") from error
    if isinstance(data, dict):
        data = data.get("images") or data.get("data")
    return data if isinstance(data, list) else []


def _names(item: object) -> list[str]:
    """The pictures that one item names: it is a path, or an object that holds paths."""
    if isinstance(item, dict):
        keys = ("images", "image", "file_name", "file")
        item = next((item[key] for key in keys if item.get(key)), None)
    names: list[str] = []
    for entry in item if isinstance(item, list) else [item]:
        name = (entry.get("file") or entry.get("file_name")) if isinstance(entry, dict) else entry
        if isinstance(name, str) and name:
            names.append(name.removeprefix("./"))
    return names
