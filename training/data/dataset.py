"""A data set as a Hugging Face `datasets.Dataset`, pictures opened only when a row is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ...tools.errors import MissingDependency
from .folder import DataFolder
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


def _rows(path: str, split: str | None) -> Iterator[dict[str, Any]]:
    folder = DataFolder(path)
    for sample in folder.samples():
        if split is None or sample.split == split:
            yield trl_row(folder, sample)


def as_dataset(path: str | Path, split: str | None = None) -> Any:
    """A `datasets.Dataset` with TRL's columns; `images` decode when they are looked at.

    Raises:
        MissingDependency: the `datasets` package is not installed. DataError: no data set.
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
        generate, gen_kwargs={"path": str(folder.path.resolve()), "split": split}
    )
    return table.cast_column("images", Sequence(Image()))
