"""Single-object tracking folders: LaSOT and GOT-10k. One record a kept frame."""

from __future__ import annotations

import configparser
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ....tools.boxes import Box
from ..record import Record, Skips
from .base import ObjectList, PictureCheck, Source, label_words


@dataclass(frozen=True, slots=True)
class _Sequence:
    """One clip: its frames' files (relative), a box line per frame, frames where it is hidden."""

    name: str
    label: str
    frames: tuple[str, ...]
    boxes: tuple[str, ...]
    hidden: frozenset[int]
    one_based: bool


def read_lasot(source: Source, skips: Skips) -> Iterator[Record]:
    """LaSOT: `<class>/<class>-<n>/img/00000001.jpg`, `groundtruth.txt` (x,y,w,h), occlusion flags.

    Option `stride`: keep every n-th frame (default 10).
    """
    folder = source.path("folder")
    found = sorted(p.parent for p in folder.glob("*/*/groundtruth.txt"))
    for clip in found or sorted(p.parent for p in folder.glob("*/groundtruth.txt")):
        frames = sorted(p.relative_to(folder).as_posix() for p in (clip / "img").glob("*.jpg"))
        try:
            hidden = _flags(clip / "full_occlusion.txt") | _flags(clip / "out_of_view.txt")
            lines = _lines(clip / "groundtruth.txt")
        except (OSError, UnicodeDecodeError):
            skips.add("broken annotation file", clip.name)
            continue
        label = label_words(clip.name.rsplit("-", 1)[0])
        sequence = _Sequence(clip.name, label, tuple(frames), lines, hidden, one_based=True)
        yield from _records(sequence, source, skips, folder)


def read_got10k(source: Source, skips: Skips) -> Iterator[Record]:
    """GOT-10k: `<clip>/00000001.jpg`, `groundtruth.txt`, `absence.label`, `meta_info.ini`."""
    folder = source.path("folder")
    for clip in sorted(p.parent for p in folder.glob("*/groundtruth.txt")):
        frames = sorted(p.relative_to(folder).as_posix() for p in clip.glob("*.jpg"))
        try:
            lines = _lines(clip / "groundtruth.txt")
            hidden = _flags(clip / "absence.label")
        except (OSError, UnicodeDecodeError):
            skips.add("broken annotation file", clip.name)
            continue
        label = _meta(clip / "meta_info.ini")
        sequence = _Sequence(clip.name, label, tuple(frames), lines, hidden, one_based=True)
        yield from _records(sequence, source, skips, folder)


def _meta(path: Path) -> str:
    """The object class of a GOT-10k clip; `object` where the file does not say."""
    # A % in a value is only a character.
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path, encoding="utf-8-sig")
        return label_words(parser.get("METAINFO", "object_class", fallback="object"))
    except (configparser.Error, UnicodeDecodeError):
        return "object"


def _lines(path: Path) -> tuple[str, ...]:
    """A line a frame: a blank one between others is a frame without a box, not to be passed over.

    Raises OSError or UnicodeDecodeError.
    """
    text = path.read_text(encoding="utf-8-sig").rstrip()
    return tuple(text.split("\n")) if text else ()


def _flags(path: Path) -> frozenset[int]:
    """0-based frames whose flag is 1, flags separated by commas or lines; empty without a file."""
    if not path.is_file():
        return frozenset()
    flags = path.read_text(encoding="utf-8-sig", errors="replace").replace(",", "\n").split()
    return frozenset(i for i, flag in enumerate(flags) if flag == "1")


def _records(sequence: _Sequence, source: Source, skips: Skips, folder: Path) -> Iterator[Record]:
    stride = max(1, int(source.options.get("stride", 10)))
    check = PictureCheck(folder, skips)
    rows = sequence.boxes
    if len(rows) < len(sequence.frames):
        skips.add("fewer boxes than frames", sequence.name)
    for index in range(0, min(len(rows), len(sequence.frames)), stride):
        file = sequence.frames[index]
        if index in sequence.hidden:
            skips.add("object hidden", file)
            continue
        size = check.size(file)
        box = _box(rows[index], sequence.one_based)
        if size is None:
            continue
        objects = ObjectList(*size, skips, file)
        if box is None:
            objects.skip("no box", None)
            continue
        if not objects.add(sequence.label, box, identity=f"{sequence.name}:target"):
            continue
        yield Record(
            name=f"{sequence.name}/{index}", root=source.name, file=file,
            width=size[0], height=size[1], objects=tuple(objects.objects),
            # Only the tracked object is annotated: nothing is known of any other.
            unsure=frozenset({sequence.label}), known=frozenset(),
            group=sequence.name, order=index, source=source.name, licence=source.licence,
        )  # fmt: skip


def _box(line: str, one_based: bool) -> Box | None:
    """`x,y,w,h` (commas, tabs or spaces); a 1-based corner is moved to continuous coordinates."""
    parts = line.replace(",", " ").split()
    try:
        x, y, width, height = (float(p) for p in parts[:4])
    except ValueError:
        return None
    shift = 1.0 if one_based else 0.0
    return Box.from_xywh(x - shift, y - shift, width, height)
