"""The readers by the names that recipes use."""

from __future__ import annotations

from collections.abc import Mapping

from ....tools.errors import DataError
from .base import Reader
from .coco import read_coco
from .d3 import read_d3
from .lvis import read_lvis
from .mot import read_mot
from .multiview import read_views
from .objects365 import read_objects365
from .refcoco import read_refcoco
from .sequences import read_got10k, read_lasot
from .star import read_star
from .voc import read_voc

READERS: Mapping[str, Reader] = {
    "coco": read_coco,
    "refcoco": read_refcoco,
    "lvis": read_lvis,
    "objects365": read_objects365,
    "d3": read_d3,
    "voc": read_voc,
    "lasot": read_lasot,
    "got10k": read_got10k,
    "mot": read_mot,
    "views": read_views,
    "star": read_star,
}


def reader(name: str) -> Reader:
    """A reader by name. Raises DataError with the list for an unknown one."""
    if name not in READERS:
        raise DataError(f"no reader {name!r}.", f"Readers: {', '.join(READERS)}.")
    return READERS[name]
