"""What one building process has at hand: stores, pools per split, and the making of one chunk."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from ...tools.errors import ImageError, OutputError
from .builders.base import Desk, Draft
from .builders.registry import BUILDERS
from .folder import picture_line
from .pools import PixelCache, RecordPool
from .recipe import PoolSpec, Recipe, TaskSpec
from .sample import ImageRef, Sample, sample_line, targets_of
from .scenes.backgrounds import Backgrounds
from .scenes.cutouts import Cutouts
from .scenes.package import ObjectPictures
from .scenes.picture_sets import SETS
from .scenes.pool import ScenePool
from .scenes.sprites import SpriteLibrary
from .scenes.thumbs import Thumbs
from .shots import Pool, Shot
from .store import Store
from .teacher.traces import trace_of

ATTEMPTS = 80
"""Draws for one sample before it is given up (and counted)."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of samples of one task entry: numbers `start` to `stop - 1`."""

    entry: int
    start: int
    stop: int

    @property
    def name(self) -> str:
        """File name without extension."""
        return f"{self.entry:02d}-{self.start:08d}-{self.stop:08d}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a build reads and writes: its folder, its working folder, the sources' folders."""

    out: Path
    work: Path
    data: Path

    def store(self, source: str) -> Path:
        """The store of a source."""
        return self.work / f"{source}.sqlite"

    def thumbs(self, source: str) -> Path:
        """The small photographs of a source."""
        return self.work / f"{source}.thumbs"

    def shard(self, chunk: Chunk) -> Path:
        """The finished samples of a chunk."""
        return self.work / "shards" / f"{chunk.name}.jsonl"


