"""Paired views: the same objects seen by several cameras at one moment (Ego-Exo4D relations)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ....tools.errors import DataError
from ..masks import box_of, decode_rle
from ..record import Record, Rle, Skips
from .base import ObjectList, PictureCheck, Source, frame_number, label_words
from .coco import read_shape
from .stream import well_formed


def read_views(source: Source, skips: Skips) -> Iterator[Record]:
    """Takes in the processed layout of Ego-Exo4D's correspondence benchmark.

    `<take>/annotation.json` = `{"masks": {object: {camera: {frame: RLE}}}}`, pictures
    `<take>/<camera>/<frame>.jpg`. A record's group is take and frame, so that its members are
    views of one moment; its clip is the take, of which one moment looks like the next. An object's
    name within the take is its identity. Option `cameras` keeps only these.
    """
    folder = source.path("folder")
    found = sorted(folder.glob("*/annotation.json"))
    if not found:
        raise DataError(f"source {source.name}: no <take>/annotation.json in {folder}.")
    for file in found:
        masks = _masks(file)
        if masks is None:
            skips.add("broken annotation file", file.parent.name)
            continue
        yield from _take(file.parent, masks, folder, source, skips)


def _masks(file: Path) -> Mapping[str, Any] | None:
    try:
        masks = well_formed(json.loads(file.read_text(encoding="utf-8"))["masks"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return masks if isinstance(masks, dict) else None


def _moments(masks: Mapping[str, Any], cameras: object) -> dict[tuple[str, str], dict[str, Any]]:
    """(frame, camera) to object name to its mask."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for name, by_camera in masks.items():
        for camera, by_frame in by_camera.items() if isinstance(by_camera, dict) else ():
            if isinstance(cameras, list) and camera not in cameras:
                continue
            for frame, mask in by_frame.items() if isinstance(by_frame, dict) else ():
                found.setdefault((str(frame), str(camera)), {})[str(name)] = mask
    return found


def _take(
    take: Path, masks: Mapping[str, Any], folder: Path, source: Source, skips: Skips
) -> Iterator[Record]:
    check = PictureCheck(folder, skips)
    for (frame, camera), objects in sorted(_moments(masks, source.options.get("cameras")).items()):
        file = f"{take.name}/{camera}/{frame}.jpg"
        size = check.size(file)
        if size is None:
            continue
        kept = ObjectList(*size, skips, file)
        for name, mask in sorted(objects.items()):
            _object(name, mask, take.name, kept)
        yield Record(
            name=f"{take.name}/{frame}/{camera}", root=source.name, file=file,
            width=size[0], height=size[1], objects=tuple(kept.objects),
            # Objects of the task are masked, not every object of their kind.
            unsure=frozenset(kept.unsure | {o.label for o in kept.objects}), known=frozenset(),
            group=f"{take.name}/{frame}", camera=camera, order=frame_number(frame), clip=take.name,
            source=source.name, licence=source.licence,
        )  # fmt: skip


def _object(name: str, mask: object, take: str, kept: ObjectList) -> None:
    """Names are `white mug_0`: the words before the number are the label."""
    label = label_words(name.rsplit("_", 1)[0] if name.rsplit("_", 1)[-1].isdigit() else name)
    shape, problem = read_shape(_scaled(mask, kept), kept.width, kept.height)
    if problem is not None or not isinstance(shape, Rle):
        kept.skip(problem or "broken run lengths", label)
        return
    box = box_of(decode_rle(shape))
    if box is None:
        kept.skip("empty mask", label)
        return
    kept.add(label, box, shape, identity=f"{take}:{name}")


def _scaled(mask: object, kept: ObjectList) -> object:
    """Only masks of the picture's own size are taken; others come out as broken run lengths."""
    return mask if isinstance(mask, dict) else {"size": [kept.height, kept.width], "counts": mask}
