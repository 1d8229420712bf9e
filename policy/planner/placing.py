"""In which pictures each of several things is wanted."""

from __future__ import annotations

from collections.abc import Sequence

from ...tools.errors import QueryNotUnderstood
from .heads import Head
from .pictures import Pictures
from .reading import Reading
from .shown import confines
from .stream import Chunk

Placed = list[tuple[Head, tuple[int, ...]]]


def place(reading: Reading, targets: list[Head]) -> Placed:
    """Each target with its pictures: its own where each has one, else all that are named.

    Raises:
        QueryNotUnderstood: `respectively` of so many things and another number of pictures.
    """
    every = [
        (index, item.meaning)
        for index, item in enumerate(reading.stream.items)
        if isinstance(item, Chunk) and isinstance(item.meaning, Pictures)
    ]
    if " respectively " in reading.text and len(targets) > 1:
        return _respectively([ref for _, ref in every], targets)
    spots = [(index, ref) for index, ref in every if confines(ref)]
    together = reading.where([ref for _, ref in spots]) or reading.every
    first = min((head.at for head in targets), default=0)
    # `People in both, cars in the second`: behind its noun `both` is a place as any other.
    placed = [
        (i, r) for i, r in every
        if not r.negated and (confines(r) or (r.kind == "all" and i > first))
    ]  # fmt: skip
    if len(targets) < 2 or len(placed) < 2:
        return [(head, together) for head in targets]
    leading = placed[0][0] < first
    result: Placed = []
    for head in targets:
        if leading:
            own = [r for i, r in placed if i < head.at][-1:]
        else:
            own = [r for i, r in placed if i > head.at][:1] or [placed[-1][1]]
        result.append((head, own[0].images if own else together))
    return result


def _respectively(references: Sequence[Pictures], targets: list[Head]) -> Placed:
    """`The dog and the cat in images 1 and 2, respectively`: one picture each, in that order."""
    images = [i for ref in references if confines(ref) and not ref.negated for i in ref.images]
    if not images and len(references) == 1 and references[0].kind == "all":
        images = list(references[0].images)
    if len(images) != len(targets):
        raise QueryNotUnderstood(
            f"The question names {len(targets)} things and {len(images)} pictures respectively.",
            "Name the picture of each, as in: the dog in image 1 and the cat in image 2.",
        )
    return [(head, (image,)) for head, image in zip(targets, images, strict=True)]
