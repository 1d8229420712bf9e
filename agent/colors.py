"""One colour an object, the same in the table, on the pictures and on the sheet."""

from __future__ import annotations

PALETTE: tuple[tuple[int, int, int], ...] = (
    (230, 57, 70),
    (29, 127, 226),
    (20, 160, 90),
    (245, 145, 20),
    (150, 80, 220),
    (0, 165, 175),
    (214, 51, 132),
    (130, 140, 20),
    (120, 85, 60),
    (90, 105, 235),
    (200, 95, 40),
    (70, 120, 110),
)
"""RGB, dark enough for white text; neighbours differ in hue."""


def color_of(index: int) -> tuple[int, int, int]:
    """The colour of the object of a 0-based index in the answer."""
    return PALETTE[index % len(PALETTE)]
