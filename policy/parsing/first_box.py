"""The first box of an answer, as MIG-Bench scores it: four fractions and the syntax they had.

The benchmark's own evaluation tries its forms in a fixed order over the whole answer and takes the
first hit: whole-number corners, then lists and corners of fractions, then whole-number lists, then
`<box>`. The same order holds here. Whole numbers are thousandths; numbers from 0 to 1 of which one
is written with a point are fractions. Two quirks of that evaluation are not copied: it reads a
lone coordinate "1" of a fraction as a thousandth, and it stretches one model's boxes.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .numbers import NUMBER as N
from .numbers import written_quad
from .raw import Quad
from .tags import split_parts

_D = r"([-+]?\d{1,15}(?:\.\d{0,15})?)"
_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("points", re.compile(rf"\({N},{N}\)\s{{0,40}},\s{{0,40}}\({N},{N}\)")),
    ("list", re.compile(rf"\[{N},{N},{N},{N}\]")),
    ("tuple", re.compile(rf"\({N},{N},{N},{N}\)")),
    ("box-tag", re.compile(rf"<box>\s{{0,40}}{_D}\s{{1,40}}{_D}\s{{1,40}}{_D}\s{{1,40}}{_D}")),
)


class FirstBox(NamedTuple):
    """A box as fractions of its picture.

    Attributes:
        box: x1, y1, x2, y2 in [0, 1] where the model kept to the picture; neither ordered nor
            clipped, so that a scorer decides.
        syntax: points, list, tuple or box-tag; with `-unit` where fractions were written.
        numbers: as written.
    """

    box: Quad
    syntax: str
    numbers: Quad


def first_box(text: str) -> FirstBox | None:
    """The first box of an answer (of its answer part, where it has tags); None where none is.

    Total, linear in the text.
    """
    text = _answer_part(text)
    for syntax, form in _FORMS:
        match = form.search(text)
        if match is not None and (found := _box_of(syntax, match)) is not None:
            return found
    return None


def each_first_box(texts: Sequence[str]) -> list[FirstBox | None]:
    """`first_box` of every text, each form searched once over all texts together.

    A match can't reach beyond its own text, since no form crosses the zero byte between two.
    """
    parts = [_answer_part(text) for text in texts]
    joined = _END.join(parts)
    if joined.count(_END) != len(parts) - 1:
        return [first_box(text) for text in texts]
    starts = list(accumulate((len(part) + 1 for part in parts), initial=0))
    found: list[FirstBox | None] = [None] * len(parts)
    for syntax, form in _FORMS:
        tried = -1
        for match in form.finditer(joined):
            index = bisect_right(starts, match.start()) - 1
            # Of each form only the first match of a text counts, be it a box or not.
            if index != tried and found[index] is None:
                found[index] = _box_of(syntax, match)
            tried = index
    return found


_END = "\0"


def _answer_part(text: str) -> str:
    return split_parts(text).answer or "" if "<" in text else text


def _box_of(syntax: str, match: re.Match[str]) -> FirstBox | None:
    quad = written_quad(match.groups())
    if quad is None:
        return None
    a, b, c, d = numbers = quad[0]
    if quad[1]:
        return FirstBox(numbers, f"{syntax}-unit", numbers)
    return FirstBox((a / 1000, b / 1000, c / 1000, d / 1000), syntax, numbers)


def first_boxes(texts: Iterable[str]) -> tuple[NDArray[np.float64], list[str]]:
    """First boxes of many answers.

    Returns:
        (n, 4) float64 fractions, NaN where an answer holds no box; and the n syntaxes, "" there.
    """
    found = each_first_box(list(texts))
    nothing = (float("nan"),) * 4
    boxes = np.asarray([nothing if f is None else f.box for f in found], dtype=np.float64)
    return boxes.reshape(-1, 4), ["" if f is None else f.syntax for f in found]
