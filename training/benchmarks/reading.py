"""The first boxes of answers, by the project's one parser, in the convention of a benchmark."""

from __future__ import annotations

from collections.abc import Sequence

from ...policy.parsing.first_box import FirstBox, each_first_box
from .bulk_boxes import Quad


def in_thousandths(texts: Sequence[str]) -> list[Quad | None]:
    """The first box of each answer in thousandths of the picture, as the models are asked for.

    Four numbers from 0 to 1 with decimals are fractions: another convention than the one asked
    for. They are not guessed at; on a grid of 1000 they are no box.
    """
    return [
        None if found is None or found.syntax.endswith("-unit") else found.numbers
        for found in each_first_box(texts)
    ]


def in_either(texts: Sequence[str]) -> list[Quad | None]:
    """The first boxes in thousandths, where fractions are the benchmark's own convention too."""
    return [None if found is None else _thousandths(found) for found in each_first_box(texts)]


def _thousandths(found: FirstBox) -> Quad:
    a, b, c, d = found.box
    return a * 1000.0, b * 1000.0, c * 1000.0, d * 1000.0