class Workshop:
    """Makes chunks; everything is opened when first needed. One per process."""

    def __init__(self, recipe: Recipe, place: Place) -> None:
        import cv2

        cv2.setNumThreads(1)
        self.recipe = recipe
        self.place = place
        self._cache = PixelCache()
        self._stores: dict[str, Store] = {}
        self._records: dict[tuple[str, str], RecordPool] = {}
        self._sprites: dict[tuple[str, str], SpriteLibrary] = {}
        self._pools: dict[tuple[str, str], Pool] = {}

    def _record_pool(self, source: str, split: str) -> RecordPool:
        key = (source, split)
        if key not in self._records:
            if source not in self._stores:
                self._stores[source] = Store(self.place.store(source))
            folder = self.recipe.sources[source].pictures(self.place.data)
            self._records[key] = RecordPool(
                source, self._stores[source], folder, split, self.recipe.splits, self._cache
            )
        return self._records[key]

    def _library(self, name: str, split: str) -> SpriteLibrary:
        key = (name, "" if name in SETS else split)
        if key not in self._sprites:
            self._sprites[key] = (
                ObjectPictures(pictures=name)
                if name in SETS
                else Cutouts(self._record_pool(name, split))
            )
        return self._sprites[key]

    def pool(self, name: str, split: str) -> Pool:
        """A pool of the recipe for one split."""
        key = (name, split)
        if key not in self._pools:
            self._pools[key] = self._make_pool(name, self.recipe.pools[name], split)
        return self._pools[key]

    def _make_pool(self, name: str, spec: PoolSpec, split: str) -> Pool:
        if spec.records is not None:
            return self._record_pool(spec.records, split)
        photographs = [
            (self._record_pool(source, split), Thumbs(self.place.thumbs(source)))
            for source in spec.backgrounds
        ]
        backgrounds = Backgrounds(photographs, spec.share)
        library = self._library(str(spec.sprites), split)
        return ScenePool(name, library, backgrounds, spec.sides, spec.most, spec.labels)

    def desk(self, task: TaskSpec, split: str) -> Desk:
        """The desk of a task in one split."""
        sprites = self._library(task.paste, split) if task.paste else None
        return Desk(self.pool(task.pool, split), sprites, task.options)

    def make(self, entry: int, number: int) -> tuple[TaskSpec, str, Draft | None]:
        """(task, split, draft) of one sample; decided by seed, entry and number alone."""
        task = self.recipe.tasks[entry]
        base = f"{self.recipe.seed}/{self.recipe.name}/{entry}/{number}"
        names = list(self.recipe.splits)
        split = Random(base).choices(names, [self.recipe.splits[n] for n in names])[0]
        desk, build = self.desk(task, split), BUILDERS[task.task].build
        if not desk.pool.labels:
            return task, split, None
        for attempt in range(ATTEMPTS):
            try:
                draft = build(Random(f"{base}/{attempt}"), desk)
            except ImageError:
                continue
            if draft is not None:
                return task, split, draft
        return task, split, None

    def chunk(self, chunk: Chunk) -> int:
        """Make and write a chunk; returns how many samples could not be made.

        The shard appears whole or not at all, after its pictures.
        """
        shard = self.place.shard(chunk)
        failed = 0
        lines: list[str] = []
        pictures: list[str] = []
        for number in range(chunk.start, chunk.stop):
            task, split, draft = self.make(chunk.entry, number)
            if draft is None:
                failed += 1
                continue
            sample, notes = self._finish(chunk, number, task, split, draft)
            lines.append(sample_line(sample))
            pictures += notes
        try:
            shard.with_suffix(".pictures").write_text("".join(pictures), encoding="utf-8")
            temporary = shard.with_suffix(".tmp")
            temporary.write_text("".join(lines), encoding="utf-8")
            temporary.replace(shard)
        except OSError as error:
            raise OutputError(f"{shard.parent}: can't be written.", "Is the disk full?") from error
        return failed

    def _finish(
        self, chunk: Chunk, number: int, task: TaskSpec, split: str, draft: Draft
    ) -> tuple[Sample, list[str]]:
        """Write a draft's pictures; the sample and the lines of `pictures.jsonl`."""
        name = f"{task.task}-{chunk.entry:02d}-{number:08d}"
        refs: list[ImageRef] = []
        notes: list[str] = []
        for k, shot in enumerate(draft.shots, 1):
            ref, record = self._picture(chunk, f"{name}-{k}", shot)
            refs.append(ref)
            notes.append(picture_line(ref.key, record, shot.notes))
        wants_trace = Random(f"{self.recipe.seed}/trace/{name}").random() < self.recipe.traces
        licences = sorted({s.record.licence for s in draft.shots})
        sample = Sample(
            id=name, task=task.task, demand=BUILDERS[task.task].demand, question=draft.question,
            images=refs, answer=draft.answer, targets=targets_of(len(draft.answer)),
            meaning=draft.meaning, prompts=draft.prompts, text=draft.text,
            trace=trace_of(draft) if wants_trace else None,
            source=" + ".join(sorted({s.record.source for s in draft.shots})),
            licence="; ".join(licences), split=split,
        )  # fmt: skip
        return sample, notes

    def _picture(self, chunk: Chunk, name: str, shot: Shot) -> tuple[ImageRef, Any]:
        """Write a made picture, or refer to the source's file."""
        record = shot.record
        if shot.pixels is None:
            ref = ImageRef(
                file=record.file, root=record.root, width=record.width, height=record.height
            )
            return ref, record
        file = f"pictures/{chunk.name}/{name}.jpg"
        write_jpeg(self.place.out / file, shot, self.recipe.quality)
        ref = ImageRef(file=file, width=record.width, height=record.height)
        return ref, replace(record, root="", file=file)


def write_jpeg(path: Path, shot: Shot, quality: int) -> None:
    """Write a shot's pixels. Raises OutputError where that can't be done."""
    import cv2

    if shot.pixels is None:
        raise OutputError(f"{path.name}: no pixels to write.")
    bgr = cv2.cvtColor(shot.pixels, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise OutputError(f"{path.parent}: can't be written.", "Is the disk full?") from error
    if not done:
        raise OutputError(f"{path.name}: could not be encoded.")


_WORKSHOP: list[Workshop] = []


def _end_with_parent() -> None:
    """Watch the process that builds: killed outright, it could not tell its workers to stop."""
    import threading
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    parent = parent_process()

    def watch() -> None:
        if parent is not None:
            wait([parent.sentinel])
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def open_workshop(recipe: str, place: Place) -> None:
    """Start of a worker process; the recipe as JSON."""
    _end_with_parent()
    _WORKSHOP[:] = [Workshop(Recipe.model_validate(json.loads(recipe)), place)]


def work(chunk: Chunk) -> tuple[Chunk, int]:
    """One chunk in a worker process; (chunk, how many could not be made)."""
    return chunk, _WORKSHOP[0].chunk(chunk)
