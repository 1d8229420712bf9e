"""A data set's folder: where its files are, its samples, its annotated pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...tools.errors import DataError
from .record import Record
from .sample import ImageRef, Sample, read_samples

SAMPLES = "samples.jsonl"
PICTURES = "pictures.jsonl"
MANIFEST = "dataset.json"


class DataFolder:
    """Opens a built data set.

    Raises:
        DataError: the folder is not a data set, or its build is not finished.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            manifest = json.loads((self.path / MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(
                f"{path}: not a data set.", "Build one: gemvg-agent data build RECIPE OUT"
            ) from error
        self.manifest: dict[str, Any] = manifest
        if not manifest.get("complete"):
            raise DataError(f"{path}: its build is not finished.", "Run the same build again.")
        # Relative to where the folder really is, also when it was named through a link.
        self._roots = {
            name: (self.path / root).resolve() for name, root in manifest["roots"].items()
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
    """Annotated pictures by key, read from disk when asked for."""

    def __init__(self, path: Path) -> None:
        self._places: dict[str, int] = {}
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise DataError(f"{path}: can't be opened.") from error
        position = 0
        for line in self._file:
            # The key stands first in the line; no need to decode all of it.
            key = json.JSONDecoder().raw_decode(line.decode(), 8)[0]
            self._places[key] = position
            position += len(line)

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def get(self, key: str) -> tuple[Record, dict[str, Any]]:
        """(record, notes) of a picture. Raises KeyError where there is none."""
        self._file.seek(self._places[key])
        data = json.loads(self._file.readline())
        return Record.from_json(data["record"]), data["notes"]


def picture_line(key: str, record: Record, notes: dict[str, Any]) -> str:
    """One line of `pictures.jsonl`; outlines are left out."""
    body = record.to_json()
    for found in body["objects"]:
        found.pop("polygons", None)
        found.pop("rle", None)
    data = {"key": key, "record": body, "notes": notes}
    return json.dumps(data, ensure_ascii=False) + "\n"
