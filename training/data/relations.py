"""Relations between classes: kin, common use, companions, parts."""

from __future__ import annotations

from functools import lru_cache

from .scenes.vocabulary import load_yaml


class Relations:
    """Class relations, from the package's `relations.yaml`."""

    def __init__(self) -> None:
        raw = load_yaml("gemvg.training.data", "relations.yaml")
        self._kin: dict[str, tuple[str, ...]] = {
            label: tuple(other for other in family if other != label)
            for family in raw["kin"].values()
            for label in family
        }
        self.uses: dict[str, frozenset[str]] = {
            use: frozenset(labels) for use, labels in raw["use"].items()
        }
        self.companions: frozenset[frozenset[str]] = frozenset(
            frozenset(pair) for pair in raw["companion"]
        )
        self.parts: tuple[tuple[str, str], ...] = tuple((a, b) for a, b in raw["part"])
        """(part, whole) pairs."""

    def kin(self, label: str) -> tuple[str, ...]:
        """Labels of the same family."""
        return self._kin.get(label, ())

    def uses_of(self, label: str) -> tuple[str, ...]:
        """What a label is used for, sorted."""
        return tuple(sorted(use for use, labels in self.uses.items() if label in labels))

    def related(self, label: str, relation: str) -> frozenset[str]:
        """Labels that stand in a relation to a label: `use`, `companion`, `part` or `whole`.

        `use`: another label with a common use. `part`: labels that are parts of it. `whole`:
        labels that it is a part of.
        """
        if relation == "use":
            common = [self.uses[use] for use in self.uses_of(label)]
            return frozenset().union(*common) - {label}
        if relation == "companion":
            pairs = [pair for pair in self.companions if label in pair]
            return frozenset().union(*pairs) - {label}
        if relation == "part":
            return frozenset(part for part, whole in self.parts if whole == label)
        return frozenset(whole for part, whole in self.parts if part == label)


@lru_cache(maxsize=1)
def relations() -> Relations:
    """The relations that come with the package."""
    return Relations()
