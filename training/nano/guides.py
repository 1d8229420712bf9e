"""Where some attention heads are taught to look while an answer is written; dropped at export.

Left alone, a model of a few million parameters finds out where to look only after ten thousands of
questions. Some heads are shown the way that a person would go: the word of a name looks at what it
names, the answer looks at that word, and then at the thing whose box it writes; what a picture
shows looks at its like in the pictures before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .composer import Scene
from .questions import Page, Question, Reference

HEADS = {"word": (0, 0), "peer": (1, 0), "asked": (1, 1), "thing": (2, 0)}
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
    words: Sequence[int | None],
    boxes: Sequence[int],
) -> list[Look]:
    """The looks of one question.

    Args:
        page: what is shown.
        question: what is asked.
        visual: places of the visual tokens, all pictures in order.
        words: place of the last word of each of the question's references, where it was found.
        boxes: places of the picture tokens of the answer's boxes, in order.
    """
    looks: list[Look] = []
    found = [(r, at) for r, at in zip(question.refers, words, strict=True) if at is not None]
    for reference, at in found:
        shown = [_cells(page, picture, box, visual) for picture, box in reference.places]
        if shown and sum(map(len, shown)):
            looks.append(Look("word", at, np.concatenate(shown)))
    for at, (picture, box) in zip(boxes, question.places, strict=False):
        keys = _cells(page, picture, box, visual)
        # The words that mean this very box; where none do, those that the question begins with.
        own = [word for r, word in found if _means(r, picture, box)] or [w for _, w in found[:1]]
        # A token is foretold at the place before it; a box is a picture and four coordinates.
        for place in range(at - 1, at + 4):
            if own:
                looks.append(Look("asked", place, np.array(own, np.intp)))
            if len(keys):
                looks.append(Look("thing", place, keys))
    return looks


def peers(page: Page, visual: NDArray[np.intp]) -> list[Look]:
    """The looks of pictures at each other: what is the same, and what changed, is seen there.

    Args:
        page: what is shown.
        visual: places of the visual tokens, all pictures in order.
    """
    names = [_names(scene) for scene in page.scenes]
    shown = np.concatenate(names)
    begins = np.cumsum([0, *map(len, names)])
    looks: list[Look] = []
    for first, own in zip(begins[1:], names[1:], strict=False):
        for name in np.unique(own[own >= 0]):
            earlier = visual[np.flatnonzero(shown[:first] == name)]
            if len(earlier):
                at = visual[first + np.flatnonzero(own == name)]
                looks += [Look("peer", int(place), earlier) for place in at]
    return looks


def _names(scene: Scene) -> NDArray[np.int64]:
    """The name that each cell of a scene shows; below 0 where it shows none or is not known."""
    # As in `packing`: -2 is not known, -1 shows nothing.
    return np.array([-2, -1, *scene.names], np.int64)[scene.cells.reshape(-1) + 2]


def copies(
    ids: Sequence[int], taught: Sequence[int], words: frozenset[int], names: frozenset[int]
) -> list[Look]:
    """The looks of a conversation: what is written anew looks at where it stood before.

    Args:
        ids: of the question, the calls, what came back, and the answer.
        taught: places in `ids` that the model writes.
        words: ids of words, which a call takes from the question.
        names: ids of the names of boxes, which the answer takes from a result.
    """
    looks: list[Look] = []
    for at in taught:
        kind = "asked" if ids[at] in words else "thing" if ids[at] in names else None
        before = [k for k in range(at) if ids[k] == ids[at]] if kind else []
        if kind and before:
            looks.append(Look(kind, at - 1, np.array(before, np.intp)))
    return looks


def _means(reference: Reference, picture: int, box: NDArray[np.float32]) -> bool:
    return any(
        k == picture and float(np.abs(other - box).sum()) < SAME_BOX
        for k, other in reference.places
    )


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
