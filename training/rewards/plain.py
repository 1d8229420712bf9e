"""Reading the boxes of a batch of answers that are written as the dialect writes them.

A trained policy writes the same few characters around its numbers. So each text is cut at its
quotation marks, the pieces around the numbers are compared with what must stand there, and the
numbers of all answers are read and placed together. A list that is spaced in another way goes
through a JSON parser first; whatever is unusual beyond that is left to the dialect.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic_core import from_json

from ...policy.dialect import ReadContext
from .rollout import BoxSet, Floats, Ints

LABEL = re.compile(r"[A-Za-z]+(?: [A-Za-z]+){0,4}")
"""Labels that every reader of the dialect leaves as they are."""

_IMAGE, _BOX = b": , ", b": [, , , ], "
_DIGITS = b"0123456789"
_SPACES = bytes.maketrans(b":[],", b"    ")
_PIECES = 8
"""Pieces of an item: `{`, image, its number, bbox_2d, the box, label, a colon, the label's text."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Cut:
    """The numbers of an answer, still as text, and the labels.

    Attributes:
        images: `: 2, ` for each of n items. boxes: `: [1, 2, 3, 4], ` for each.
        labels: n of them.
    """

    images: bytes
    boxes: bytes
    labels: tuple[str, ...]

    @property
    def digits(self) -> int:
        """How many digits all numbers have together."""
        return len(self.images) + len(self.boxes) - len(self.labels) * len(_IMAGE + _BOX)


def cut_plain(body: str) -> Cut | None:
    """Cut `[{"image": 1, "bbox_2d": [1, 2, 3, 4], "label": "dog"}, ...]`; None for another form."""
    pieces = body.split('"')
    count, rest = divmod(len(pieces), _PIECES)
    if rest != 1 or not count or not _framed(pieces, count):
        return None
    labels = tuple(pieces[7::_PIECES])
    if any(LABEL.fullmatch(label) is None for label in set(labels)):
        return None
    images = "".join(pieces[2::_PIECES]).encode()
    boxes = "".join(pieces[4::_PIECES]).encode()
    if images.translate(None, _DIGITS) != _IMAGE * count or b" ," in images:
        return None
    if boxes.translate(None, _DIGITS) != _BOX * count:
        return None
    if b"[," in boxes or b" ," in boxes or b" ]" in boxes:
        return None
    return Cut(images, boxes, labels)


def _framed(pieces: list[str], count: int) -> bool:
    """Whether what stands around the numbers and the labels is as it must be."""
    return (
        pieces[0] == "[{"
        and pieces[-1] == "}]"
        and pieces[8:-1:_PIECES] == ["}, {"] * (count - 1)
        and pieces[1::_PIECES] == ["image"] * count
        and pieces[3::_PIECES] == ["bbox_2d"] * count
        and pieces[5::_PIECES] == ["label"] * count
        and pieces[6::_PIECES] == [": "] * count
    )


def cut_json(body: str) -> Cut | None:
    """Cut any JSON list of such items, however it is spaced, the empty one included."""
    try:
        items = from_json(body)
        images = [item["image"] for item in items]
        corners = [item["bbox_2d"] for item in items]
        labels = [item["label"] for item in items]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if type(items) is not list or "true" in body or "false" in body:
        return None
    if any(type(c) is not list or len(c) != 4 for c in corners):
        return None
    numbers: list[Any] = [*images, *chain.from_iterable(corners)]
    if not set(map(type, numbers)) <= {int} or not set(map(type, labels)) <= {str}:
        return None
    if any(LABEL.fullmatch(label) is None for label in set(labels)):
        return None
    if min(numbers, default=0) < 0:
        return None
    written = (": %d, " * len(images) % tuple(images)).encode()
    boxes = (": [%d, %d, %d, %d], " * len(images) % tuple(numbers[len(images) :])).encode()
    return Cut(written, boxes, tuple(labels))


def place(cuts: Sequence[Cut], contexts: Sequence[ReadContext]) -> list[BoxSet | None]:
    """Relative-1000 boxes as pixels; None where an answer has anything unusual.

    Unusual is a number with leading zeros or above 1000, a picture that is not there, corners in
    the wrong order, and a box that is given twice.

    Args:
        cuts: B answers.
        contexts: in which each was given, B long.
    """
    counts = np.asarray([len(cut.labels) for cut in cuts], dtype=np.int64)
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    if not total:
        return [BoxSet() for _ in cuts]
    text = b"".join([*(cut.images for cut in cuts), *(cut.boxes for cut in cuts)])
    numbers: Ints = np.fromstring(text.translate(_SPACES), dtype=np.int64, sep=" ")
    images, boxes = numbers[:total], numbers[total:].reshape(total, 4)
    owner = np.repeat(np.arange(len(cuts)), counts)
    offset, shown, sizes = _pictures(contexts)
    odd = _unusual(images, boxes, owner, shown)
    odd |= _digits(images, boxes, owner, len(cuts)) != [cut.digits for cut in cuts]
    inside = np.clip(images, 1, shown[owner]) - 1
    pixels = boxes * sizes[offset[owner] + inside] / 1000.0
    return [
        None if bad else BoxSet(pixels[end - count : end], images[end - count : end], cut.labels)
        for cut, bad, count, end in zip(
            cuts, odd.tolist(), counts.tolist(), ends.tolist(), strict=True
        )
    ]


def _pictures(contexts: Sequence[ReadContext]) -> tuple[Ints, Ints, Floats]:
    """(B,) where each context's pictures begin, (B,) how many it has, and (m, 4) w, h, w, h."""
    begins: dict[int, tuple[int, int]] = {}
    sizes: list[tuple[int, int, int, int]] = []
    for context in contexts:
        if id(context) not in begins:
            own = [(p.width, p.height, p.width, p.height) for p in context.book.pictures]
            begins[id(context)] = len(sizes), len(own)
            sizes += own or [(1, 1, 1, 1)]
    known = np.asarray([begins[id(context)] for context in contexts], dtype=np.int64)
    return known[:, 0], known[:, 1], np.asarray(sizes, dtype=np.float64)


def _unusual(images: Ints, boxes: Ints, owner: Ints, shown: Ints) -> Flags:
    """(B,) whether an answer has a number that is out of place, or a box twice."""
    wrong = (images < 1) | (images > shown[owner]) | (boxes > 1000).any(axis=1)
    wrong |= (boxes[:, :2] >= boxes[:, 2:]).any(axis=1)
    odd = np.zeros(len(shown), dtype=np.bool_)
    odd[owner[wrong]] = True
    # One number for each box: no two boxes up to 1000 share it, and a false alarm costs time only.
    code = ((((images * 1001 + boxes[:, 0]) * 1001 + boxes[:, 1]) * 1001) + boxes[:, 2]) * 1001
    code += boxes[:, 3]
    order = np.lexsort((code, owner))
    code, owner = code[order], owner[order]
    odd[owner[1:][(code[1:] == code[:-1]) & (owner[1:] == owner[:-1])]] = True
    return odd


def _digits(images: Ints, boxes: Ints, owner: Ints, count: int) -> Ints:
    """(B,) digits that the numbers need; more were written where one has a leading zero."""
    table = np.column_stack([images, boxes])
    needed = sum(((table >= bound).sum(axis=1) for bound in (10, 100, 1000)), start=np.int64(5))
    return np.bincount(owner, needed, count).astype(np.int64)
