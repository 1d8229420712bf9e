"""Annotated photographs: COCO instances read into what question builders need."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ...tools.boxes import Box
from ...tools.errors import DataError

Split = Literal["dev", "test"]

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
        DataError: the folder does not hold them.
    """
    root = Path(folder)
    try:
        data: Mapping[str, Any] = json.loads((root / "instances.json").read_text("utf-8"))
        names = {c["id"]: str(c["name"]) for c in data["categories"]}
        things: dict[int, list[Thing]] = {image["id"]: [] for image in data["images"]}
        for annotation in data["annotations"]:
            things[annotation["image_id"]].append(_thing(annotation, names))
        photos = [
            Photo(
                root / "images" / image["file_name"],
                int(image["width"]),
                int(image["height"]),
                tuple(things[image["id"]]),
            )
            for image in data["images"]
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{root}: no readable COCO annotations.",
            "Name a folder that holds images/ and instances.json.",
        ) from error
    return sorted(photos, key=lambda photo: photo.path.name)


def _thing(annotation: Mapping[str, Any], names: Mapping[int, str]) -> Thing:
    outline: Any = annotation.get("segmentation")
    polygons: Sequence[Sequence[float]] = outline if isinstance(outline, list) else ()
    return Thing(
        names[annotation["category_id"]],
        Box.from_xywh(*(float(v) for v in annotation["bbox"])),
        tuple(tuple(float(v) for v in polygon) for polygon in polygons),
        bool(annotation.get("iscrowd", 0)),
    )
