"""Building a data set: the same seed gives the same bytes, with any number of processes.

Every sample is decided by the seed, its task entry and its number alone. Samples are made in
chunks whose files appear whole; a build that was stopped goes on with the chunks that are
missing. Repeated questions are dropped at the end of each round, and further numbers are made in
their place in the next.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ...agent.locks import only_writer
from ...tools.errors import DataError, OutputError, UsageError
from .folder import MANIFEST, SAMPLES, read_manifest
from .left_out import require_sources
from .merge import merge, unique
from .pools import PixelCache
from .readers.base import Source
from .readers.mig import read_mig
from .readers.registry import reader
from .recipe import Recipe
from .record import Record, Skips
from .sample import sample_line
from .shots import Pixels
from .store import Store, write_store
from .whole_file import whole_file
from .workshop import Chunk, Place, Workshop, open_workshop, work

CHUNK = 100
"""Samples per chunk."""

ROUNDS = 5
"""How often missing samples are made up for."""

Progress = Callable[[str, int, int], None]
"""Called with (what is being done, done, total)."""


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build made.

    Attributes:
        tasks: task to samples. short: task to samples that could not be made.
        skips: what the readers left out, by source.
    """

    samples: int
    tasks: dict[str, int]
    short: dict[str, int]
    skips: dict[str, Any]


def _quiet(what: str, done: int, total: int) -> None:
    """No progress."""


def build(
    recipe: Recipe,
    out: Path,
    data: Path,
    workers: int = 2,
    progress: Progress = _quiet,
) -> BuildReport:
    """Build, or go on with, a data set.

    Args:
        recipe: what to make.
        out: the data set's folder; made where it is not there.
        data: the folder that the recipe's paths are relative to.
        workers: processes; 1 works in this one.
        progress: told of what is done.

    Raises:
        UsageError: `out` holds something else. DataError: a source is missing or wrong.
        OutputError: nothing can be written, or another build is writing into `out`.
    """
    place = Place(out.resolve(), out.resolve() / "work", data.resolve())
    report = _finished(recipe, place)
    if report is None:
        require_sources(recipe, place.data)
        try:
            place.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(place) from error
        # The first of two to end would clear away what the other works with.
        with only_writer(place.out):
            # Asked again: another may have begun or ended it since.
            report = _finished(recipe, place) or _build(recipe, place, workers, progress)
    return report


def _build(recipe: Recipe, place: Place, workers: int, progress: Progress) -> BuildReport:
    """All that is missing of a data set whose folder is ours."""
    _begin(recipe, place)
    skips = _prepare(recipe, place, progress)
    quotas = recipe.quotas()
    planned = _make_rounds(recipe, place, quotas, workers, progress)
    counts = merge(place, planned, quotas)
    tasks: dict[str, int] = {}
    short: dict[str, int] = {}
    for task, count, quota in zip(recipe.tasks, counts, quotas, strict=True):
        tasks[task.task] = tasks.get(task.task, 0) + count
        if count < quota:
            short[task.task] = short.get(task.task, 0) + quota - count
    ready = _ready(recipe, place, skips)
    report = BuildReport(sum(counts) + ready, tasks, short, skips)
    _end(recipe, place, report)
    return report


def _make_rounds(
    recipe: Recipe, place: Place, quotas: Sequence[int], workers: int, progress: Progress
) -> list[Chunk]:
    """Make chunks until every entry has its quota of different questions, or gives no more.

    What a round plans follows from the rounds before it alone, so that a build that goes on, or
    one with more processes, plans the same.
    """
    stops = list(quotas)
    planned = [chunk for entry, quota in enumerate(quotas) for chunk in _split(entry, 0, quota)]
    before = [0] * len(quotas)
    for _ in range(ROUNDS):
        # Entries take turns, so that a stopped build holds something of each.
        planned.sort(key=lambda c: (c.start, c.entry))
        missing = [c for c in planned if not place.shard(c).is_file()]
        _run(recipe, place, missing, workers, progress)
        counts = [0] * len(quotas)
        for chunk, _ in unique(place, planned, quotas):
            counts[chunk.entry] += 1
        extra: list[Chunk] = []
        for entry, quota in enumerate(quotas):
            gained = counts[entry] - before[entry]
            need = quota - counts[entry]
            if need > 0 and gained > 0:
                more = need + need // 4 + 10
                extra += _split(entry, stops[entry], stops[entry] + more)
                stops[entry] += more
        before = counts
        if not extra:
            break
        planned += extra
    return [c for c in planned if place.shard(c).is_file()]


def _manifest(recipe: Recipe, place: Place) -> dict[str, Any]:
    roots = {
        name: os.path.relpath(spec.pictures(place.data), place.out)
        for name, spec in {**recipe.sources, **recipe.ready}.items()
    }
    return {
        "format": 1, "name": recipe.name, "recipe": recipe.digest(), "seed": recipe.seed,
        "roots": roots, "complete": False,
    }  # fmt: skip


def _finished(recipe: Recipe, place: Place) -> BuildReport | None:
    """The report where all is done; None where it is to be begun, or gone on with.

    Raises:
        UsageError: the folder holds something else.
    """
    file = place.out / MANIFEST
    if not file.is_file():
        if place.out.exists() and any(place.out.iterdir()):
            raise UsageError(f"{place.out} is not empty.", "Choose an empty folder.")
        return None
    try:
        found = read_manifest(place.out)
    except DataError as error:
        raise UsageError(f"{file}: damaged.", "Choose an empty folder.") from error
    if found.get("recipe") == recipe.digest():
        if not found.get("complete"):
            return None
        return BuildReport(found["samples"], found["tasks"], found.get("short", {}), found["skips"])
    if found.get("complete") or any(place.work.glob("shards/*.jsonl")):
        raise UsageError(
            f"{place.out} holds a data set of another recipe.", "Choose an empty folder."
        )
    return None


