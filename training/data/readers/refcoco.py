"""RefCOCO, RefCOCO+, RefCOCOg: sentences about objects of a COCO instances file."""

from __future__ import annotations

import codecs
import io
import json
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ....tools.errors import DataError
from ..record import Record, Skips
from .base import Source, row_key, whole
from .coco import CocoVariant, read_variant
from .stream import well_formed

_UNREADABLE = (
    OSError, ValueError, EOFError, LookupError, TypeError, AttributeError, OverflowError,
    RecursionError, pickle.UnpicklingError,
)  # fmt: skip
"""What unpickling raises, or reading JSON, when the bytes are something else."""


class _PlainUnpickler(pickle.Unpickler):
    """Refuses every class: the published files hold lists, dicts, strings and numbers only."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        raise pickle.UnpicklingError(f"{module_name}.{global_name} is not plain data")


def load_references(path: Path) -> list[Any]:
    """The references of a `refs(...).p` or JSON file, of which each may yet be anything.

    Raises:
        DataError: not such a file, or a pickle that holds more than plain data.
    """
    try:
        data = path.read_bytes()
        plain: object = (
            json.loads(data)
            if data.removeprefix(codecs.BOM_UTF8).lstrip()[:1] in (b"[", b"{")
            # Written by Python 2, whose strings are bytes.
            else _PlainUnpickler(io.BytesIO(data), encoding="utf-8", errors="replace").load()
        )
    except _UNREADABLE as error:
        raise DataError(f"{path.name}: not a file of references.") from error
    if not isinstance(plain, list):
        raise DataError(f"{path.name}: not a list of references.")
    return well_formed(plain)


def read_refcoco(source: Source, skips: Skips) -> Iterator[Record]:
    """Records of `annotations` (instances), `references` (refs file) and `images`.

    The option `splits` keeps only pictures of these splits.
    """
    splits = source.options.get("splits")
    phrases: dict[int, list[str]] = {}
    pictures: set[str] = set()
    for place, reference in enumerate(load_references(source.path("references"))):
        if not isinstance(reference, dict):
            skips.add("not an object", str(place))
            continue
        if splits and reference.get("split") not in splits:
            continue
        number, sentences = whole(reference.get("ann_id")), reference.get("sentences")
        picture = row_key(reference.get("image_id"))
        if number is None or picture is None or not isinstance(sentences, list):
            skips.add("broken reference", str(reference.get("ref_id")))
            continue
        pictures.add(picture)
        said = [str(s["sent"]) for s in sentences if isinstance(s, dict) and s.get("sent")]
        texts = [text.strip().rstrip(" .") for text in said]
        phrases.setdefault(number, []).extend(texts)

    def of(annotation: Mapping[str, Any]) -> tuple[str, ...]:
        number = whole(annotation.get("id"))
        return () if number is None else tuple(dict.fromkeys(phrases.get(number, ())))

    for record, key in read_variant(source, skips, CocoVariant(phrases_of=of)):
        if key in pictures:
            yield record
