"""Reasoning: counts, attributes, comparisons, relative position, negation. Demand: reasoning."""

from __future__ import annotations

from random import Random

from . import comparing, counting
from .base import Builder, Desk, Draft

FORMS = {
    "most-or-fewest": (counting.most_or_fewest, 3),
    "exactly": (counting.exactly, 2),
    "how-many": (counting.how_many, 2),
    "more-than": (counting.more_than, 2),
    "colour": (comparing.colour, 2),
    "size": (comparing.size, 2),
    "beside": (comparing.beside, 3),
    "without": (comparing.without, 2),
    "except": (comparing.except_one, 1),
}
"""Forms by the names that recipes use: (builder, how often against the others)."""


def build(rng: Random, desk: Desk) -> Draft | None:
    """One of the forms, or of those that the option `forms` names."""
    named = desk.options.get("forms")
    chosen = {k: v for k, v in FORMS.items() if not isinstance(named, list) or k in named}
    form = rng.choices([f for f, _ in chosen.values()], [w for _, w in chosen.values()])[0]
    return form(rng, desk)


BUILDER = Builder("reasoning", "reasoning", build)
