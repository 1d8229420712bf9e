"""Running a benchmark: bounded concurrency, one line on disk a result, resumable at any point."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...tools.errors import BackendError, OutputError, UsageError
from .item import Item
from .journal import Journal, read_journal
from .json_file import read_json
from .outcome import Outcome

Asker = Callable[[Item], Awaitable[Outcome]]

RECORDS, SETTINGS = "records.jsonl", "run.json"
BY_TASK = "data_by_task"
"""Name under which `run.json` keeps `RunSettings.by_task`."""
BROKEN_BACKEND = 8
"""Failures of the backend in a row after which a run stops: the next thousand would fail too."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What a run is; a run folder belongs to exactly one.

    Attributes:
        benchmark: its name.
        data: digest of the items: their questions and truth.
        asked: policy, dialect, mode, strategy, tools, budgets, sampling, as one JSON object.
        chosen: tasks and limit.
        by_task: digest of every task as a whole (see `same_data`); no part of what tells two runs
            apart, since a run may go on where other tasks or what lies beyond its limit changed.
    """

    benchmark: str
    data: str
    asked: Mapping[str, Any] = field(default_factory=dict[str, Any])
    chosen: Mapping[str, Any] = field(default_factory=dict[str, Any])
    by_task: Mapping[str, str] = field(default_factory=dict[str, str])

    def to_json(self) -> dict[str, Any]:
        """What tells two runs apart, as JSON-compatible data."""
        return {
            "benchmark": self.benchmark,
            "data": self.data,
            "asked": dict(self.asked),
            "chosen": dict(self.chosen),
        }


def data_digest(items: Sequence[Item]) -> str:
    """SHA-256 of ids, questions, picture names and truth, first 16 digits."""
    digest = hashlib.sha256()
    for item in items:
        names = [Path(p.name).name for p in item.pictures]
        truth = [[t.image, list(t.box), t.label] for t in item.truth]
        row = [item.id, item.query, names, truth, item.answer]
        # A question or file name may hold half a surrogate pair.
        digest.update(json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:16]


def choose(items: Sequence[Item], tasks: Sequence[str], limit: int | None) -> list[Item]:
    """The items of some tasks, at most `limit` of each, in the benchmark's order.

    Raises:
        UsageError: a task that the benchmark does not have, or a limit below 1.
    """
    known = list(dict.fromkeys(i.task for i in items))
    wrong = [t for t in tasks if t not in known]
    if wrong:
        raise UsageError(f"no task {wrong[0]!r}.", f"The tasks are {', '.join(known)}.")
    if limit is not None and limit < 1:
        raise UsageError("--limit is the number of items of each task, from 1 up.")
    counts: dict[str, int] = {}
    chosen: list[Item] = []
    for item in items:
        if tasks and item.task not in tasks:
            continue
        counts[item.task] = counts.get(item.task, 0) + 1
        if limit is None or counts[item.task] <= limit:
            chosen.append(item)
    return chosen


def open_run(folder: Path, settings: RunSettings) -> None:
    """Make a run folder, or check that it belongs to the same run.

    Raises:
        UsageError: it holds a run with other settings; says which. OutputError: can't be written.
    """
    path = folder / SETTINGS
    wanted = json.loads(json.dumps(settings.to_json()))
    if path.is_file():
        held: Any = read_json(path)
        differing = _difference(held if isinstance(held, dict) else {}, wanted)
        if differing:
            raise UsageError(
                f"{folder} holds a run with another value of {differing!r}.",
                "Choose another --out, or delete that folder.",
            )
        return
    if (folder / RECORDS).exists():
        raise UsageError(f"{folder} holds records of an unknown run.", "Choose another --out.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        kept = {**wanted, BY_TASK: dict(settings.by_task)} if settings.by_task else wanted
        temporary.write_text(json.dumps(kept, indent=1), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"{folder}: can't be written.", "Choose another --out.") from error


def _difference(held: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:
    """Name of the first setting that differs, or None."""
    for key, value in wanted.items():
        mine = held.get(key)
        if isinstance(value, dict) and isinstance(mine, dict):
            names = [n for n in {**mine, **value} if mine.get(n) != value.get(n)]
            if names:
                return sorted(names)[0]
        elif mine != value:
            return key
    return None


async def run_items(
    items: Sequence[Item],
    ask: Asker,
    folder: Path,
    *,
    concurrency: int = 4,
    on_done: Callable[[int, int], None] | None = None,
) -> dict[str, Outcome]:
    """Ask everything that is not yet answered; failed items are asked again.

    Args:
        items: of the run.
        ask: gives the outcome of one item.
        folder: the run's; `records.jsonl` in it grows line by line.
        concurrency: questions under way at once.
        on_done: called with (done, of how many) after each result.

    Returns:
        Outcomes by id, as they stand on disk.

    Raises:
        BackendError: it failed many times in a row; what is done is kept.
        OutputError: the results can't be written.
    """
    with Journal(folder / RECORDS) as journal:
        done = latest(journal.rows())
        open_items = [i for i in items if i.id not in done or done[i.id].status == "failed"]
        queue = iter(open_items)
        state = _Progress(len(items) - len(open_items), len(items), on_done)

        async def work() -> None:
            for item in queue:
                outcome = await ask(item)
                journal.append(outcome.to_json())
                state.count(outcome)

        workers = max(1, min(concurrency, len(open_items)))
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(work())
        except ExceptionGroup as failures:
            # Workers stop for one reason; the others were cancelled because of it.
            raise failures.exceptions[0] from failures
        return latest(journal.rows())


class _Progress:
    """Counts results, and failures of the backend in a row."""

    def __init__(self, done: int, total: int, on_done: Callable[[int, int], None] | None) -> None:
        self.done, self.total, self._on_done = done, total, on_done
        self._broken = 0

    def count(self, outcome: Outcome) -> None:
        """Take one result into account. Raises BackendError after too many failures in a row."""
        self.done += 1
        if self._on_done is not None:
            self._on_done(self.done, self.total)
        kind = (outcome.error or {}).get("kind")
        self._broken = self._broken + 1 if kind in ("backend", "timeout", "access") else 0
        if self._broken >= BROKEN_BACKEND:
            message = (outcome.error or {}).get("message", "")
            raise BackendError(
                f"stopped after {self._broken} failures of the backend in a row: {message}",
                "Start the same command again to go on from here.",
            )


def latest(rows: Sequence[Mapping[str, Any]]) -> dict[str, Outcome]:
    """The last outcome of every id."""
    found = (Outcome.from_json(r) for r in rows)
    return {o.id: o for o in found}


def read_run(folder: Path) -> tuple[dict[str, Outcome], dict[str, Any]]:
    """Outcomes and settings of a run folder, or of a records file alone.

    Raises:
        DataError: there is none, or it is damaged.
    """
    path = folder / RECORDS if folder.is_dir() else folder
    settings: Any = read_json(path.parent / SETTINGS) if (path.parent / SETTINGS).is_file() else {}
    return latest(read_journal(path)), settings if isinstance(settings, dict) else {}
