"""D3 (Description Detection): whole sentences, each with none, one or several boxes a picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..record import Instance, Record, Skips
from .base import Source, whole
from .coco import CocoVariant, read_variant
from .stream import stream_arrays


def _sentence(name: str) -> str:
    return " ".join(name.split()).rstrip(".")


def read_d3(source: Source, skips: Skips) -> Iterator[Record]:
    """Records of the COCO-shaped D3 file (`annotations`) and `images`.

    A category is a sentence. Pictures and sentences belong to groups: within its group a picture
    is annotated for every sentence, so a sentence without a box is known to be absent. A category
    without `group_id` is taken as annotated in every picture (D3's inter-scenario setting).
    """
    groups: dict[str, list[int]] = {}
    for _, item in stream_arrays(source.path("annotations"), frozenset({"categories"})):
        # A broken category is counted where the file is read as a whole.
        number = whole(item.get("id")) if isinstance(item, dict) else None
        if number is not None:
            for group in _groups(item):
                groups.setdefault(group, []).append(number)

    def known(image: Mapping[str, Any], names: Mapping[int, str]) -> frozenset[str]:
        own = _groups(image)
        numbers = [n for g in own for n in groups.get(g, ())] if own and groups else list(names)
        return frozenset(names[n] for n in numbers if n in names)

    variant = CocoVariant(known_of=known, words=_sentence)
    for record, _ in read_variant(source, skips, variant):
        yield replace(record, objects=tuple(_described(o) for o in record.objects))


def _groups(item: Mapping[str, Any]) -> list[str]:
    value = item.get("group_id")
    values = value if isinstance(value, list) else [] if value is None else [value]
    return [str(v) for v in values]


def _described(found: Instance) -> Instance:
    """The sentence is both label and description."""
    return replace(found, phrases=(found.label,))
