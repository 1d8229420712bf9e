"""One annotated picture, as every reader yields it and every builder takes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ...tools.boxes import Box

Polygons = tuple[tuple[float, ...], ...]
"""Outlines `x0, y0, x1, y1, ...` in picture pixels."""


@dataclass(frozen=True, slots=True)
class Rle:
    """A mask by run lengths, column by column from the top left, starting with zeros (COCO).

    Attributes:
        height, width: of the mask; the picture's size.
        counts: run lengths.
    """

    height: int
    width: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Instance:
    """One annotated object.

    Attributes:
        label: its class, lower case words.
        box: picture pixels.
        shape: its outline or mask, or None where only the box is known.
        identity: the same object in other pictures carries the same identity; None: unknown.
        phrases: descriptions that people wrote of exactly this object.
        part_of: label of the object that it is a part of, or None.
        colour: colour word measured from its pixels with a margin, or None.
    """

    label: str
    box: Box
    shape: Polygons | Rle | None = None
    identity: str | None = None
    phrases: tuple[str, ...] = ()
    part_of: str | None = None
    colour: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON-compatible data; what is None or empty is left out."""
        data: dict[str, Any] = {"label": self.label, "box": self.box.rounded()}
        if isinstance(self.shape, Rle):
            data["rle"] = [self.shape.height, self.shape.width, list(self.shape.counts)]
        elif self.shape:
            data["polygons"] = [list(p) for p in self.shape]
        for name in ("identity", "part_of", "colour"):
            if getattr(self, name) is not None:
                data[name] = getattr(self, name)
        if self.phrases:
            data["phrases"] = list(self.phrases)
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Instance:
        """The inverse of `to_json`."""
        shape: Polygons | Rle | None = None
        if "rle" in data:
            height, width, counts = data["rle"]
            shape = Rle(height, width, tuple(counts))
        elif "polygons" in data:
            shape = tuple(tuple(p) for p in data["polygons"])
        return cls(
            label=data["label"],
            box=Box(*map(float, data["box"])),
            shape=shape,
            identity=data.get("identity"),
            phrases=tuple(data.get("phrases", ())),
            part_of=data.get("part_of"),
            colour=data.get("colour"),
        )


@dataclass(frozen=True, slots=True)
class Record:
    """One annotated picture.

    Attributes:
        name: unique in its source.
        root: name of the folder that `file` is relative to (a source of the recipe).
        file: path of the picture.
        width, height: upright pixels.
        objects: everything annotated.
        unsure: labels of which not every instance has a good box here (crowds, broken or tiny
            annotations); no question may turn on them.
        known: labels that the annotators looked for; None: all labels of the source.
        group: pictures of one sequence or one moment share it; None: stands alone.
        order: time in a sequence, or None.
        camera: name of the camera in a group of views, or None.
        clip: what the group is a part of (a take of which it is one moment), or None.
        captions: sentences about the whole picture.
        licence, source: for the sample's own fields.
    """

    name: str
    root: str
    file: str
    width: int
    height: int
    objects: tuple[Instance, ...] = ()
    unsure: frozenset[str] = frozenset()
    known: frozenset[str] | None = None
    group: str | None = None
    order: int | None = None
    camera: str | None = None
    clip: str | None = None
    captions: tuple[str, ...] = ()
    source: str = ""
    licence: str = "unknown"

    @property
    def labels(self) -> frozenset[str]:
        """Labels of its objects."""
        return frozenset(o.label for o in self.objects)

    @property
    def unit(self) -> str:
        """What it must not be parted from by splits: its clip, else its group, else itself."""
        return self.clip or self.group or self.name

    def of(self, label: str) -> tuple[Instance, ...]:
        """Its objects of one label."""
        return tuple(o for o in self.objects if o.label == label)

    def lacks(self, label: str) -> bool:
        """True where the annotation says for certain that nothing of this label is there."""
        if label in self.unsure or any(o.label == label for o in self.objects):
            return False
        return self.known is None or label in self.known

    def counts(self, label: str) -> int | None:
        """How many of this label are there; None where that is not certain."""
        if label in self.unsure:
            return None
        number = len(self.of(label))
        return number if number or self.lacks(label) else None

    def with_objects(self, objects: Iterable[Instance]) -> Record:
        """The same picture with other objects."""
        return replace(self, objects=tuple(objects))

    def to_json(self) -> dict[str, Any]:
        """As JSON-compatible data; the inverse of `from_json`."""
        data: dict[str, Any] = {
            "name": self.name, "root": self.root, "file": self.file,
            "width": self.width, "height": self.height,
            "objects": [o.to_json() for o in self.objects],
            "unsure": sorted(self.unsure), "source": self.source, "licence": self.licence,
        }  # fmt: skip
        if self.known is not None:
            data["known"] = sorted(self.known)
        for name in ("group", "order", "camera", "clip"):
            if getattr(self, name) is not None:
                data[name] = getattr(self, name)
        if self.captions:
            data["captions"] = list(self.captions)
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Record:
        """The inverse of `to_json`."""
        return cls(
            name=data["name"], root=data["root"], file=data["file"],
            width=data["width"], height=data["height"],
            objects=tuple(Instance.from_json(o) for o in data["objects"]),
            unsure=frozenset(data["unsure"]),
            known=frozenset(data["known"]) if "known" in data else None,
            group=data.get("group"), order=data.get("order"), camera=data.get("camera"),
            clip=data.get("clip"), captions=tuple(data.get("captions", ())),
            source=data["source"], licence=data["licence"],
        )  # fmt: skip


@dataclass(slots=True)
class Skips:
    """What was left out and why, counted; the first few of each reason are kept by name."""

    counts: dict[str, int] = field(default_factory=dict[str, int])
    examples: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def add(self, reason: str, name: str) -> None:
        """Count one thing left out."""
        self.counts[reason] = self.counts.get(reason, 0) + 1
        kept = self.examples.setdefault(reason, [])
        if len(kept) < 3:
            kept.append(name)

    def as_json(self) -> dict[str, Any]:
        """Reasons with their counts and examples, sorted."""
        return {
            reason: {"count": self.counts[reason], "examples": self.examples[reason]}
            for reason in sorted(self.counts)
        }
