"""The first box of an answer, by the project's one parser, in the convention of a benchmark."""

from __future__ import annotations

from ...policy.parsing.first_box import first_box
from .bulk_boxes import Quad


def first_thousandths(text: str) -> Quad | None:
    """The first box of an answer in thousandths of the picture, as the models are asked for.

    Four numbers from 0 to 1 with decimals are fractions: another convention than the one asked
    for. They are not guessed at; on a grid of 1000 they are no box.
    """
    found = first_box(text)
    return None if found is None or found.syntax.endswith("-unit") else found.numbers


def first_in_either(text: str) -> Quad | None:
    """The first box in thousandths, where fractions are the benchmark's own convention too."""
    found = first_box(text)
    if found is None:
        return None
    a, b, c, d = found.box
    return a * 1000.0, b * 1000.0, c * 1000.0, d * 1000.0
