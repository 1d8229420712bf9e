"""Stage S3 of a nano run: hybrid reinforcement finetuning, with the trainer of all other models."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from ...tools.errors import WeightsError
from ..run_folder import LAST, last_outcome, read_steps
from .recipe import Finetune
from .studio import Studio

WEIGHTS = "model.safetensors"

ENDS = 20
"""Steps over which the first and the last rewards are averaged."""


@dataclass(frozen=True, slots=True)
class Finetuned:
    """What the card says of it.

    Attributes:
        recipe: its name. seeds: of the runs. steps: done in each. rollouts: in each step.
        before, after: mean reward of the first and the last steps.
    """

    recipe: str
    seeds: tuple[int, ...]
    steps: int
    rollouts: int
    before: float
    after: float


def finetune(part: Finetune, base: Path, output: Path) -> Path | None:
    """Train with rewards on composed scenes; goes on where it was broken off.

    Args:
        part: what the nano recipe says of it.
        base: folder of the model that has gone through all legs.
        output: the data set is built in its folder `scenes`. It holds the run, or a folder for
            each run and `last` for the mean of their weights.

    Returns:
        the folder of the finetuned model, or None where it was stopped before its end.

    Raises:
        DataError, TrainingError, OutputError, MissingDependency: one line, with the cure.
    """
    from ..average import average

    scenes = output / "scenes"
    if part.seeds == 1:
        return _run(part, base, output, scenes, part.seed)
    ended: list[Path] = []
    for folder, seed in zip(run_folders(part, output), _seeds(part), strict=True):
        one = _run(part, base, folder, scenes, seed)
        if one is None:
            return None
        ended.append(one)
    # Made anew each time: a run that went on has other weights, and it takes a second.
    shutil.rmtree(output / LAST, ignore_errors=True)
    return average(ended, output / LAST)


def run_folders(part: Finetune, output: Path) -> list[Path]:
    """The folder of each run."""
    if part.seeds == 1:
        return [output]
    return [output / f"seed-{seed}" for seed in _seeds(part)]


def _seeds(part: Finetune) -> range:
    return range(part.seed, part.seed + part.seeds)


def _run(part: Finetune, base: Path, output: Path, scenes: Path, seed: int) -> Path | None:
    """One run with rewards; None where it was stopped before its end."""
    from ..data.build import build
    from ..data.recipe import load_recipe
    from ..recipe import read_recipe
    from ..run import run_recipe

    overrides = [
        f"model.base={json.dumps(str(base))}",
        f"data.train={json.dumps([str(scenes)])}",
        f"run.output={json.dumps(str(output))}",
        f"run.seed={seed}",
        *([f"optim.steps={part.steps}"] if part.steps is not None else []),
    ]
    recipe = read_recipe(part.recipe, [*overrides, *part.set])
    done = finetuned(output)
    if done is not None and done.steps >= recipe.optim.steps:
        return output / LAST
    # A build that was broken off goes on, one that is complete is left alone.
    source = load_recipe(part.data).model_copy(update={"size": part.scenes})
    build(source, scenes, scenes.parent, 1)
    outcome = run_recipe(recipe)
    return None if outcome.stopped else outcome.folder


def take(studio: Studio, folder: Path) -> None:
    """Take a finetuned model's weights; the training heads stay as they are.

    Raises:
        WeightsError: it is of another size, or can't be read.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        stored = load_file(folder / WEIGHTS)
    except (OSError, ValueError, SafetensorError) as error:
        raise WeightsError(f"{folder}: can't be read.", "Remove it to train anew.") from error
    own = dict(studio.model.named_parameters())
    if own.keys() != stored.keys() or any(own[n].shape != stored[n].shape for n in own):
        raise WeightsError(f"{folder}: is of another size or other names.", "Remove it.")
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(stored[name])


def finetuned(folder: Path) -> Finetuned | None:
    """What a run's files say of it; None where it has not ended, or was stopped."""
    file, log = folder / "recipe.json", folder / "log.jsonl"
    outcome = last_outcome(folder)
    if outcome is None or outcome.stopped is not None:
        return None
    if not file.is_file() or not log.is_file() or not (folder / LAST / WEIGHTS).is_file():
        return None
    recipe: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    rewards = [float(line["reward"]) for line in read_steps(log, "reward")]
    if not rewards:
        return None
    return Finetuned(
        recipe["name"], (recipe["run"]["seed"],), outcome.step,
        recipe["optim"]["batch"] * recipe["optim"]["accumulate"],
        fmean(rewards[:ENDS]), fmean(rewards[-ENDS:]),
    )  # fmt: skip


def all_finetuned(folders: Sequence[Path]) -> Finetuned | None:
    """What the files of runs say of them together; None where one has not ended."""
    runs = [one for one in map(finetuned, folders) if one is not None]
    if len(runs) < len(folders):
        return None
    return replace(
        runs[-1],
        seeds=tuple(seed for one in runs for seed in one.seeds),
        before=fmean(one.before for one in runs),
        after=fmean(one.after for one in runs),
    )
