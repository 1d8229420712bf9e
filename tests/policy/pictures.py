"""View books without pixels: dialects need sizes only."""

from types import SimpleNamespace
from typing import Any

from gemvg.policy.dialect import ReadContext
from gemvg.tools.views import ViewBook


def book_of(*sizes: tuple[int, int]) -> ViewBook:
    """A book of pictures of these (width, height)."""
    pictures: list[Any] = [SimpleNamespace(width=w, height=h, size=(w, h)) for w, h in sizes]
    return ViewBook(pictures)


def context_of(*sizes: tuple[int, int], **fields: Any) -> ReadContext:
    """A context over pictures of these sizes, with a plausible processor's grid for each."""
    grids = {k: (grid_side(w), grid_side(h)) for k, (w, h) in enumerate(sizes, 1)}
    return ReadContext(**{"book": book_of(*sizes), "grids": grids, **fields})


def grid_side(side: int, factor: int = 28) -> float:
    """A side after a processor's resize to multiples of its patches."""
    return float(max(factor, round(side / factor) * factor))
