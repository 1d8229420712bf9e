"""Where some attention heads are taught to look while an answer is written; dropped at export.

Left alone, a model of a few million parameters finds out where to look only after ten thousands of
questions. Three heads are shown the way that a person would go: the word of a name looks at what it
names, the answer looks at that word, and then at the thing whose box it writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .questions import Page, Question

HEADS = {"word": (0, 0), "asked": (1, 1), "thing": (2, 0)}
"""(layer, head) of each kind of look."""

SAME_BOX = 1e-3
"""Corners (shares of the picture) of a written box and its object's differ by less together."""


class Look(NamedTuple):
    """One place of a sequence that should look at some others.

    Attributes:
        kind: of `HEADS`. place: of the token that looks. keys: places that it should look at.
    """

    kind: str
    place: int
    keys: NDArray[np.intp]


def looks_of(
    page: Page,
    question: Question,
    visual: NDArray[np.intp],
    noun: int | None,
    boxes: Sequence[int],
) -> list[Look]:
    """The looks of one question.

    Args:
        page: what is shown.
        question: what is asked.
        visual: places of the visual tokens, all pictures in order.
        noun: place of the last word of the name that is asked for, or None.
        boxes: places of the picture tokens of the answer's boxes, in order.
    """
    looks: list[Look] = []
    things = [_cells(page, picture, box, visual) for picture, box in question.places]
    shown = np.concatenate(things) if things else np.zeros(0, np.intp)
    if noun is not None and len(shown):
        looks.append(Look("word", noun, shown))
    for at, keys in zip(boxes, things, strict=False):
        # A token is foretold at the place before it; a box is a picture and four coordinates.
        for place in range(at - 1, at + 4):
            if noun is not None:
                looks.append(Look("asked", place, np.array([noun], np.intp)))
            if len(keys):
                looks.append(Look("thing", place, keys))
    return looks


def _cells(
    page: Page, picture: int, box: NDArray[np.float32], visual: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Places of the visual tokens that show the object of a box; none where it is no object's."""
    scene = page.scenes[picture - 1]
    apart = np.abs(scene.boxes - box).sum(1)
    if not len(apart) or apart.min() > SAME_BOX:
        return np.zeros(0, np.intp)
    before = sum(s.cells.size for s in page.scenes[: picture - 1])
    own = np.flatnonzero(scene.cells.reshape(-1) == int(apart.argmin()))
    return visual[before + own]
