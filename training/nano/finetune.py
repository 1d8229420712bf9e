"""Stage S3 of a nano run: hybrid reinforcement finetuning, with the trainer of all other models."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...tools.errors import WeightsError
from .recipe import Finetune
from .studio import Studio

WEIGHTS = "model.safetensors"

LAST = "last"
"""Folder of a run that holds what it ended with."""

ENDS = 20
"""Steps over which the first and the last rewards are averaged."""


@dataclass(frozen=True, slots=True)
class Finetuned:
    """What the card says of it.

    Attributes:
        recipe: its name. seed: of the run. steps: done. rollouts: in each.
        before, after: mean reward of the first and the last steps.
    """

    recipe: str
    seed: int
    steps: int
    rollouts: int
    before: float
    after: float


def finetune(part: Finetune, base: Path, output: Path) -> Path | None:
    """Train with rewards on composed scenes; goes on where it was broken off.

    Args:
        part: what the nano recipe says of it.
        base: folder of the model that has gone through all legs.
        output: of the run; the data set is built in its folder `scenes`.

    Returns:
        the folder of the finetuned model, or None where it was stopped before its end.

    Raises:
        DataError, TrainingError, OutputError, MissingDependency: one line, with the cure.
    """
    from ..data.build import build
    from ..data.folder import MANIFEST
    from ..data.recipe import load_recipe
    from ..recipe import read_recipe
    from ..run import run_recipe

    scenes = output / "scenes"
    overrides = [
        f"model.base={json.dumps(str(base))}",
        f"data.train={json.dumps([str(scenes)])}",
        f"run.output={json.dumps(str(output))}",
        f"run.seed={part.seed}",
        *([f"optim.steps={part.steps}"] if part.steps is not None else []),
    ]
    recipe = read_recipe(part.recipe, [*overrides, *part.set])
    done = finetuned(output)
    if done is not None and done.steps >= recipe.optim.steps:
        return output / LAST
    if not (scenes / MANIFEST).is_file():
        source = load_recipe(part.data).model_copy(update={"size": part.scenes})
        build(source, scenes, output, 1)
    outcome = run_recipe(recipe)
    return None if outcome.stopped else outcome.folder


def take(studio: Studio, folder: Path) -> None:
    """Take a finetuned model's weights; the training heads stay as they are.

    Raises:
        WeightsError: it is of another size, or can't be read.
    """
    import torch
    from safetensors.torch import load_file

    try:
        stored = load_file(folder / WEIGHTS)
    except (OSError, ValueError) as error:
        raise WeightsError(f"{folder}: can't be read.", "Remove it to train anew.") from error
    own = dict(studio.model.named_parameters())
    if own.keys() != stored.keys() or any(own[n].shape != stored[n].shape for n in own):
        raise WeightsError(f"{folder}: is of another size or other names.", "Remove it.")
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(stored[name])


def finetuned(output: Path) -> Finetuned | None:
    """What a run's files say of it; None where it has not ended, or was stopped."""
    from ..run import last_outcome

    file, log = output / "recipe.json", output / "log.jsonl"
    outcome = last_outcome(output)
    if outcome is None or outcome.stopped is not None:
        return None
    if not file.is_file() or not log.is_file() or not (output / LAST / WEIGHTS).is_file():
        return None
    recipe: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    rewards = {int(line["step"]): float(line["reward"]) for line in lines if "reward" in line}
    if not rewards:
        return None
    each = [rewards[step] for step in sorted(rewards)]
    first, last = each[:ENDS], each[-ENDS:]
    return Finetuned(
        recipe["name"], recipe["run"]["seed"], outcome.step,
        recipe["optim"]["batch"] * recipe["optim"]["accumulate"],
        sum(first) / len(first), sum(last) / len(last),
    )  # fmt: skip
