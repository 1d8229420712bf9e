"""LVIS: COCO's shape with a federated vocabulary: each picture says what was looked for in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..record import Record, Skips
from .base import Source, whole
from .coco import CocoVariant, read_variant, text_of


def _file(image: Mapping[str, Any]) -> str:
    """LVIS v1 names a picture by its COCO address: `.../val2017/000000123.jpg`."""
    if image.get("file_name") is not None:
        return text_of(image, "file_name")
    return "/".join(text_of(image, "coco_url").split("/")[-2:])


def _numbers(image: Mapping[str, Any], key: str) -> set[int]:
    """The class numbers of a list; what is no number is none."""
    listed = image.get(key)
    found = map(whole, listed) if isinstance(listed, list) else ()
    return {number for number in found if number is not None}


class _Looked:
    """What was looked for in each picture.

    Attributes:
        joined: labels of several classes, with their numbers. `bow (weapon)` and `bow (decorative
            ribbons)` are both `bow`: one of them alone says neither how many bows there are nor
            that there is none. Worked out at the first picture: there are 1,203 classes.
    """

    def __init__(self) -> None:
        self.joined: dict[str, set[int]] | None = None

    def known(self, image: Mapping[str, Any], names: Mapping[int, str]) -> frozenset[str]:
        """See `CocoVariant.known_of`."""
        if self.joined is None:
            numbers: dict[str, set[int]] = {}
            for number, label in names.items():
                numbers.setdefault(label, set()).add(number)
            self.joined = {label: own for label, own in numbers.items() if len(own) > 1}
        absent = _numbers(image, "neg_category_ids") & names.keys()
        parted = {label for label, own in self.joined.items() if not own <= absent}
        return frozenset(names[number] for number in absent) - parted


def _unsure(image: Mapping[str, Any], names: Mapping[int, str]) -> frozenset[str]:
    partly = _numbers(image, "not_exhaustive_category_ids") & names.keys()
    return frozenset(names[number] for number in partly)


def read_lvis(source: Source, skips: Skips) -> Iterator[Record]:
    """Records of `annotations` and `images`. Only negative categories are known to be absent."""
    looked = _Looked()
    variant = CocoVariant(file_of=_file, known_of=looked.known, unsure_of=_unsure)
    for record, _ in read_variant(source, skips, variant):
        open_counts = record.labels & (looked.joined or {}).keys()
        yield replace(record, unsure=record.unsure | open_counts)