def _begin(recipe: Recipe, place: Place) -> None:
    """Say whose the folder is."""
    file = place.out / MANIFEST
    if file.is_file() and read_manifest(place.out).get("recipe") != recipe.digest():
        # A start that a missing source ended; nothing of it is worth keeping.
        shutil.rmtree(place.work, ignore_errors=True)
    try:
        # Whole and first: a kill in between would else leave a folder that is nobody's.
        with whole_file(file) as manifest:
            json.dump(_manifest(recipe, place), manifest, indent=1)
        (place.work / "shards").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(place) from error


def _unwritable(place: Place) -> OutputError:
    return OutputError(f"{place.out}: can't be written.", "Choose another folder.")


def _prepare(recipe: Recipe, place: Place, progress: Progress) -> dict[str, Any]:
    """Stores of all sources (kept from an earlier start), small backgrounds, object pictures."""
    skips_file = place.work / "skips.json"
    skips = _kept_skips(skips_file)
    for number, (name, spec) in enumerate(recipe.sources.items()):
        progress("reading sources", number, len(recipe.sources))
        if place.store(name).is_file() and name in skips:
            continue
        found = Skips()
        source: Source = spec.resolve(name, place.data)
        count = write_store(place.store(name), reader(spec.reader)(source, found))
        if count == 0:
            raise DataError(
                f"source {name}: no usable picture in {spec.pictures(place.data)}.",
                f"{_why(found)} To do without it: --without {name}",
            )
        skips[name] = found.as_json()
        with whole_file(skips_file) as file:
            json.dump(skips, file)
    _backgrounds(recipe, place)
    return skips


def _kept_skips(file: Path) -> dict[str, Any]:
    """What an earlier start left out of its sources; none where it was killed as it wrote that."""
    try:
        kept = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _why(skips: Skips) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(skips.counts.items()))
    return f"Left out: {reasons}." if reasons else "The annotation names none."


def _backgrounds(recipe: Recipe, place: Place) -> None:
    """Small photographs of every source that a pool puts behind its scenes."""
    from .scenes.package import ObjectPictures
    from .scenes.picture_sets import SETS
    from .scenes.thumbs import MOST, write_thumbs

    pools = [recipe.pools[name] for name in sorted({task.pool for task in recipe.tasks})]
    for name in sorted({pool.sprites for pool in pools if pool.sprites} & SETS.keys()):
        ObjectPictures(pictures=name)
    for name in sorted({source for pool in pools for source in pool.backgrounds}):
        path = place.thumbs(name)
        if path.is_file():
            continue
        store = Store(place.store(name))
        keys = range(0, len(store), 1 + len(store) // MOST)
        load = partial(_load, PixelCache(1), recipe.sources[name].pictures(place.data))
        write_thumbs(path, ((k, store[k]) for k in keys), load)
        store.close()


def _load(cache: PixelCache, folder: Path, record: Record) -> Pixels:
    return cache.load(folder / record.file)


def _split(entry: int, start: int, stop: int) -> list[Chunk]:
    return [Chunk(entry, a, min(a + CHUNK, stop)) for a in range(start, stop, CHUNK)]


def _run(
    recipe: Recipe, place: Place, chunks: Sequence[Chunk], workers: int, progress: Progress
) -> None:
    """Make chunks, in this process or several."""
    total = sum(c.stop - c.start for c in chunks)
    done = 0
    for chunk in _results(recipe, place, chunks, workers):
        done += chunk.stop - chunk.start
        progress("building", done, total)


def _results(
    recipe: Recipe, place: Place, chunks: Sequence[Chunk], workers: int
) -> Iterator[Chunk]:
    """Chunks as they are done."""
    if workers <= 1 or len(chunks) <= 1:
        shop = Workshop(recipe, place)
        for chunk in chunks:
            shop.chunk(chunk)
            yield chunk
        return
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from multiprocessing import get_context

    text = json.dumps(recipe.model_dump())
    with ExitStack() as stack:
        pool = stack.enter_context(
            ProcessPoolExecutor(
                min(workers, len(chunks)), get_context("spawn"), open_workshop, (text, place)
            )
        )
        stack.callback(pool.shutdown, wait=True, cancel_futures=True)
        for future in as_completed([pool.submit(work, chunk) for chunk in chunks]):
            yield future.result()[0]


def _ready(recipe: Recipe, place: Place, skips: dict[str, Any]) -> int:
    """Take over ready questions at the end of `samples.jsonl`; returns how many."""
    count = 0
    if not recipe.ready:
        return 0
    with (place.out / SAMPLES).open("a", encoding="utf-8") as file:
        for name, spec in recipe.ready.items():
            found = Skips()
            source = spec.resolve(name, place.data)
            for number, sample in enumerate(read_mig(source, found)):
                if spec.limit is not None and number >= spec.limit:
                    break
                file.write(sample_line(sample))
                count += 1
            skips[name] = found.as_json()
    return count


def _end(recipe: Recipe, place: Place, report: BuildReport) -> None:
    """Say that it is complete, and clear away what only the building needed."""
    manifest = _manifest(recipe, place) | {
        "complete": True, "samples": report.samples, "tasks": report.tasks,
        "short": report.short, "skips": report.skips,
    }  # fmt: skip
    with whole_file(place.out / MANIFEST) as file:
        json.dump(manifest, file, indent=1)
    shutil.rmtree(place.work, ignore_errors=True)
