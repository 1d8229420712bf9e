"""A data set as a Hugging Face `datasets.Dataset`, pictures opened only when a row is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ...tools.errors import DataError, MissingDependency
from .folder import MANIFEST, SAMPLES, DataFolder
from .sample import Sample


def trl_row(folder: DataFolder, sample: Sample) -> dict[str, Any]:
    """TRL's columns: `prompt` (messages with picture places), `images` (paths), `truth` (JSON)."""
    content: list[dict[str, str]] = []
    for k in range(1, len(sample.images) + 1):
        content += [{"type": "text", "text": f"Image {k}: "}, {"type": "image", "text": ""}]
    content.append({"type": "text", "text": sample.question})
    truth = {
        "boxes": [{"image": b.image, "box": list(b.box), "label": b.label} for b in sample.answer],
        "sizes": [[r.width, r.height] for r in sample.images],
        "text": sample.text,
    }
    return {
        "id": sample.id, "task": sample.task, "demand": sample.demand, "targets": sample.targets,
        "split": sample.split, "prompt": [{"role": "user", "content": content}],
        "images": [str(folder.picture(ref)) for ref in sample.images],
        "trace": sample.trace, "truth": json.dumps(truth),
    }  # fmt: skip


def _state(folder: DataFolder) -> str:
    """SHA-256 of what a data set's rows are made of."""
    digest = hashlib.sha256()
    try:
        for name in (MANIFEST, SAMPLES):
            with (folder.path / name).open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    except OSError as error:
        raise DataError(f"{folder.path}: its files can't be read.") from error
    return digest.hexdigest()


def _rows(path: str, split: str | None, state: str) -> Iterator[dict[str, Any]]:
    """Rows of a data set; `state` only tells its kept tables apart."""
    folder = DataFolder(path)
    for sample in folder.samples():
        if split is None or sample.split == split:
            yield trl_row(folder, sample)


def as_dataset(path: str | Path, split: str | None = None) -> Any:
    """A `datasets.Dataset` with TRL's columns; `images` decode when they are looked at.

    Raises:
        MissingDependency: the `datasets` package is not installed. DataError: no data set, or its
            files can't be read.
    """
    try:
        from datasets import Dataset, Image, Sequence, disable_progress_bars
    except ImportError as error:
        raise MissingDependency(
            "loading a data set needs the package `datasets`.", "pip install gemvg-agent[train]"
        ) from error
    folder = DataFolder(path)
    disable_progress_bars()
    generate: Callable[..., Iterator[dict[str, Any]]] = _rows
    table: Any = Dataset.from_generator(
        # Tables are kept by these: one folder may have been built again, rewritten or cut since.
        generate,
        gen_kwargs={
            "path": str(folder.path.resolve()),
            "split": split,
            "state": _state(folder),
        },
    )
    return table.cast_column("images", Sequence(Image()))
