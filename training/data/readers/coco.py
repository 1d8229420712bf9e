"""COCO instances: boxes, polygons and run lengths. RefCOCO, LVIS, Objects365 build on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ....tools.boxes import Box
from ..masks import decompress_counts
from ..record import Polygons, Record, Rle, Skips
from .base import ObjectList, PictureCheck, Source, label_words, numbers
from .stream import Grouped, stream_arrays


def _no_phrases(annotation: Mapping[str, Any]) -> tuple[str, ...]:
    return ()


def _file_name(image: Mapping[str, Any]) -> str:
    return str(image["file_name"])


@dataclass(frozen=True, slots=True)
class CocoVariant:
    """What a data set of COCO's shape does in its own way.

    Attributes:
        file_of: picture record to file name below the picture folder.
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
    captions = _captions(source)
    for record, key in read_variant(source, skips, CocoVariant()):
        yield _with_captions(record, captions.get(key, ()))


def _with_captions(record: Record, captions: tuple[str, ...]) -> Record:
    from dataclasses import replace

    return replace(record, captions=captions) if captions else record


def _captions(source: Source) -> dict[str, tuple[str, ...]]:
    """Picture id to captions, from COCO's captions file or a list of {image_id, captions}."""
    if "captions" not in source.paths:
        return {}
    found: dict[str, list[str]] = {}
    for _, item in stream_arrays(source.path("captions"), frozenset({"annotations"})):
        texts = item.get("captions", [item["caption"]] if "caption" in item else [])
        found.setdefault(str(item.get("image_id")), []).extend(str(t).strip() for t in texts)
    return {key: tuple(texts) for key, texts in found.items()}


def read_variant(
    source: Source, skips: Skips, variant: CocoVariant
) -> Iterator[tuple[Record, str]]:
    """(record, picture id) of a file of COCO's shape, one picture at a time."""
    path = source.path("annotations")
    wanted = frozenset({"images", "annotations", "categories"})
    names: dict[int, str] = {}
    with Grouped() as grouped:
        order: list[str] = []

        def annotations() -> Iterator[tuple[str, Mapping[str, Any]]]:
            for key, item in stream_arrays(path, wanted):
                if not isinstance(item, dict):
                    skips.add("not an object", key)
                elif key == "categories":
                    names[int(item["id"])] = variant.words(str(item["name"]))
                elif key == "images":
                    order.append(str(item.get("id")))
                    yield f"image {item.get('id')}", item
                else:
                    yield str(item.get("image_id")), item

        grouped.fill(annotations())
        check = PictureCheck(source.path("images"), skips)
        for key in order:
            image = grouped.get(f"image {key}")[0]
            record = _record(image, grouped.get(key), names, source, skips, variant, check)
            if record is not None:
                yield record, key


def _record(
    image: Mapping[str, Any],
    annotations: list[dict[str, Any]],
    names: Mapping[int, str],
    source: Source,
    skips: Skips,
    variant: CocoVariant,
    check: PictureCheck,
) -> Record | None:
    """One picture with its objects, or None where the picture can't be used (counted)."""
    try:
        file = variant.file_of(image)
        width, height = int(image["width"]), int(image["height"])
    except (KeyError, TypeError, ValueError):
        skips.add("picture without name or size", str(image.get("id")))
        return None
    if not check.matches(file, width, height):
        return None
    objects = ObjectList(width, height, skips, file)
    for annotation in annotations:
        _object(annotation, names, objects, variant)
    unsure = frozenset(objects.unsure)
    if variant.unsure_of is not None:
        unsure |= variant.unsure_of(image, names)
    known = None if variant.known_of is None else variant.known_of(image, names)
    return Record(
        name=str(image.get("id")), root=source.name, file=file, width=width, height=height,
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
    category = annotation.get("category_id")
    label = names.get(category) if isinstance(category, int) else None
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
        if points is None:
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
    except (KeyError, TypeError, ValueError):
        return None, "broken run lengths"
    if size != (height, width) or sum(runs) != width * height or min(runs, default=-1) < 0:
        return None, "broken run lengths"
    if sum(runs[1::2]) == 0:
        return None, "empty mask"
    return Rle(height, width, runs), None
