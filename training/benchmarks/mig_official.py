"""What the published MIG-Bench script does, quirks included; only under `--official`.

Sources: thunlp/Migician eval (first release, boxes 0-1) and Tajamul21/MIG-Agent eval (revised set,
integers 0-1000). Written anew from their behaviour; `OFFICIAL_QUIRKS` names each departure from
the metric of the paper.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from .bulk_boxes import Floats, Quad, first_boxes
from .item import Item
from .outcome import Outcome

OFFICIAL_QUIRKS = (
    "Migician's boxes are stretched before scoring: y1 by 1.05 and y2 by 1.10, up to .999; other"
    " models' are not.",
    "Boxes are looked for in the whole text, reasoning included, one spelling after the other:"
    " (a,b),(c,d) wins over an earlier [a,b,c,d].",
    "Revised set: a box with decimals is read as none. Original set: a number from 1 up is divided"
    " by 1000, so a lone box's 1 becomes .001.",
    "Truth boxes are taken as written: an inverted one can't be matched.",
)

_PAIRS = re.compile(r"\((\d+),\s*(\d+)\),\s*\((\d+),\s*(\d+)\)")
_SPELLINGS = (
    _PAIRS,
    re.compile(r"\[(\d+\.\d+),\s*(\d+\.\d+),\s*(\d+\.\d+),\s*(\d+\.\d+)\]"),
    re.compile(r"\((\d+\.\d+),(\d+\.\d+)\),\((\d+\.\d+),(\d+\.\d+)\)"),
    re.compile(r"\((\d+\.\d+),\s*(\d+\.\d+),\s*(\d+\.\d+),\s*(\d+\.\d+)\)"),
    re.compile(r"\[(\d+),\s*(\d+),\s*(\d+),\s*(\d+)\]"),
    re.compile(r"<box>(\d+)\s+(\d+)\s+(\d+)\s+(\d+)</box>"),
)


def _matches(text: str) -> list[tuple[str, ...]]:
    """All boxes in the first spelling that occurs at all."""
    for spelling in _SPELLINGS:
        found = spelling.findall(text)
        if found:
            return found
    return []


def official_revised(text: str) -> Quad | None:
    """The first box as the revised set's script reads it: whole numbers only."""
    found = _matches(text)
    if not found or any("." in number for number in found[0]):
        return None
    a, b, c, d = (float(v) for v in found[0])
    return a, b, c, d


def official_original(text: str) -> tuple[Quad | None, bool]:
    """The first box as the first script reads it, 0-1; and whether it was the only one.

    The script divides numbers from 1 up by 1000 where there is one box, above 1 where there are
    several; it stretches only a lone box.
    """
    found = _matches(text)
    if not found:
        return None, False
    lone = len(found) == 1
    values = [float(v) for v in found[0]]
    a, b, c, d = (v / 1000 if v > 1 or (lone and v == 1) else v for v in values)
    return (a, b, c, d), lone


def is_migician(outcome: Outcome) -> bool:
    """Whether the published script would stretch this answer's box."""
    return (outcome.model or "").lower().startswith("migician")


def official_boxes(items: Sequence[Item], outcomes: Sequence[Outcome]) -> Floats:
    """The boxes that the published script scores, (n, 4), in the items' space; NaN for none."""
    if items and items[0].space == "unit":
        return _original_boxes(outcomes)
    boxes = first_boxes([o.raw for o in outcomes], _each_revised, whole=True)
    stretched = np.fromiter((is_migician(o) for o in outcomes), np.bool_, len(outcomes))
    rows = np.flatnonzero(stretched & ~np.isnan(boxes[:, 0]))
    for column, factor in ((1, 1.05), (3, 1.10)):
        written, places = np.unique(boxes[rows, column], return_inverse=True)
        boxes[rows, column] = np.asarray([_stretch(v, factor) for v in written.tolist()])[places]
    return boxes


def _each_revised(texts: Sequence[str]) -> list[Quad | None]:
    return [official_revised(text) for text in texts]


def _stretch(value: float, factor: float) -> float:
    """One coordinate as the script stretches it: thousandths, then cut to a whole number."""
    # Python's own rounding of decimals, which NumPy's differs from in the last place.
    return float(int(round(min(value / 1000 * factor, 0.999), 3) * 1000))


def _original_boxes(outcomes: Sequence[Outcome]) -> Floats:
    boxes = np.full((len(outcomes), 4), np.nan)
    for index, outcome in enumerate(outcomes):
        found, lone = official_original(outcome.raw)
        if found is None:
            continue
        x1, y1, x2, y2 = found
        if lone and is_migician(outcome):
            y1 = round(min(y1 * 1.05, 0.999), 3)
            y2 = round(min(y2 * 1.10, 0.999), 3)
        boxes[index] = x1, y1, x2, y2
    return boxes
