"""How numbers stand in model-written text: pieces of patterns, and when four are fractions.

Every repetition in these patterns has a bound or no way back, so that matching stays linear in
the length of the text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

from .raw import Quad

_DIGITS = r"[-+]?\d{1,15}+(?:\.\d{0,15}+)?+(?:[eE][-+]?\d{1,3}+)?+"
NUMBER = rf"\s{{0,40}}+({_DIGITS})\s{{0,40}}+"
"""A number as a capturing group, with the white space around it."""


def written_quad(words: Sequence[str | Any]) -> tuple[Quad, bool] | None:
    """Four written numbers and whether they are fractions; None where one is not finite.

    Fractions are four numbers from 0 to 1 of which at least one is written with a point: families
    that write whole numbers sometimes fall back to this form, and on their own grid such a box
    would be smaller than one step.
    """
    quad = a, b, c, d = cast("Quad", tuple(map(float, words)))
    if not all(map(math.isfinite, quad)):
        return None
    small = 0.0 <= a <= 1.0 and 0.0 <= b <= 1.0 and 0.0 <= c <= 1.0 and 0.0 <= d <= 1.0
    return quad, small and "." in "".join(words)
