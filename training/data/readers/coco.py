"""COCO instances: boxes, polygons and run lengths. RefCOCO, LVIS, Objects365 build on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ....tools.boxes import Box
from ..masks import decompress_counts
from ..record import Polygons, Record, Rle, Skips
from .base import ObjectList, PictureCheck, Source, label_words, numbers, row_key, whole
from .stream import Grouped, stream_arrays

_FAR = 1e6
"""Pixels; no picture reaches as far, so that a point beyond is a mistake."""


def _no_phrases(annotation: Mapping[str, Any]) -> tuple[str, ...]:
    return ()


def _file_name(image: Mapping[str, Any]) -> str:
    return text_of(image, "file_name")


def text_of(row: Mapping[str, Any], key: str) -> str:
    """A field that must be text. Raises KeyError where it is missing, TypeError for all else."""
    if not isinstance(row[key], str):
        raise TypeError(f"{key} is no text")
    return row[key]


@dataclass(frozen=True, slots=True)
class CocoVariant:
    """What a data set of COCO's shape does in its own way.

    Attributes:
        file_of: picture record to file name below the picture folder; may raise KeyError or
            TypeError where it names none.
        phrases_of: annotation to the descriptions of its object.
        known_of: picture record and category names to the labels looked for there; None: all.
        unsure_of: picture record and category names to the labels that are not complete there.
        words: class name to label.
    """

    file_of: Callable[[Mapping[str, Any]], str] = _file_name
    phrases_of: Callable[[Mapping[str, Any]], tuple[str, ...]] = _no_phrases
    known_of: Callable[[Mapping[str, Any], Mapping[int, str]], frozenset[str]] | None = None
    unsure_of: Callable[[Mapping[str, Any], Mapping[int, str]], frozenset[str]] | None = None
    words: Callable[[str], str] = label_words
    crowd_keys: tuple[str, ...] = field(default=("iscrowd",))


def read_coco(source: Source, skips: Skips) -> Iterator[Record]:
    """Records of an instances file (`annotations`) and its pictures (`images`)."""
    captions = _captions(source, skips)
    for record, key in read_variant(source, skips, CocoVariant()):
        yield _with_captions(record, captions.get(key, ()))


def _with_captions(record: Record, captions: tuple[str, ...]) -> Record:
    from dataclasses import replace

    return replace(record, captions=captions) if captions else record


def _captions(source: Source, skips: Skips) -> dict[str, tuple[str, ...]]:
    """Picture id to captions, from COCO's captions file or a list of {image_id, captions}."""
    if "captions" not in source.paths:
        return {}
    found: dict[str, list[str]] = {}
    rows = stream_arrays(source.path("captions"), frozenset({"annotations"}))
    for number, (_, item) in enumerate(rows):
        key = row_key(item.get("image_id")) if isinstance(item, dict) else None
        said = item.get("captions", item.get("caption")) if isinstance(item, dict) else None
        texts = said if isinstance(said, list) else [said]
        good = [t.strip() for t in texts if isinstance(t, str) and t.strip()]
        if key is not None and good:
            found.setdefault(key, []).extend(good)
        if key is None or len(good) < len(texts):
            skips.add("broken caption", f"{number}: {key}")
    return {key: tuple(texts) for key, texts in found.items()}


@dataclass(slots=True)
class _Listed:
    """What the file lists beside annotations.

    Attributes:
        names: class number to label. pictures: picture ids in order.
        owners: file to the first picture id that names it. shared: files that two ids name.
    """

    names: dict[int, str] = field(default_factory=dict[int, str])
    pictures: dict[str, None] = field(default_factory=dict[str, None])
    owners: dict[str, str] = field(default_factory=dict[str, str])
    shared: set[str] = field(default_factory=set[str])

    def category(self, item: Mapping[str, Any], variant: CocoVariant, skips: Skips) -> None:
        """Take a class, or count why not. Of two classes of one number the first stays."""
        number, name = whole(item.get("id")), item.get("name")
        label = variant.words(name) if isinstance(name, str) else ""
        if number is None or not label:
            skips.add("category without number or name", str(item.get("id")))
        elif self.names.setdefault(number, label) != label:
            skips.add("number of two categories", f"{number}: {label}")

    def picture(self, key: str, item: Mapping[str, Any], variant: CocoVariant) -> None:
        """Take a picture's id, and whether another one names its file."""
        self.pictures[key] = None
        try:
            file = variant.file_of(item)
        except (KeyError, TypeError):
            return
        if self.owners.setdefault(file, key) != key:
            self.shared.add(file)


