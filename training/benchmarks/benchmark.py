"""What every benchmark is: a loader, scores of one item, and the table of all."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from ...tools.errors import DataError, UsageError
from .item import Item, TrueBox
from .metrics.grounding_f1 import Agreement, Placed, agreement
from .outcome import SCORE_LIMIT, Outcome, missing


@dataclass(frozen=True, slots=True)
class DataPlace:
    """Where a benchmark's data is to be had, and how it is expected to lie.

    Attributes:
        source: where people get it.
        layout: the files that are looked for, relative to the benchmark's folder.
    """

    source: str
    layout: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: a task or an average, how many items, and a value per column."""

    name: str
    n: int
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """A benchmark's table.

    Attributes:
        columns: names of the values.
        rows: the tasks.
        averages: macro, micro and the like.
        headline: name of the figure that the field quotes, and its value.
        notes: everything that a reader must know to trust the figures.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    averages: tuple[Row, ...]
    headline: tuple[str, float]
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As JSON-compatible data; figures that could not be measured are null."""

        def line(row: Row) -> dict[str, Any]:
            values = {
                c: round(v, 6) if math.isfinite(v) else None
                for c, v in zip(self.columns, row.values, strict=True)
            }
            return {"name": row.name, "n": row.n, **values}

        name, value = self.headline
        return {
            "headline": {"name": name, "value": round(value, 6) if math.isfinite(value) else None},
            "columns": list(self.columns),
            "tasks": [line(r) for r in self.rows],
            "averages": [line(r) for r in self.averages],
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class Scored:
    """Outcomes with their scores, and the table."""

    outcomes: tuple[Outcome, ...]
    summary: Summary
    official: bool = False
    quirks: tuple[str, ...] = field(default=())


class Benchmark(ABC):
    """One benchmark. Instances hold no state of a run.

    Class attributes:
        name: the word on the command line.
        title: one line of what it is.
        primary: the item score that two runs are compared by; higher is better.
        place: where the data is to be had.
        quirks: what `official` repeats of the published script, one line each; none: no such mode.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    primary: ClassVar[str]
    place: ClassVar[DataPlace]
    quirks: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def load(self, folder: Path) -> list[Item]:
        """All items of the published layout in a folder.

        Raises:
            DataError: the data is not there, or is not what it should be.
        """

    @abstractmethod
    def item_scores(self, item: Item, outcome: Outcome) -> dict[str, float]:
        """Scores of one item, in [0, 1], the primary one among them."""

    @abstractmethod
    def summarise(self, items: Sequence[Item], outcomes: Sequence[Outcome]) -> Summary:
        """The table over items and their outcomes (same order, all scored)."""

    def score(
        self, items: Sequence[Item], outcomes: Mapping[str, Outcome], official: bool = False
    ) -> Scored:
        """Score answers strictly; an item without one counts as answered wrongly.

        Raises:
            UsageError: `official` where the published script has no quirks of its own to repeat.
        """
        self.check_mode(official)
        return self.strict(items, outcomes)

    def check_mode(self, official: bool) -> None:
        """Raises UsageError for `official` where there is none; a run asks before it begins."""
        if official and not self.quirks:
            raise UsageError(
                f"{self.name} has no --official mode: its published metric is what is used.",
                "Leave --official out.",
            )

    def strict(self, items: Sequence[Item], outcomes: Mapping[str, Outcome]) -> Scored:
        """The strict half of `score`."""
        scored = tuple(
            found.scored(self.item_scores(item, found))
            for item, found in ((i, outcomes.get(i.id) or missing(i.id, i.task)) for i in items)
        )
        return Scored(scored, self.summarise(items, scored))

    def read_predictions(self, files: Sequence[Path], items: Sequence[Item]) -> dict[str, Outcome]:
        """Answers of some other program in this benchmark's published results format.

        Raises:
            UsageError: this benchmark has no such format. DataError: the files are damaged.
        """
        raise UsageError(
            f"{self.name} has no published predictions format.",
            "Score the records.jsonl of a run instead.",
        )

    def require(self, folder: Path, *parts: str) -> Path:
        """A file or folder of the data.

        Raises:
            DataError: it is not there; says where the data is to be had and how it must lie.
        """
        path = folder.joinpath(*parts)
        if not path.exists():
            raise self.absent(folder)
        return path

    def absent(self, folder: Path) -> DataError:
        """The one line that says that the data is not there."""
        return DataError(
            f"{self.name}: no data in {folder}.",
            f"Get it from {self.place.source} and lay it there as {self.place.layout},"
            " or name its folder with --data.",
        )


def placed_truth(item: Item) -> list[Placed]:
    """The true boxes of an item, crowd regions apart."""
    return [Placed(t.image, t.box) for t in item.truth if not t.crowd]


def placed_found(outcome: Outcome) -> list[Placed]:
    """The predicted boxes of an outcome."""
    return [Placed(b.image, b.box) for b in outcome.boxes]


def item_agreement(item: Item, outcome: Outcome) -> Agreement:
    """Matching of an outcome's boxes with the truth at IoU .5, in the right pictures."""
    return agreement(placed_found(outcome), placed_truth(item))


def is_answered(outcome: Outcome) -> bool:
    """Whether there is an answer: silence and failure do not say that nothing is there."""
    return outcome.status in ("ok", "none", "partial")


def item_f1(item: Item, outcome: Outcome) -> float:
    """F1 of `item_agreement`; 0 where nothing is there and nobody said so."""
    if not placed_truth(item) and not is_answered(outcome):
        return 0.0
    return item_agreement(item, outcome).f1


def by_task(items: Sequence[Item]) -> dict[str, list[int]]:
    """Positions of the items of each task, tasks in order of first appearance."""
    groups: dict[str, list[int]] = {}
    for index, item in enumerate(items):
        groups.setdefault(item.task, []).append(index)
    return groups


def status_notes(outcomes: Sequence[Outcome], told: Sequence[str] = ()) -> tuple[str, ...]:
    """What went wrong in a run, counted; `told` are statuses that another note covers."""
    words = {
        "missing": "were not answered and count as wrong",
        "failed": "failed and count as wrong",
        "unparsable": "could not be read",
        "truncated": "were cut before any box",
        "partial": "were read in part",
    }
    counts = {s: sum(o.status == s for o in outcomes) for s in words}
    return tuple(
        f"{counts[s]} answers {text}." for s, text in words.items() if counts[s] and s not in told
    )


def rank_notes(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """How many boxes have a score that can't be ranked (`sound_score`), if any."""
    scores = [b.score for o in outcomes for b in o.boxes if b.score is not None]
    wild = sum(not s > -SCORE_LIMIT for s in scores)
    return (f"{wild} boxes have a score that is no number; they rank last.",) if wild else ()


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean; NaN for none."""
    return math.fsum(values) / len(values) if values else math.nan


__all__ = [
    "Benchmark",
    "DataPlace",
    "Row",
    "Scored",
    "Summary",
    "TrueBox",
    "by_task",
    "is_answered",
    "item_agreement",
    "item_f1",
    "mean",
    "placed_found",
    "placed_truth",
    "rank_notes",
    "status_notes",
]
