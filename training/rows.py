"""Data set folders as rows for the trainers, with pictures opened only when a row is looked at."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

from ..policy.dialect import Dialect
from ..tools.coordinates import ResizedPixelSpace
from ..tools.errors import DataError, ImageError, TrainingError
from ..tools.images import picture_from_path
from ..tools.text import clean_text
from ..tools.tool import AnyTool
from .chat import GridOf, chat, picture_paths, rft_row, sizes_context
from .data.folder import manifest_roots
from .data.sample import Sample, read_samples
from .data.spoken import spoken
from .nano.episode_rows import episode_rows, is_recorded
from .recipe import SftPart

Split = Literal["train", "val", "all"]
"""Which part of a data set that was divided when it was built."""


def read_folder(folder: str | Path) -> Iterator[tuple[Sample, list[str]]]:
    """Samples of a data set folder with the paths of their pictures.

    Raises:
        DataError: no such folder, no samples file, a wrong line, a damaged `dataset.json`, or one
            that lacks the source of a picture.
    """
    base = Path(folder)
    if not (base / "samples.jsonl").is_file():
        raise DataError(
            f"{clean_text(str(folder), 200)}: no data set (samples.jsonl) is there.",
            "Make one: gemvg-agent data build RECIPE.yaml FOLDER.",
        )
    roots = manifest_roots(base)
    for sample in read_samples(base / "samples.jsonl"):
        yield sample, picture_paths(sample, base, roots)


def chosen_samples(
    folders: Sequence[str | Path], split: Split, limit: int | None = None
) -> list[tuple[Sample, list[str]]]:
    """Samples of data set folders with the paths of their pictures.

    Args:
        folders: data sets.
        split: takes the samples of this split of a folder that was divided, all of one that was
            not (whose samples are all of one split).
        limit: takes so many at most, of every folder and task in turn: a folder holds the samples
            of a task next to each other, so the first of them would be of one or two tasks.

    Raises:
        DataError: as for `read_folder`; a folder was divided, and not into such a split.
    """
    every: list[tuple[Sample, list[str]]] = []
    queues: dict[tuple[int, str], list[tuple[Sample, list[str]]]] = {}
    for number, folder in enumerate(folders):
        found = list(read_folder(folder))
        own = [one for one in found if split in ("all", one[0].split)]
        if not own and len(names := {str(one[0].split) for one in found}) > 1:
            raise DataError(
                f"{clean_text(str(folder), 200)}: is divided into {', '.join(sorted(names))}, "
                f"without {split}.",
                f"Build it with a share for {split}, or name a folder that is not divided.",
            )
        own = own or found
        for one in own:
            queues.setdefault((number, one[0].task), []).append(one)
        every += own
    if limit is None or limit >= len(every):
        return every
    turns = itertools.chain.from_iterable(itertools.zip_longest(*queues.values()))
    return list(itertools.islice((one for one in turns if one is not None), limit))


def check_pictures(rows: Sequence[dict[str, Any]]) -> None:
    """Look at the header of every picture once, before any step is paid for.

    Raises:
        DataError: a picture is missing, damaged, or of another size than its annotation says.
    """
    sizes: dict[str, tuple[int, int]] = {}
    for row in rows:
        for path, (width, height) in zip(row["paths"], row["sizes"], strict=True):
            if path not in sizes:
                try:
                    sizes[path] = picture_from_path(path).size
                except ImageError as error:
                    raise DataError(f"sample {row['sample_id']}: {error}") from error
            if sizes[path] != (width, height):
                raise DataError(
                    f"sample {row['sample_id']}: {Path(path).name} is {sizes[path][0]} x "
                    f"{sizes[path][1]} pixels, the annotation says {width} x {height}."
                )


def _check_coordinates(dialect: Dialect, grid_of: GridOf | None) -> None:
    """Raises DataError where the dialect writes pixels of a resize that nobody knows."""
    if dialect.coordinates == ResizedPixelSpace().name and grid_of is None:
        raise DataError(
            f"dialect {dialect.name} writes pixels of the resized picture, and the model has no "
            "processor that says how it resizes.",
            "Train in a dialect of relative coordinates: qwen2-vl, qwen3-vl, gemvg.",
        )


def rft_rows(
    folders: Sequence[str | Path],
    dialect: Dialect,
    tools: Sequence[AnyTool] = (),
    limit: int | None = None,
    grid_of: GridOf | None = None,
    episodes: int | None = None,
    split: Split = "all",
) -> list[dict[str, Any]]:
    """Rows for reinforcement finetuning; see `chat.rft_row` for the columns.

    Args:
        folders: data sets, and for nano recorded conversations (`nano.episode_rows`).
        dialect: of the prompts.
        tools: that the prompts describe.
        limit: of samples; see `chosen_samples`.
        grid_of: the model's processor's, for dialects that write pixels of the resized picture.
        episodes: takes so many conversations of each folder.
        split: see `chosen_samples`.
    """
    _check_coordinates(dialect, grid_of)
    recorded = [folder for folder in folders if is_recorded(folder)]
    if recorded and dialect.name != "nano":
        raise DataError(
            f"{clean_text(str(recorded[0]), 200)}: these conversations are written in nano's own "
            f"tokens, which {dialect.name} does not read.",
            "Leave the folder out of data.train.",
        )
    built = [folder for folder in folders if folder not in recorded]
    rows = [
        rft_row(sample, paths, dialect, tools, grid_of)
        for sample, paths in chosen_samples(built, split, limit)
    ]
    return rows + [row for folder in recorded for row in episode_rows(folder, episodes)]


def sft_rows(
    folders: Sequence[str | Path],
    dialect: Dialect,
    part: SftPart,
    seed: int,
    limit: int | None = None,
    grid_of: GridOf | None = None,
    split: Split = "all",
) -> list[dict[str, Any]]:
    """Rows for supervised finetuning: `messages`, `completion`, `paths`, `sizes`, `mode`.

    S1: short answers under the direct prompt. S2: a sample with a trace is trained reasoned with
    `think_share`, else direct; `auto_share` of all get the auto prompt, and there a trace is
    dropped with `thought_dropout` (TON), so that the choice stays open for the reinforcement stage.
    `limit`, `grid_of` and `split` as for `rft_rows`.
    """
    _check_coordinates(dialect, grid_of)
    rng = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for sample, paths in chosen_samples(folders, split, limit):
        sizes = [[ref.width, ref.height] for ref in sample.images]
        context = sizes_context(sizes, grid_of)
        thinks = part.stage == "s2" and sample.trace is not None
        thinks = thinks and rng.random() < part.think_share
        auto = part.stage == "s2" and rng.random() < part.auto_share
        if auto and thinks and rng.random() < part.thought_dropout:
            thinks = False
        mode = "auto" if auto else "think" if thinks else "direct"
        boxes = [truth.grounded() for truth in sample.answer]
        question, trace = spoken(sample, dialect, context)
        body = f"<answer>{dialect.write(boxes, context)}</answer>"
        thought = f"<think>{trace}</think>\n" if thinks else ""
        book, views = context.book, range(1, len(sizes) + 1)
        rows.append(
            {
                "messages": chat(dialect.opening(question, book, views, mode, ())),
                "completion": thought + body,
                "paths": paths,
                "sizes": sizes,
                "mode": mode,
                "sample_id": sample.id,
            }
        )
    return rows


def with_pictures(rows: Sequence[dict[str, Any]]) -> Any:
    """Rows as a `datasets.Dataset` whose `images` are opened when a row is read.

    Raises:
        DataError: no rows.
    """
    from datasets import Dataset

    if not rows:
        raise DataError("the data set holds no samples.")
    # Messages and boxes nest irregularly, which Arrow would refuse or pad: they travel as text.
    nested = sorted(k for k, v in rows[0].items() if isinstance(v, (list, dict)))
    flat = [{k: json.dumps(v) if k in nested else v for k, v in row.items()} for row in rows]
    table = Dataset.from_list(flat)

    def unfold(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        full = {k: [json.loads(x) for x in v] if k in nested else v for k, v in batch.items()}
        if "paths" in full and any(full["paths"]):
            # A group's rows are about the same pictures: each is decoded once, and being one object
            # is processed once.
            opened = cache(open_picture)
            full["images"] = [[opened(path) for path in paths] for paths in full["paths"]]
        return full

    return table.with_transform(unfold)


def open_picture(path: str) -> Any:
    """The upright RGB picture of a path, as PIL.

    Raises:
        TrainingError: it was there when training began and is not any more.
    """
    try:
        return picture_from_path(path).pixels
    except ImageError as error:
        raise TrainingError(f"a training picture can't be read: {error}") from error
