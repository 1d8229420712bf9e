"""From what the command line says to scores on disk: load, ask or read, score, report."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...tools.errors import DataError, UsageError
from .benchmark import Benchmark, Scored
from .compare import Comparison, by_id, compare
from .deciding import Deciding, measure_deciding
from .item import FilePicture, Item
from .outcome import Outcome
from .registry import data_folder, make_benchmark
from .report import run_page, run_report, write_json, write_text
from .runner import RECORDS, RunSettings, choose, data_digest, open_run, read_run, run_items
from .same_data import check_comparable, check_finished, check_run_of, task_digests

if TYPE_CHECKING:
    from ...agent.settings import AskSettings

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is evaluated: a benchmark, the chosen ones of all its items, and how they were."""

    benchmark: Benchmark
    items: tuple[Item, ...]
    every: tuple[Item, ...]
    tasks: tuple[str, ...] = ()
    limit: int | None = None

    @classmethod
    def of(
        cls,
        name: str,
        data: Path | None = None,
        tasks: Sequence[str] = (),
        limit: int | None = None,
    ) -> Chosen:
        """Load a benchmark's items and choose among them.

        Raises:
            UsageError: no such benchmark or task. DataError: the data is not there or is damaged.
        """
        benchmark = make_benchmark(name)
        folder = data_folder(name, data)
        items = benchmark.load(folder)
        if not items:
            raise DataError(
                f"{name}: no item in the data of {folder}.",
                f"Get it from {benchmark.place.source}.",
            )
        _check_ids(name, folder, items)
        chosen = tuple(choose(items, tasks, limit))
        return cls(benchmark, chosen, tuple(items), tuple(tasks), limit)

    def settings(self, asked: dict[str, Any]) -> RunSettings:
        """The identity of a run over these items."""
        chosen = {"tasks": list(self.tasks), "limit": self.limit}
        tasks = list(dict.fromkeys(i.task for i in self.items))
        by_task = task_digests(self.every, tasks)
        return RunSettings(self.benchmark.name, data_digest(self.items), asked, chosen, by_task)


def _check_ids(name: str, folder: Path, items: Sequence[Item]) -> None:
    """Results are kept under ids: of two items with one id, one would take the other's answer."""
    seen: set[str] = set()
    twice = next((i.id for i in items if i.id in seen or seen.add(i.id)), None)
    if twice is not None:
        raise DataError(
            f"{name}: two items of {folder} have the id {twice!r}.",
            "Is a file of the benchmark there twice?",
        )


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A scored run and its report."""

    chosen: Chosen
    scored: Scored
    report: dict[str, Any]

    def write(self, out: Path) -> None:
        """Write report.json and report.html. Raises OutputError."""
        write_json(out / "report.json", self.report)
        page = run_page(self.chosen.benchmark, self.chosen.items, self.scored, self.report)
        write_text(out / "report.html", page)


def evaluated(
    chosen: Chosen, outcomes: dict[str, Outcome], settings: dict[str, Any], official: bool
) -> Evaluated:
    """Score outcomes and make the report."""
    scored = chosen.benchmark.score(chosen.items, outcomes, official)
    return Evaluated(chosen, scored, run_report(chosen.benchmark, scored, settings))


def ask_all(
    chosen: Chosen,
    ask: AskSettings,
    out: Path,
    *,
    official: bool = False,
    concurrency: int = 4,
    progress: Progress | None = None,
) -> Evaluated:
    """Ask the agent every item that `out` does not hold yet, then score and report.

    Raises:
        GemvgError: the policy can't be had, the pictures are not there, the backend is down, `out`
            belongs to another run, or the benchmark has no official mode.
    """
    # Before anything is asked: hours of answers are no price for a wrong option.
    chosen.benchmark.check_mode(official)
    _check_pictures(chosen)
    settings = chosen.settings(ask.model_dump(mode="json"))
    open_run(out, settings)
    outcomes = asyncio.run(_ask_all(chosen, ask, out, concurrency, progress))
    # The lines get their scores at the end, where AP-like figures are known too; so a run that was
    # killed and one that was not end in the same files.
    done = evaluated(chosen, outcomes, settings.to_json(), official)
    write_records(out, done.scored.outcomes)
    done.write(out)
    return done


def _check_pictures(chosen: Chosen) -> None:
    """Tell at once, not item by item, that a benchmark's pictures are not there."""
    first = next((p for i in chosen.items for p in i.pictures if isinstance(p, FilePicture)), None)
    if first is not None and not Path(first.path).is_file():
        raise DataError(
            f"{chosen.benchmark.name}: no picture at {first.path}.",
            f"Get the pictures from {chosen.benchmark.place.source}, or score --predictions.",
        )


async def _ask_all(
    chosen: Chosen, ask: AskSettings, out: Path, concurrency: int, progress: Progress | None
) -> dict[str, Outcome]:
    from .asking import AgentAsker, Listening

    agent = ask.make_agent()
    agent.policy = Listening(agent.policy)
    asker = AgentAsker(agent, ask.mode, ask.strategy, ask.seed)
    try:
        return await run_items(chosen.items, asker, out, concurrency=concurrency, on_done=progress)
    finally:
        await agent.aclose()


