"""What a run leaves in its folder: checkpoints, cycles' ends, the final model and how it ended."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OUTCOME = "outcome.json"
"""In the folder of a final model: at which step it was saved, and why it ended early."""

COMPLETE = "complete.json"
"""Written into a checkpoint after everything else: without it, the checkpoint was cut short."""

LAST = "last"
"""Folder of a run that holds what it ended with."""

_OLD = "last.old"
"""Where the model before is while a new one takes its place."""

_LEFT = ("checkpoint-*", "cycle-*", LAST, _OLD, "log.jsonl", "recipe.json", "samples")
"""What a run that begins anew must not find."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        folder: of the final model (`last`), or of the last good checkpoint where it was stopped.
        step: optimizer steps done. stopped: why it ended early, or None.
    """

    folder: Path
    step: int
    stopped: str | None


def last_outcome(output: Path) -> Outcome | None:
    """How the run of a folder ended the last time; None where it did not end."""
    return read_outcome(output / LAST)


def read_outcome(folder: Path) -> Outcome | None:
    """What a model's folder says of the run it is from; None where it says nothing."""
    try:
        said: Any = json.loads((folder / OUTCOME).read_text(encoding="utf-8"))
        return Outcome(folder, int(said["step"]), said["stopped"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_outcome(folder: Path, step: int, stopped: str | None) -> None:
    """Say in a model's folder how the run came to it."""
    said = {"step": step, "stopped": stopped}
    (folder / OUTCOME).write_text(json.dumps(said), encoding="utf-8")


def read_log(file: Path) -> list[dict[str, Any]]:
    """The lines of a run's log; one that a kill cut is left out, and none where there is no log."""
    lines: list[dict[str, Any]] = []
    if file.is_file():
        for text in file.read_text(encoding="utf-8").splitlines():
            try:
                lines.append(json.loads(text))
            except ValueError:
                continue
    return lines


def read_steps(file: Path, name: str) -> list[dict[str, Any]]:
    """The lines of a run's log that say a value of this name, one of each step, in their order.

    After a hard kill a run goes on from its last checkpoint and logs steps again. What it logged
    of them before is of steps that were undone, and so is what it logged beyond.
    """
    kept: list[dict[str, Any]] = []
    for line in read_log(file):
        if line.get(name) is not None:
            while kept and kept[-1]["step"] >= line["step"]:
                kept.pop()
            kept.append(line)
    return kept


def good_checkpoints(folder: str | Path) -> list[Path]:
    """The checkpoints that were written to their end, the oldest first."""
    good = [p for p in Path(folder).glob("checkpoint-*") if (p / COMPLETE).is_file()]
    return sorted(good, key=step_of)


def last_good_checkpoint(folder: str | Path) -> Path | None:
    """The newest checkpoint that was written to its end, or None."""
    good = good_checkpoints(folder)
    return good[-1] if good else None


def remove_half_written(folder: Path) -> None:
    """Remove checkpoints that were cut short, which no run goes on from.

    One of a later step than those to come would count as the newest when old ones are removed, and
    stay in the place of a good one.
    """
    for path in folder.glob("checkpoint-*"):
        if not (path / COMPLETE).is_file():
            shutil.rmtree(path, ignore_errors=True)


def step_of(checkpoint: Path) -> int:
    """Steps done at a checkpoint."""
    return int(checkpoint.name.rpartition("-")[2])


def replace_last(folder: Path, fresh: Path) -> None:
    """Put a finished model in the place of the one before, which is there until it is."""
    old = folder.with_name(_OLD)
    # One that was being removed when a process was killed: a folder can't be renamed onto it.
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def put_back(output: Path) -> None:
    """Put the model before in its place again where a process was killed between the two."""
    if (output / _OLD / OUTCOME).is_file() and not (output / LAST).exists():
        (output / _OLD).rename(output / LAST)


def put_aside(output: Path) -> Path | None:
    """Move what an earlier run left into a folder `before-N` of its own; None of nothing.

    A run that begins anew and is broken off would else go on from the earlier one's checkpoints.
    """
    left = [path for pattern in _LEFT for path in output.glob(pattern)]
    if not left:
        return None
    number = 1
    while (output / f"before-{number}").exists():
        number += 1
    folder = output / f"before-{number}"
    folder.mkdir()
    for path in left:
        path.rename(folder / path.name)
    return folder
