"""RefCOCO, RefCOCO+, RefCOCOg: sentences about objects of a COCO instances file."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ....tools.errors import DataError
from ..record import Record, Skips
from .base import Source
from .coco import CocoVariant, read_variant


class _PlainUnpickler(pickle.Unpickler):
    """Refuses every class: the published files hold lists, dicts, strings and numbers only."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        raise pickle.UnpicklingError(f"{module_name}.{global_name} is not plain data")


def load_references(path: Path) -> list[dict[str, Any]]:
    """The list of references of a `refs(...).p` or JSON file.

    Raises:
        DataError: not such a file, or a pickle that holds more than plain data.
    """
    try:
        data = path.read_bytes()
        plain: object = (
            json.loads(data)
            if data[:1] in (b"[", b"{")
            else _PlainUnpickler(io.BytesIO(data)).load()
        )
    except (OSError, ValueError, pickle.UnpicklingError, EOFError, IndexError, KeyError) as error:
        raise DataError(f"{path.name}: not a file of references.") from error
    if not isinstance(plain, list):
        raise DataError(f"{path.name}: not a list of references.")
    return [item for item in plain if isinstance(item, dict)]


def read_refcoco(source: Source, skips: Skips) -> Iterator[Record]:
    """Records of `annotations` (instances), `references` (refs file) and `images`.

    The option `splits` keeps only pictures of these splits.
    """
    splits = source.options.get("splits")
    phrases: dict[int, list[str]] = {}
    pictures: set[str] = set()
    for reference in load_references(source.path("references")):
        if splits and reference.get("split") not in splits:
            continue
        number, sentences = reference.get("ann_id"), reference.get("sentences")
        if not isinstance(number, int) or not isinstance(sentences, list):
            skips.add("broken reference", str(reference.get("ref_id")))
            continue
        pictures.add(str(reference.get("image_id")))
        said = [str(s["sent"]) for s in sentences if isinstance(s, dict) and s.get("sent")]
        texts = [text.strip().rstrip(" .") for text in said]
        phrases.setdefault(number, []).extend(texts)

    def of(annotation: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(phrases.get(int(annotation.get("id", -1)), ())))

    for record, key in read_variant(source, skips, CocoVariant(phrases_of=of)):
        if key in pictures:
            yield record
