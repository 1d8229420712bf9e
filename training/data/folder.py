"""A data set's folder: where its files are, its samples, its annotated pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...tools.errors import DataError
from ...tools.text import clean_text
from .record import Record
from .sample import ImageRef, Sample, read_samples

SAMPLES = "samples.jsonl"
PICTURES = "pictures.jsonl"
MANIFEST = "dataset.json"


_REPAIR = "Take the file from a copy, or build the data set again in an empty folder."


def read_manifest(folder: Path) -> dict[str, Any]:
    """A data set's `dataset.json`: an object whose `roots` are source folders by name.

    Raises:
        DataError: it is not there, or not of that form.
    """
    file = folder / MANIFEST
    where = clean_text(str(file), 200)
    try:
        manifest = json.loads(file.read_bytes())
    except OSError as error:
        raise DataError(
            f"{clean_text(str(folder), 200)}: not a data set.",
            "Build one: gemvg-agent data build RECIPE OUT",
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: damaged, it is no JSON.", _REPAIR) from error
    if not isinstance(manifest, dict):
        raise DataError(f"{where}: damaged, it holds no object.", _REPAIR)
    roots = manifest.get("roots")
    if not isinstance(roots, dict) or not all(isinstance(root, str) for root in roots.values()):
        raise DataError(f"{where}: damaged, `roots` does not name folders.", _REPAIR)
    return manifest


def manifest_roots(folder: Path) -> dict[str, str]:
    """Source folders by name, relative to the data set's; none where it has no `dataset.json`.

    Raises:
        DataError: the file is damaged.
    """
    return read_manifest(folder)["roots"] if (folder / MANIFEST).is_file() else {}


class DataFolder:
    """Opens a built data set.

    Raises:
        DataError: the folder is not a data set, its build is not finished, or its `dataset.json`
            is damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.manifest: dict[str, Any] = read_manifest(self.path)
        if not self.manifest.get("complete"):
            raise DataError(f"{path}: its build is not finished.", "Run the same build again.")
        # Relative to where the folder really is, also when it was named through a link.
        self._roots = {
            name: (self.path / root).resolve() for name, root in self.manifest["roots"].items()
        }

    def picture(self, ref: ImageRef) -> Path:
        """The file of a picture. Raises DataError for a root that the manifest does not name."""
        if ref.root is None:
            return self.path / ref.file
        if ref.root not in self._roots:
            raise DataError(f"{self.path}: no root {ref.root!r} in {MANIFEST}.")
        return self._roots[ref.root] / ref.file

    def samples(self) -> Iterator[Sample]:
        """All samples, one at a time."""
        return read_samples(self.path / SAMPLES)

    def records(self) -> RecordIndex:
        """What is annotated in each picture."""
        return RecordIndex(self.path / PICTURES)


class RecordIndex:
    """Annotated pictures by key, read from disk when asked for.

    Attributes:
        broken: (line, what is wrong) of lines that hold no annotated picture; they are left out.

    Raises:
        DataError: the file can't be opened.
    """

    def __init__(self, path: Path) -> None:
        self._places: dict[str, int] = {}
        self.broken: list[tuple[int, str]] = []
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise DataError(f"{path}: can't be opened.") from error
        position = 0
        for number, line in enumerate(self._file, 1):
            try:
                # All of it, not the key alone: a torn line would be found only where, and as often
                # as, a sample asks for it.
                self._places[_annotated(line)[0]] = position
            except DataError as error:
                self.broken.append((number, str(error)))
            position += len(line)

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def get(self, key: str) -> tuple[Record, dict[str, Any]]:
        """(record, notes) of a picture. Raises KeyError where there is none."""
        self._file.seek(self._places[key])
        return _annotated(self._file.readline())[1:]


def _annotated(line: bytes) -> tuple[str, Record, dict[str, Any]]:
    """(key, record, notes) of a line of `pictures.jsonl`. Raises DataError for another line."""
    try:
        data = json.loads(line)
        record = Record.from_json(data["record"])
        if not all(isinstance(found.label, str) for found in record.objects):
            raise TypeError("a label is no text")
        return str(data["key"]), record, dict(data["notes"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError("not an annotated picture.") from error


def picture_line(key: str, record: Record, notes: dict[str, Any]) -> str:
    """One line of `pictures.jsonl`; outlines are left out."""
    body = record.to_json()
    for found in body["objects"]:
        found.pop("polygons", None)
        found.pop("rle", None)
    data = {"key": key, "record": body, "notes": notes}
    return json.dumps(data, ensure_ascii=False) + "\n"
