"""A preset: named, weighted terms, and how a group's rewards become one number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ...tools.errors import TrainingError, UsageError
from .batch import Floats, ScoredBatch

Term = Callable[[ScoredBatch], Floats]


@dataclass(frozen=True, slots=True)
class Preset:
    """A reward.

    Attributes:
        name: on the command line and in recipes.
        source: what it reproduces, with section, or why it is as it is.
        terms: by name; each gives (B,) in [0, 1].
        weights: by the same names.
        group_weight: weight of a rollout's advantage from its group's rewards, or None. Takes the
            (groups, G) mean-IoU-like values and gives (groups,) factors (UniVG-R1).
    """

    name: str
    source: str
    terms: Mapping[str, Term]
    weights: Mapping[str, float] = field(default_factory=dict[str, float])
    group_weight: Callable[[Floats], Floats] | None = None

    def weight(self, term: str) -> float:
        """A term's weight, 1 where none is given."""
        return self.weights.get(term, 1.0)

    @property
    def maximum(self) -> float:
        """The greatest total."""
        return sum(max(0.0, self.weight(name)) for name in self.terms)

    def components(self, batch: ScoredBatch) -> dict[str, Floats]:
        """Every term's values, unweighted, (B,) in [0, 1].

        Raises:
            TrainingError: a term gave something that is not a number, a defect of the term; a
                policy would be trained on whatever it were turned into.
        """
        values: dict[str, Floats] = {}
        for name, term in self.terms.items():
            raw = np.asarray(term(batch), dtype=np.float64)
            if not np.isfinite(raw).all():
                raise TrainingError(
                    f"the reward term {name} of {self.name} gave a value that is not a number.",
                    f"Train without it: rft.drop_terms=[{name}].",
                )
            values[name] = np.clip(raw, 0.0, 1.0)
        return values

    def total(self, batch: ScoredBatch) -> Floats:
        """The weighted sum, (B,) in [0, maximum]."""
        parts = self.components(batch)
        summed = np.zeros(len(batch))
        for name, values in parts.items():
            summed = summed + self.weight(name) * values
        return summed

    def without(self, *names: str) -> Preset:
        """The same preset less some terms, for ablations.

        Raises:
            UsageError: a name that is no term of it, or no term is left.
        """
        unknown = [name for name in names if name not in self.terms]
        if unknown:
            raise UsageError(
                f"reward {self.name} has no term {unknown[0]!r}.",
                f"Its terms: {', '.join(self.terms)}.",
            )
        terms = {k: v for k, v in self.terms.items() if k not in names}
        if not terms:
            raise UsageError(
                f"reward {self.name} has no term left, and nothing would be learnt.",
                f"Leave one of its terms in: {', '.join(self.terms)}.",
            )
        return Preset(self.name, self.source, terms, self.weights, self.group_weight)
