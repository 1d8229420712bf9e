"""MOT Challenge folders: several tracked people or vehicles a frame."""

from __future__ import annotations

import configparser
import math
import re
from collections.abc import Iterator
from pathlib import Path

from ....tools.boxes import Box
from ..record import Record, Skips
from .base import ObjectList, PictureCheck, Source, whole

CLASSES = {
    1: "pedestrian", 2: "person on vehicle", 3: "car", 4: "bicycle", 5: "motorbike",
    6: "non motorized vehicle", 7: "static person", 8: "distractor", 9: "occluder",
    10: "occluder on the ground", 11: "full occluder", 12: "reflection", 13: "crowd",
}  # fmt: skip
"""MOT16/17/20 class numbers."""

_NAMEABLE = frozenset({1, 2, 3, 4, 5, 6, 7})
_PEOPLE = frozenset({1, 2, 7})
_LIKE_PEOPLE = frozenset({8, 12, 13})
"""Dolls and posters, mirror images, crowds: whether and how often these count as people, a question
would have to say."""

_COPY = re.compile(r"^MOT1[67]-(\d\d)(?:-(?:DPM|FRCNN|SDP))?$")
"""MOT17 holds each clip of MOT16 three times, once for each detector: the same frames."""


def read_mot(source: Source, skips: Skips) -> Iterator[Record]:
    """MOT: `<clip>/img1/000001.jpg`, `gt/gt.txt` (frame,id,x,y,w,h,flag,class,visibility).

    Rows of MOT15 have no class and no visibility; they are people. What was looked for in a clip
    are the classes that occur in it. Of clips with the same frames the first is taken.

    Options: `stride` (frames, default 10), `visibility` (least visible share, default .35).
    """
    folder = source.path("folder")
    seen: set[str] = set()
    for truth in sorted(folder.glob("*/gt/gt.txt")):
        clip = truth.parent.parent
        same = _COPY.match(clip.name)
        frames = same[1] if same else clip.name
        if frames in seen:
            # In two splits, or twice in one, its questions would meet again.
            skips.add("the same frames as another clip", clip.name)
            continue
        seen.add(frames)
        yield from _clip(clip, folder, source, skips)


def _layout(clip: Path) -> tuple[str, str]:
    """(picture folder, extension) of a clip."""
    # A % in a value is only a character.
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(clip / "seqinfo.ini", encoding="utf-8-sig")
    except (configparser.Error, UnicodeDecodeError):
        return "img1", ".jpg"
    return (
        parser.get("Sequence", "imDir", fallback="img1"),
        parser.get("Sequence", "imExt", fallback=".jpg"),
    )


def _rows(path: Path, skips: Skips) -> dict[int, list[list[float]]]:
    """Frame number to its rows of numbers, of which all but the first may be no number (nan)."""
    frames: dict[int, list[list[float]]] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError:
        skips.add("broken annotation file", f"{path.parent.parent.name}/gt.txt")
        return {}
    for line in lines:
        if not line.strip():
            continue
        try:
            row = [float(v) for v in line.split(",")]
        except ValueError:
            row = []
        frame = whole(row[0]) if len(row) >= 6 else None
        if frame is None:
            skips.add("broken line", f"{path.parent.parent.name}/gt.txt")
            continue
        frames.setdefault(frame, []).append(row)
    return frames


def _clip(clip: Path, folder: Path, source: Source, skips: Skips) -> Iterator[Record]:
    stride = max(1, int(source.options.get("stride", 10)))
    images, extension = _layout(clip)
    check = PictureCheck(folder, skips)
    frames = _rows(clip / "gt" / "gt.txt", skips)
    kinds = {_said(row)[0] for rows in frames.values() for row in rows}
    known = frozenset(CLASSES[k] for k in kinds & _NAMEABLE)
    for frame, rows in sorted(frames.items()):
        if (frame - 1) % stride:
            continue
        file = f"{clip.name}/{images}/{frame:06d}{extension}"
        size = check.size(file)
        if size is None:
            continue
        objects = ObjectList(*size, skips, file)
        for row in rows:
            _object(row, clip.name, objects, float(source.options.get("visibility", 0.35)))
        yield Record(
            name=f"{clip.name}/{frame}", root=source.name, file=file,
            width=size[0], height=size[1], objects=tuple(objects.objects),
            unsure=frozenset(objects.unsure),
            known=known,
            group=clip.name, order=frame, source=source.name, licence=source.licence,
        )  # fmt: skip


def _said(row: list[float]) -> tuple[int, float]:
    """(class number, visible share) of a row; class 0 where its number is none.

    MOT15's rows end in places in the world (-1 where they were not measured).
    """
    if len(row) < 8 or len(row) > 9 or row[7] < 0.0:
        return 1, 1.0
    kind = int(row[7]) if math.isfinite(row[7]) else 0
    return kind, row[8] if len(row) > 8 else 1.0


def _object(row: list[float], clip: str, objects: ObjectList, visible: float) -> None:
    if not all(map(math.isfinite, row)):
        # It is of this frame; of which class, it need not say.
        objects.skip("broken line", None)
        objects.unsure.update(CLASSES[k] for k in _NAMEABLE)
        return
    kind, seen = _said(row)
    considered = row[6] if len(row) > 6 else 1.0
    if kind in _LIKE_PEOPLE:
        objects.skip("like people", None)
        objects.unsure.update(CLASSES[k] for k in _PEOPLE)
        return
    if kind not in _NAMEABLE:
        objects.skip("unknown category", None)
        return
    label = CLASSES[kind]
    if considered == 0.0:
        objects.skip("not to be considered", label)
        return
    if seen < visible:
        objects.skip("object hidden", label)
        return
    # MOT's corners are 1-based, and boxes of people at the edge reach outside the frame.
    box = Box.from_xywh(row[2] - 1.0, row[3] - 1.0, row[4], row[5])
    inside = box.clip(objects.width, objects.height)
    if inside.area < 0.75 * box.area:
        objects.skip("box outside the picture", label)
        return
    objects.add(label, inside, identity=f"{clip}:{int(row[1])}")