def read_answers(chosen: Chosen, paths: Sequence[Path]) -> dict[str, Outcome]:
    """Answers of other programs (published result files, a folder of them) or of our own runs.

    Raises:
        DataError: a path is not there, is no results file, or is a run of another benchmark or
            over other data; or no answer belongs to an item that was chosen.
    """
    outcomes: dict[str, Outcome] = {}
    foreign: list[Path] = []
    for path in paths:
        if not path.exists():
            raise DataError(f"{path}: no such file or folder.", "Check the name.")
        if (path.is_dir() and (path / RECORDS).is_file()) or path.name == RECORDS:
            answers, settings = read_run(path)
            check_run_of(path, settings, chosen.benchmark.name, chosen.every)
            outcomes.update(answers)
        elif path.is_dir():
            foreign.extend(sorted(p for p in path.iterdir() if p.suffix in (".json", ".jsonl")))
        else:
            foreign.append(path)
    if foreign:
        outcomes.update(chosen.benchmark.read_predictions(foreign, chosen.every))
    if not outcomes:
        raise DataError("no results file in what was named.", "Name .json files or a run's folder.")
    if not any(i.id in outcomes for i in chosen.items):
        raise DataError(
            f"no answer in what was named belongs to a chosen item of {chosen.benchmark.name}.",
            "Are the answers of this benchmark, and of these --tasks and --limit?",
        )
    return outcomes


def score_answers(
    chosen: Chosen, paths: Sequence[Path], out: Path | None = None, official: bool = False
) -> Evaluated:
    """Score answers that are there already; with `out` write records and reports too."""
    outcomes = read_answers(chosen, paths)
    settings = chosen.settings({"predictions": [p.name for p in paths]})
    done = evaluated(chosen, outcomes, settings.to_json(), official)
    if out is not None:
        open_run(out, settings)
        write_records(out, done.scored.outcomes)
        done.write(out)
    return done


def write_records(out: Path, outcomes: Sequence[Outcome]) -> None:
    """All records in the benchmark's order, with their scores; the file is replaced whole."""
    import json

    answered = (o for o in outcomes if o.status != "missing")
    lines = [json.dumps(o.to_json(), ensure_ascii=False) + "\n" for o in answered]
    write_text(out / RECORDS, "".join(lines))


def compare_runs(
    chosen: Chosen, a: Path, b: Path, official: bool = False, level: float = 0.95
) -> Comparison:
    """Score both sides anew and compare them by the benchmark's primary item score."""
    sides = [
        by_id(evaluated(chosen, read_answers(chosen, [path]), {}, official).scored.outcomes)
        for path in (a, b)
    ]
    return compare(sides[0], sides[1], chosen.benchmark.primary, level=level)


def compare_scored(a: Path, b: Path, metric: str | None, level: float = 0.95) -> Comparison:
    """Compare two run folders by the scores in their records; the data is not needed.

    Raises:
        UsageError: they are of different benchmarks or data, one was not finished, or they have no
            such score.
    """
    (left, held), (right, other) = read_run(a), read_run(b)
    check_comparable(held, other)
    check_finished(a, left)
    check_finished(b, right)
    if metric is None:
        known = held or other
        if not known:
            raise UsageError("which score to compare by is not known.", "Give --metric.")
        metric = make_benchmark(str(known.get("benchmark"))).primary
    return compare(left, right, metric, level=level)


def decide(
    chosen: Chosen,
    paths: dict[str, Path],
    ask: AskSettings | None,
    out: Path | None,
    *,
    concurrency: int = 4,
    progress: Callable[[str], Progress | None] = lambda _: None,
) -> Deciding:
    """Measure deciding: runs that are given are read, the others are asked into `out`.

    Args:
        chosen: the items.
        paths: of `think`, `direct`, `auto`: runs or published answers.
        ask: how the missing ways are asked; None: they are left out.
        out: folder of the runs that are asked.
        concurrency: questions under way at once.
        progress: gives the progress callback of a way.

    Raises:
        UsageError: think or direct is neither given nor can be asked.
    """
    ways: dict[str, dict[str, Outcome]] = {}
    for name in ("think", "direct", "auto"):
        if name in paths:
            outcomes = read_answers(chosen, [paths[name]])
            ways[name] = by_id(evaluated(chosen, outcomes, {}, False).scored.outcomes)
        elif ask is not None and out is not None:
            own = ask.model_copy(update={"mode": name})
            done = ask_all(
                chosen, own, out / name, concurrency=concurrency, progress=progress(name)
            )
            ways[name] = by_id(done.scored.outcomes)
    if "think" not in ways or "direct" not in ways:
        raise UsageError(
            "think and direct are both needed.", "Give --think and --direct, or --out."
        )
    return measure_deciding(
        ways["think"], ways["direct"], ways.get("auto"), chosen.benchmark.primary
    )
