"""In which pictures each of several things is wanted."""

from __future__ import annotations

from collections.abc import Sequence

from ...tools.errors import QueryNotUnderstood
from .heads import Head
from .lexicon import word_set
from .pictures import Pictures
from .reading import Reading
from .shown import confines
from .stream import Chunk

Placed = list[tuple[Head, tuple[int, ...]]]

_TIES = word_set("and & , or plus also both either as well")
"""Between pictures that are named together."""


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
    # `People in both, cars in the second`: behind its noun `both` is a place as any other;
    # `both image 1 and image 2` is no other than these.
    named = {i for i, _ in spots}
    placed = [
        (i, r) for i, r in every
        if not r.negated and (confines(r) or (r.kind == "all" and i > first and i + 1 not in named))
    ]  # fmt: skip
    if len(targets) < 2 or len(placed) < 2:
        return [(head, together) for head in targets]
    leading = placed[0][0] < first
    last = -1 if leading else max(head.at for head in targets)
    spoken = _spoken_together(reading.stream.words(), placed, last)
    result: Placed = []
    for head in targets:
        if leading:
            own = [images for i, images in spoken if i < head.at][-1:]
        else:
            own = [images for i, images in spoken if i > head.at][:1] or [spoken[-1][1]]
        result.append((head, own[0] if own else together))
    return result


def _spoken_together(
    words: Sequence[str], placed: Sequence[tuple[int, Pictures]], last: int
) -> list[tuple[int, tuple[int, ...]]]:
    """Places of the question with the pictures named there; `image 1 and image 2` is one place.

    Args:
        words: of the question.
        placed: references to pictures, in order, with where they stand.
        last: where the last thing stands if things stand before their pictures. Where none else
            is left for it, a picture with a preposition is its own: `dogs in image 1, in image 2
            cats`.
    """
    groups: list[tuple[int, tuple[int, ...]]] = []
    for number, (index, ref) in enumerate(placed):
        before = placed[number - 1][0] if number else -1
        tied = bool(groups) and {*words[before + 1 : index]} <= _TIES
        opens = ref.preposition != "" and index < last and number == len(placed) - 1
        if tied and not opens:
            at, images = groups.pop()
            groups.append((at, tuple(dict.fromkeys((*images, *ref.images)))))
        else:
            groups.append((index, ref.images))
    return groups


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
