"""LVIS: COCO's shape with a federated vocabulary: each picture says what was looked for in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..record import Record, Skips
from .base import Source, whole
from .coco import CocoVariant, read_variant, text_of


def _file(image: Mapping[str, Any]) -> str:
    """LVIS v1 names a picture by its COCO address: `.../val2017/000000123.jpg`."""
    if image.get("file_name") is not None:
        return text_of(image, "file_name")
    return "/".join(text_of(image, "coco_url").split("/")[-2:])


def _named(image: Mapping[str, Any], key: str, names: Mapping[int, str]) -> frozenset[str]:
    """The labels that a list of class numbers names; what is no such number names none."""
    listed = image.get(key)
    numbers = map(whole, listed) if isinstance(listed, list) else ()
    return frozenset(names[i] for i in numbers if i is not None and i in names)


def _known(image: Mapping[str, Any], names: Mapping[int, str]) -> frozenset[str]:
    return _named(image, "neg_category_ids", names)


def _unsure(image: Mapping[str, Any], names: Mapping[int, str]) -> frozenset[str]:
    return _named(image, "not_exhaustive_category_ids", names)


def read_lvis(source: Source, skips: Skips) -> Iterator[Record]:
    """Records of `annotations` and `images`. Only negative categories are known to be absent."""
    variant = CocoVariant(file_of=_file, known_of=_known, unsure_of=_unsure)
    for record, _ in read_variant(source, skips, variant):
        yield record
