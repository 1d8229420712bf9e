"""The plot of accuracy against tokens, as numbers for the page's SVG."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from .deciding import Deciding

COLORS = {"think": "#9650dc", "direct": "#1d7fe2", "auto": "#f59114", "oracle": "#14a05a"}
WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 64.0, 610.0, 40.0, 340.0


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear axis: data from low to high onto pixels from begin to end, with round steps."""

    low: float
    high: float
    step: float
    begin: float
    end: float

    @classmethod
    def around(cls, values: list[float], begin: float, end: float, least: float) -> Axis:
        """An axis that holds values with some air; spans at least `least`."""
        low, high = min(values), max(values)
        span = max(high - low, least)
        step = nice_step(span / 4)
        low = max(0.0, math.floor((low - span * 0.1) / step) * step)
        return cls(low, math.ceil((high + span * 0.1) / step) * step, step, begin, end)

    def at(self, value: float) -> float:
        """Where a value stands, pixels."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.begin + share * (self.end - self.begin), 1)

    def ticks(self) -> list[dict[str, Any]]:
        """Places and words of the ticks."""
        count = round((self.high - self.low) / self.step)
        values = [self.low + k * self.step for k in range(count + 1)]
        return [{"at": self.at(v), "words": f"{v:g}"} for v in values]


def nice_step(rough: float) -> float:
    """1, 2 or 5 times a power of ten, at or above a rough step."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * k for k in (1.0, 2.0, 5.0, 10.0) if power * k >= rough * 0.999)


def deciding_plot(result: Deciding) -> dict[str, Any]:
    """Axes and points of the plot."""
    places = [w.tokens for w in result.ways]
    x = Axis.around(places, LEFT, RIGHT, 1.0)
    y = Axis.around([w.macro for w in result.ways], BOTTOM, TOP, 1.0)
    points = [
        {
            "x": x.at(place),
            "y": y.at(way.macro),
            "color": COLORS[way.name],
            "words": f"{way.name} {way.macro:.1f}",
            **_words_place(x.at(place)),
        }
        for place, way in zip(places, result.ways, strict=True)
    ]
    _part(points)
    return {
        "width": WIDTH, "height": HEIGHT, "left": LEFT, "right": RIGHT, "top": TOP,
        "bottom": BOTTOM, "rows": y.ticks(), "columns": x.ticks(),
        "label": f"{result.unit} an item",
        "points": points,
    }  # fmt: skip


def _words_place(x: float) -> dict[str, Any]:
    """Words stand right of their point, left of it near the right edge."""
    left = x > RIGHT - 110
    return {"dx": -12 if left else 12, "dy": 5, "anchor": "end" if left else "start"}


def _part(points: list[dict[str, Any]]) -> None:
    """Move words apart that would stand on each other."""
    ordered = sorted(points, key=lambda p: p["y"])
    for above, below in pairwise(ordered):
        near = abs(above["x"] - below["x"]) < 130
        gap = (below["y"] + below["dy"]) - (above["y"] + above["dy"])
        if near and gap < 16:
            below["dy"] += 16 - gap
