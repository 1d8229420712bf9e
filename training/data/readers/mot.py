"""MOT Challenge folders: several tracked people or vehicles a frame."""

from __future__ import annotations

import configparser
import math
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


def read_mot(source: Source, skips: Skips) -> Iterator[Record]:
    """MOT: `<clip>/img1/000001.jpg`, `gt/gt.txt` (frame,id,x,y,w,h,flag,class,visibility).

    Options: `stride` (frames, default 10), `visibility` (least visible share, default .35).
    """
    folder = source.path("folder")
    for truth in sorted(folder.glob("*/gt/gt.txt")):
        yield from _clip(truth.parent.parent, folder, source, skips)


def _layout(clip: Path) -> tuple[str, str]:
    """(picture folder, extension) of a clip."""
    # A % in a value is only a character.
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(clip / "seqinfo.ini", encoding="utf-8")
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
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
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
    for frame, rows in sorted(_rows(clip / "gt" / "gt.txt", skips).items()):
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
            known=frozenset(CLASSES[k] for k in _NAMEABLE),
            group=clip.name, order=frame, source=source.name, licence=source.licence,
        )  # fmt: skip


def _object(row: list[float], clip: str, objects: ObjectList, visible: float) -> None:
    if not all(map(math.isfinite, row)):
        # It is of this frame; of which class, it need not say.
        objects.skip("broken line", None)
        objects.unsure.update(CLASSES[k] for k in _NAMEABLE)
        return
    kind = int(row[7]) if len(row) > 7 else 1
    considered = row[6] if len(row) > 6 else 1.0
    label = CLASSES.get(kind)
    if label is None or kind not in _NAMEABLE:
        objects.skip("unknown category", None)
        return
    if considered == 0.0:
        objects.skip("not to be considered", label)
        return
    if len(row) > 8 and row[8] < visible:
        objects.skip("object hidden", label)
        return
    # MOT's corners are 1-based, and boxes of people at the edge reach outside the frame.
    box = Box.from_xywh(row[2] - 1.0, row[3] - 1.0, row[4], row[5])
    inside = box.clip(objects.width, objects.height)
    if inside.area < 0.75 * box.area:
        objects.skip("box outside the picture", label)
        return
    objects.add(label, inside, identity=f"{clip}:{int(row[1])}")
