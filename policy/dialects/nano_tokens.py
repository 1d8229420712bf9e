"""Nano's own tokens: of a picture, a coordinate, a box's id, and of whole answers."""

from __future__ import annotations

from collections.abc import Sequence

from .family import one_step

EXTENT, STEP = 1000, 8
"""Coordinates are 0 to 1000, relative to the view's width and height, in steps of 8: 126 tokens."""

IMAGES, IDS = 16, 64
"""How many pictures and boxes' ids have a token of their own."""

NONE, UNKNOWN = "<none>", "<unknown>"
"""Whole answers: nothing of that is there; the question has words that the model never learnt."""

COORDINATES: tuple[int, ...] = tuple(range(0, EXTENT + 1, STEP))
"""The values that have a token, in order."""


def coordinate(value: int) -> str:
    """The token of a coordinate, one of `COORDINATES`."""
    return f"<c{value}>"


def image_token(index: int) -> str:
    """The token of a 1-based picture or view."""
    return f"<image_{index}>"


def box_text(corners: Sequence[float]) -> str:
    """Four coordinates of 0 to `EXTENT` as tokens, rounded to steps, never an empty box."""
    numbers: list[int] = [0, 0, 0, 0]
    for axis in (0, 1):
        low, high = corners[axis] / STEP, corners[axis + 2] / STEP
        a, b = round(low), round(high)
        if a >= b:
            a, b = one_step((low + high) / 2, EXTENT // STEP)
        numbers[axis], numbers[axis + 2] = a * STEP, b * STEP
    return "".join(coordinate(n) for n in numbers)
