"""Which labels may stand in one question: groups of kin, and labels that would be confused."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from importlib import resources
from typing import Any

from ..language.words import share_words


def load_yaml(package: str, name: str) -> Any:
    """A YAML file that comes with the package."""
    import yaml

    return yaml.safe_load(resources.files(package).joinpath(name).read_text(encoding="utf-8"))


class Vocabulary:
    """Object pictures by label, their groups, and the clashes between labels."""

    def __init__(self) -> None:
        raw = load_yaml("gemvg.training.data.scenes", "objects.yaml")
        self.names: dict[str, str] = {}
        """Label to the Unicode name of its picture."""
        self.groups: dict[str, tuple[str, ...]] = {}
        for group, entries in raw["groups"].items():
            labels: list[str] = []
            for entry in entries:
                name, label = next(iter(entry.items())) if isinstance(entry, dict) else (entry,) * 2
                self.names[str(label)] = str(name)
                labels.append(str(label))
            self.groups[str(group)] = tuple(labels)
        self._group_of = {label: g for g, labels in self.groups.items() for label in labels}
        self._pairs: set[frozenset[str]] = {
            frozenset((parent, child))
            for parent, children in raw["kinds"].items()
            for child in children
        }

    def clash(self, a: str, b: str) -> bool:
        """True where one label could be taken for the other (or they are the same)."""
        return a == b or frozenset((a, b)) in self._pairs or share_words(a, b)

    def clashes(self, label: str, others: Iterable[str]) -> bool:
        """True where the label clashes with any of the others."""
        return any(self.clash(label, other) for other in others)

    def kin(self, label: str) -> tuple[str, ...]:
        """Labels of the same group that do not clash with it: hard distractors."""
        group = self.groups.get(self._group_of.get(label, ""), ())
        return tuple(other for other in group if not self.clash(label, other))


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    """The vocabulary that comes with the package."""
    return Vocabulary()
