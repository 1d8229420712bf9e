"""Annotated photographs: COCO instances read into what question builders need."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from ...tools.boxes import Box
from ...tools.errors import DataError
from ...tools.text import clean_text
from ..benchmarks.json_file import each_row

Split = Literal["dev", "test"]
Row = TypeVar("Row")

LEAST_SHARE = 0.01
"""Share of the picture that an object must fill for a fair question about it."""

MOST_TARGETS = 6
"""Objects of one class in one picture beyond which annotators stop boxing them one by one."""


@dataclass(frozen=True, slots=True)
class Thing:
    """One annotated object.

    Attributes:
        label: class name. box: pixels of the upright picture.
        polygons: outlines, each a flat list x, y, x, y; empty for a crowd.
        crowd: the annotation stands for many objects at once.
    """

    label: str
    box: Box
    polygons: tuple[tuple[float, ...], ...]
    crowd: bool


@dataclass(frozen=True, slots=True)
class Photo:
    """One photograph and everything annotated in it."""

    path: Path
    width: int
    height: int
    things: tuple[Thing, ...]

    @property
    def labels(self) -> frozenset[str]:
        """Classes with any annotation, crowds included."""
        return frozenset(t.label for t in self.things)

    def of(self, label: str) -> list[Thing]:
        """The objects of a class."""
        return [t for t in self.things if t.label == label]

    def share(self, thing: Thing) -> float:
        """Share of the picture that an object's box fills."""
        return thing.box.area / (self.width * self.height)

    def is_fair(self, label: str) -> bool:
        """Whether a question about all objects of this class has one clear answer here.

        No crowd, none too small to be sure of, and not more than annotators box one by one.
        """
        things = self.of(label)
        return 0 < len(things) <= MOST_TARGETS and all(
            not t.crowd and self.share(t) >= LEAST_SHARE for t in things
        )

    @property
    def split(self) -> Split:
        """Which half the picture belongs to, by its file name alone."""
        return "test" if zlib.crc32(self.path.name.encode()) % 2 else "dev"


def load_photos(folder: str | Path) -> list[Photo]:
    """The photographs of a folder with `images/` and COCO's `instances.json`, by file name.

    Raises:
        DataError: the folder does not hold them, or a row of the file is not COCO's; says which.
    """
    file = Path(folder) / "instances.json"
    try:
        data: Mapping[str, Any] = json.loads(file.read_bytes())
        rows = {part: list(data[part]) for part in ("images", "categories", "annotations")}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(
            f"{folder}: no readable COCO annotations.",
            "Name a folder that holds images/ and instances.json.",
        ) from error

    def each(part: str, read: Callable[[Any], Row]) -> list[Row]:
        def wrong(place: int, error: Exception) -> DataError:
            why = f"{type(error).__name__}: {clean_text(str(error), 80)}"
            row = f"{file}: row {place} of its {part} is not COCO's ({why})."
            return DataError(row, "Mend or remove it.")

        return each_row(rows[part], read, wrong)

    names: dict[Any, str] = dict(each("categories", lambda row: (_key(row), str(row["name"]))))
    things: dict[Any, list[Thing]] = {key: [] for key in each("images", _key)}
    each("annotations", lambda row: things[row["image_id"]].append(_thing(row, names)))
    photos = each("images", lambda row: _photo(row, file.parent, things[row["id"]]))
    return sorted(photos, key=lambda photo: photo.path.name)


def _key(row: Mapping[str, Any]) -> Hashable:
    """What other rows name a row by. Raises TypeError where nothing could."""
    hash(row["id"])
    return row["id"]


def _photo(image: Mapping[str, Any], root: Path, things: Sequence[Thing]) -> Photo:
    width, height = int(image["width"]), int(image["height"])
    if min(width, height) < 1:
        raise ValueError(f"{width} x {height} pixels")
    return Photo(root / "images" / str(image["file_name"]), width, height, tuple(things))


def _thing(annotation: Mapping[str, Any], names: Mapping[Any, str]) -> Thing:
    outline: Any = annotation.get("segmentation")
    polygons: Sequence[Sequence[float]] = outline if isinstance(outline, list) else ()
    return Thing(
        names[annotation["category_id"]],
        Box.from_xywh(*(float(v) for v in annotation["bbox"])),
        tuple(tuple(float(v) for v in polygon) for polygon in polygons),
        bool(annotation.get("iscrowd", 0)),
    )
