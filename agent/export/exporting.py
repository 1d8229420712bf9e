"""From results to one of the formats, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path

from ...tools.errors import OutputError, UsageError
from ..batch.record import BatchRecord

Writer = Callable[[Iterable[BatchRecord], Path], None]

FORMATS: dict[str, tuple[str, str, bool]] = {
    "coco": (".coco_json", ".coco.json", False),
    "yolo": (".yolo_text", ".yolo", True),
    "labelme": (".labelme_json", ".labelme", True),
    "label-studio": (".label_studio", ".label-studio.json", False),
    "cvat": (".cvat_xml", ".cvat.xml", False),
    "csv": (".tables", ".csv", False),
    "parquet": (".tables", ".parquet", False),
}
"""Module, ending of the target's default name, and whether the target is a folder."""


def default_target(results: Path, to: str) -> Path:
    """Where a format goes unless another place is named: beside the results."""
    return results.with_name(results.name.removesuffix(".jsonl") + _format(to)[1])


def export(records: Iterable[BatchRecord], to: str, target: Path, *, force: bool = False) -> None:
    """Write results in a format.

    Args:
        records: the results.
        to: one of `FORMATS`.
        target: a file, or for yolo and labelme a folder.
        force: replace what is there.

    Raises:
        UsageError: no such format, or the target exists.
        OutputError: it can't be written.
    """
    module, _, is_folder = _format(to)
    if target.exists() and not force and not (target.is_dir() and not any(target.iterdir())):
        raise UsageError(f"{target} is there already.", "Name another, or give --force.")
    if target.exists() and target.is_dir() != is_folder:
        raise UsageError(f"{target} is {'a file' if is_folder else 'a folder'}.", "Name another.")
    write: Writer = getattr(import_module(module, __package__), f"write_{to.replace('-', '_')}")
    fresh = target.with_name(f".{target.name}.new")
    try:
        _remove(fresh)
        target.parent.mkdir(parents=True, exist_ok=True)
        if is_folder:
            fresh.mkdir()
        write(records, fresh)
        _put(fresh, target)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        reason = (error.strerror or "unknown reason").lower()
        raise OutputError(f"{target}: can't be written ({reason}).", "Name another.") from error
    finally:
        with contextlib.suppress(OSError):
            _remove(fresh)


def _format(to: str) -> tuple[str, str, bool]:
    if to not in FORMATS:
        raise UsageError(f"there is no format {to[:40]!r}.", f"Use {', '.join(FORMATS)}.")
    return FORMATS[to]


def _put(fresh: Path, target: Path) -> None:
    if target.is_dir():
        old = target.with_name(f".{target.name}.old")
        _remove(old)
        os.replace(target, old)
        os.replace(fresh, target)
        _remove(old)
    else:
        os.replace(fresh, target)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
