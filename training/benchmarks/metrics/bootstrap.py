"""Paired bootstrap intervals for the difference of two systems on the same items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CHUNK = 4_000_000
"""Resampled values held at once; bounds the memory of `paired_means` at about 64 MB."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean of B minus mean of A on the same items, with an interval.

    Attributes:
        n: items.
        a, b, delta: means, and b - a; in the unit of the scores.
        low, high: bounds of the interval of delta.
        level: coverage that the interval is made for, such as 0.95.
        p: two-sided bootstrap p-value of "no difference".
    """

    n: int
    a: float
    b: float
    delta: float
    low: float
    high: float
    level: float
    p: float

    @property
    def verdict(self) -> str:
        """`better` or `worse` (B against A) where the interval leaves 0 out, else `even`."""
        if self.low > 0.0:
            return "better"
        return "worse" if self.high < 0.0 else "even"


def paired_means(delta: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """Means of `draws` resamples with replacement of paired differences, shape (draws,).

    Differences with few distinct values (right and wrong give -1, 0, 1) are drawn as counts from
    one multinomial, which is the same distribution and does not grow with the number of items.
    """
    n = len(delta)
    values, counts = np.unique(delta, return_counts=True)
    if len(values) <= 64:
        drawn = rng.multinomial(n, counts / n, size=draws)
        return np.asarray(drawn @ values / n, dtype=np.float64)
    rows = max(1, CHUNK // n)
    parts = [
        delta[rng.integers(0, n, size=(min(rows, draws - start), n))].mean(axis=1)
        for start in range(0, draws, rows)
    ]
    return np.concatenate(parts)


def paired_difference(
    a: Sequence[float] | Floats,
    b: Sequence[float] | Floats,
    draws: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
) -> Difference:
    """Percentile bootstrap of mean(b) - mean(a) over items (Efron & Tibshirani 1993, chapter 13).

    Args:
        a: scores of the first system, item by item; no NaN.
        b: scores of the second one on the same items.
        draws: resamples.
        level: coverage that the interval is made for.
        seed: the same seed gives the same interval.

    Raises:
        ValueError: different lengths, or no items.
    """
    left, right = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if left.shape != right.shape or left.ndim != 1 or not left.size:
        raise ValueError("the two systems need scores for the same items")
    delta = right - left
    means = paired_means(delta, draws, np.random.default_rng(seed))
    return _difference(len(left), float(left.mean()), float(right.mean()), means, level)


def macro_difference(
    groups: Sequence[tuple[Floats, Floats]],
    draws: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
) -> Difference:
    """The difference of macro averages: every task resampled within itself, tasks weigh alike.

    Args:
        groups: (scores of A, scores of B) of each task.
        draws: resamples.
        level: coverage that the interval is made for.
        seed: the same seed gives the same interval.
    """
    rng = np.random.default_rng(seed)
    means = np.mean([paired_means(b - a, draws, rng) for a, b in groups], axis=0)
    left = float(np.mean([a.mean() for a, _ in groups]))
    right = float(np.mean([b.mean() for _, b in groups]))
    return _difference(sum(len(a) for a, _ in groups), left, right, means, level)


def _difference(n: int, a: float, b: float, means: Floats, level: float) -> Difference:
    tail = 100.0 * (1.0 - level) / 2.0
    low, high = np.percentile(means, [tail, 100.0 - tail])
    # The share of resamples on the other side of 0, ties halved, both sides; never below 1/draws.
    below = float(np.mean(means < 0.0) + 0.5 * np.mean(means == 0.0))
    p = min(1.0, max(2.0 * min(below, 1.0 - below), 1.0 / len(means)))
    return Difference(n, a, b, b - a, float(low), float(high), level, p)
