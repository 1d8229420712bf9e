"""STAR: short clips with a situation (who does what with which object), on Action Genome boxes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ....tools.boxes import Box
from ....tools.errors import DataError
from ..record import Record, Skips
from .base import ObjectList, PictureCheck, Source, frame_number, label_words, numbers
from .stream import stream_arrays


def read_star(source: Source, skips: Skips) -> Iterator[Record]:
    """Records of `annotations` (STAR_*.json), `objects` (object_classes.txt) and `images`.

    One record per situation frame: picture `<video_id>.mp4/<frame>.png` (option `pattern` for
    another layout), objects by their class code, group = video, order = frame. Action Genome
    boxes one object of a class per frame, so the object is the same through the clip.
    """
    names = _classes(source.path("objects"))
    check = PictureCheck(source.path("images"), skips)
    pattern = str(source.options.get("pattern", "{video}.mp4/{frame}.png"))
    seen: set[str] = set()
    for _, item in stream_arrays(source.path("annotations"), frozenset()):
        situations = item.get("situations") if isinstance(item, dict) else None
        video = str(item.get("video_id")) if isinstance(item, dict) else "?"
        if not isinstance(situations, dict):
            skips.add("no situation", video)
            continue
        for frame, situation in sorted(situations.items()):
            file = pattern.format(video=video, frame=frame)
            if file in seen:
                continue
            seen.add(file)
            if not isinstance(situation, dict):
                skips.add("no situation", file)
                continue
            record = _record(video, str(frame), file, situation, names, source, skips, check)
            if record is not None:
                yield record


def _classes(path: Path) -> dict[str, str]:
    """`o012 dish` lines: code to label."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path.name}: not a list of object classes.") from error
    rows = [line.split(maxsplit=1) for line in lines if line.strip()]
    return {row[0]: label_words(row[1]) for row in rows if len(row) == 2}


def _record(
    video: str,
    frame: str,
    file: str,
    situation: Mapping[str, Any],
    names: Mapping[str, str],
    source: Source,
    skips: Skips,
    check: PictureCheck,
) -> Record | None:
    size = check.size(file)
    if size is None:
        return None
    objects = ObjectList(*size, skips, file)
    labels, boxes = situation.get("bbox_labels") or [], situation.get("bbox") or []
    if not isinstance(labels, list) or not isinstance(boxes, list):
        skips.add("labels and boxes are no lists", file)
        return None
    if len(labels) != len(boxes):
        skips.add("labels and boxes differ in number", file)
        return None
    for code, raw in zip(labels, boxes, strict=True):
        label, corners = names.get(str(code)), numbers(raw, 4)
        if label is None:
            objects.skip("unknown category", None)
        elif corners is None:
            objects.skip("no box", label)
        else:
            objects.add(label, Box(*corners), identity=f"{video}:{label}")
    return Record(
        name=f"{video}/{frame}", root=source.name, file=file, width=size[0], height=size[1],
        objects=tuple(objects.objects),
        # One box per class says nothing of a second object of it, or of other classes.
        unsure=frozenset(objects.unsure | {o.label for o in objects.objects}), known=frozenset(),
        group=video, order=frame_number(frame),
        source=source.name, licence=source.licence,
    )  # fmt: skip
