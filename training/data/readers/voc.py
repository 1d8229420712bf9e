"""Pascal VOC: one XML file a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from ....tools.boxes import Box
from ....tools.errors import DataError
from ..record import Record, Skips
from .base import ObjectList, PictureCheck, Source, label_words

_MAX_BYTES = 1 << 20


def read_voc(source: Source, skips: Skips) -> Iterator[Record]:
    """Records of a folder of XML files (`annotations`) and its pictures (`images`).

    VOC's corners are 1-based pixels, both inside: `xmin - 1` to `xmax` in continuous coordinates.
    Annotators looked only for the classes that occur in the folder; `difficult` objects make
    their label unsure.
    """
    files = sorted(source.path("annotations").glob("*.xml"))
    if not files:
        raise DataError(f"source {source.name}: no XML files in {source.path('annotations')}.")
    check = PictureCheck(source.path("images"), skips)
    names, known = _overview(files)
    for file in files:
        record = _read(file, source, skips, check, names, known)
        if record is not None:
            yield record


def _parse(file: Path) -> ElementTree.Element | None:
    """The root element, or None. Files with a DTD (entity bombs) or of odd size are refused."""
    try:
        if file.stat().st_size > _MAX_BYTES:
            return None
        text = file.read_text(encoding="utf-8")
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            return None
        return ElementTree.fromstring(text)  # noqa: S314 (no DTD, bounded size)
    except (OSError, UnicodeDecodeError, ElementTree.ParseError):
        return None


def _name(root: ElementTree.Element) -> str:
    return Path(root.findtext("filename") or "").name


def _overview(files: list[Path]) -> tuple[Counter[str], frozenset[str]]:
    """(how many files are of a picture, the classes that occur)."""
    names: Counter[str] = Counter()
    classes: set[str] = set()
    for file in files:
        root = _parse(file)
        if root is not None:
            names[_name(root)] += 1
            classes.update(label_words(n.findtext("name") or "") for n in root.findall("object"))
    return names, frozenset(classes - {""})


def _read(
    file: Path,
    source: Source,
    skips: Skips,
    check: PictureCheck,
    names: Counter[str],
    known: frozenset[str],
) -> Record | None:
    root = _parse(file)
    if root is None:
        skips.add("broken annotation file", file.name)
        return None
    name = _name(root)
    try:
        width = int(root.findtext("size/width") or "")
        height = int(root.findtext("size/height") or "")
    except ValueError:
        skips.add("picture without name or size", file.name)
        return None
    if name and names[name] > 1:
        # Each file has its own boxes: none says what else is there.
        skips.add("picture of two files", file.name)
        return None
    if not check.matches(name, width, height):
        return None
    objects = ObjectList(width, height, skips, name)
    for node in root.findall("object"):
        _object(node, objects)
    return Record(
        name=file.stem, root=source.name, file=name, width=width, height=height,
        objects=tuple(objects.objects), unsure=frozenset(objects.unsure), known=known,
        source=source.name, licence=source.licence,
    )  # fmt: skip


def _object(node: ElementTree.Element, objects: ObjectList) -> None:
    label = label_words(node.findtext("name") or "")
    if not label:
        objects.skip("unknown category", None)
        return
    if (node.findtext("difficult") or "0").strip() == "1":
        objects.skip("difficult", label)
        return
    try:
        x1, y1, x2, y2 = (
            float(node.findtext(f"bndbox/{key}") or "") for key in ("xmin", "ymin", "xmax", "ymax")
        )
    except ValueError:
        objects.skip("no box", label)
        return
    objects.add(label, Box(x1 - 1.0, y1 - 1.0, x2, y2))