def _rows(
    source: Source, skips: Skips, variant: CocoVariant, listed: _Listed
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(key, row) of pictures (`image <id>`) and annotations (their picture's id)."""
    wanted = frozenset({"images", "annotations", "categories"})
    for part, item in stream_arrays(source.path("annotations"), wanted):
        if not isinstance(item, dict):
            skips.add("not an object", part)
        elif part == "categories":
            listed.category(item, variant, skips)
        elif part == "images":
            key = row_key(item.get("id"))
            if key is None:
                skips.add("picture without number", str(item.get("file_name")))
                continue
            listed.picture(key, item, variant)
            yield f"image {key}", item
        else:
            key = row_key(item.get("image_id"))
            if key is None:
                skips.add("annotation without picture", str(item.get("id")))
                continue
            yield key, item


def read_variant(
    source: Source, skips: Skips, variant: CocoVariant
) -> Iterator[tuple[Record, str]]:
    """(record, picture id) of a file of COCO's shape, one picture at a time."""
    listed = _Listed()
    with Grouped() as grouped:
        grouped.fill(_rows(source, skips, variant, listed))
        check = PictureCheck(source.path("images"), skips)
        for key in listed.pictures:
            image, *others = grouped.get(f"image {key}")
            if any(other != image for other in others):
                # Whose the annotations of this number are, nobody can tell.
                for _ in (image, *others):
                    skips.add("number of two pictures", key)
                continue
            for _ in others:
                skips.add("picture listed twice", key)
            record = _record(key, image, grouped.get(key), listed, source, skips, variant, check)
            if record is not None:
                yield record, key


def _record(
    key: str,
    image: Mapping[str, Any],
    annotations: list[dict[str, Any]],
    listed: _Listed,
    source: Source,
    skips: Skips,
    variant: CocoVariant,
    check: PictureCheck,
) -> Record | None:
    """One picture with its objects, or None where the picture can't be used (counted)."""
    width, height = whole(image.get("width")), whole(image.get("height"))
    try:
        file = variant.file_of(image)
    except (KeyError, TypeError):
        file = ""
    if not file or width is None or height is None:
        skips.add("picture without name or size", key)
        return None
    if file in listed.shared:
        # Each number has its own part of the annotations: none says what else is there.
        skips.add("picture of two numbers", file)
        return None
    if not check.matches(file, width, height):
        return None
    names = listed.names
    objects = ObjectList(width, height, skips, file)
    for annotation in annotations:
        _object(annotation, names, objects, variant)
    unsure = frozenset(objects.unsure)
    if variant.unsure_of is not None:
        unsure |= variant.unsure_of(image, names)
    known = None if variant.known_of is None else variant.known_of(image, names)
    return Record(
        name=key, root=source.name, file=file, width=width, height=height,
        objects=tuple(objects.objects), unsure=unsure,
        known=known if known is not None else frozenset(names.values()),
        source=source.name, licence=_licence(image, source),
    )  # fmt: skip


def _licence(image: Mapping[str, Any], source: Source) -> str:
    """COCO numbers its Flickr licences 1 to 8; elsewhere the source's own word."""
    flickr = {
        1: "CC BY-NC-SA 2.0", 2: "CC BY-NC 2.0", 3: "CC BY-NC-ND 2.0", 4: "CC BY 2.0",
        5: "CC BY-SA 2.0", 6: "CC BY-ND 2.0", 7: "no known restrictions", 8: "US government work",
    }  # fmt: skip
    number = image.get("license")
    known = isinstance(number, int) and "flickr_url" in image
    return flickr.get(int(number or 0), source.licence) if known else source.licence


def _object(
    annotation: Mapping[str, Any],
    names: Mapping[int, str],
    objects: ObjectList,
    variant: CocoVariant,
) -> None:
    """Add one annotation, or count why not."""
    category = whole(annotation.get("category_id"))
    label = names.get(category) if category is not None else None
    if label is None:
        objects.skip("unknown category", None)
        return
    if any(annotation.get(key) for key in variant.crowd_keys):
        objects.skip("crowd", label)
        return
    box = numbers(annotation.get("bbox"), 4)
    if box is None:
        objects.skip("no box", label)
        return
    shape, problem = read_shape(annotation.get("segmentation"), objects.width, objects.height)
    if problem is not None:
        objects.skip(problem, label)
        return
    phrases = variant.phrases_of(annotation)
    identity = annotation.get("instance_id")
    objects.add(
        label, Box.from_xywh(*box), shape, None if identity is None else str(identity), phrases
    )


def read_shape(value: object, width: int, height: int) -> tuple[Polygons | Rle | None, str | None]:
    """A `segmentation` as polygons or run lengths; (None, reason) where it is broken."""
    if value is None:
        return None, None
    if isinstance(value, dict):
        return _read_rle(value, width, height)
    if not isinstance(value, list):
        return None, "broken outline"
    polygons: list[tuple[float, ...]] = []
    for outline in value:
        if not isinstance(outline, list) or len(outline) % 2 or len(outline) < 6:
            return None, "empty polygon"
        points = numbers(outline, len(outline))
        if points is None or not all(abs(v) <= _FAR for v in points):
            return None, "broken outline"
        polygons.append(points)
    return (tuple(polygons), None) if polygons else (None, "empty polygon")


def _read_rle(
    value: dict[Any, Any], width: int, height: int
) -> tuple[Polygons | Rle | None, str | None]:
    counts = value.get("counts")
    try:
        runs = (
            decompress_counts(counts) if isinstance(counts, str) else tuple(map(int, counts or ()))
        )
        size = tuple(int(v) for v in value["size"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None, "broken run lengths"
    if size != (height, width) or sum(runs) != width * height or min(runs, default=-1) < 0:
        return None, "broken run lengths"
    if sum(runs[1::2]) == 0:
        return None, "empty mask"
    return Rle(height, width, runs), None
