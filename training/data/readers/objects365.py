"""Objects365: COCO's shape, boxes only, pictures in patch folders, `isfake` and `isreflected`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..record import Record, Skips
from .base import Source
from .coco import CocoVariant, read_variant, text_of


def _file(image: Mapping[str, Any]) -> str:
    """`images/v1/patch8/objects365_v1_00420917.jpg`: below the picture folder, `patch8/...`."""
    return "/".join(text_of(image, "file_name").split("/")[-2:])


def read_objects365(source: Source, skips: Skips) -> Iterator[Record]:
    """Records of `annotations` and `images` (the folder that holds `patch0`, `patch1`, ...).

    Drawings and mirror images of objects are annotated apart; like crowds they make their label
    unsure, for a question would have to say whether they count.
    """
    variant = CocoVariant(file_of=_file, crowd_keys=("iscrowd", "isfake", "isreflected"))
    for record, _ in read_variant(source, skips, variant):
        yield record
