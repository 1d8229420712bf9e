"""The recipe that a run keeps in its folder, and what may change of it when the run goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..tools.errors import TrainingError
from ..tools.text import clean_text
from .recipe import Recipe
from .run_folder import last_good_checkpoint, last_outcome

RECIPE = "recipe.json"

FREE = frozenset({
    "name", "optim.steps", "data.eval", "data.eval_limit", "run.output", "run.log_every",
    "run.save_every", "run.keep", "run.sample_every", "run.eval_every", "run.tensorboard",
})  # fmt: skip
"""What does not change the steps that were taken; nor do the limits of `guard`, none of which
stopped them."""


def keep_recipe(output: Path, recipe: Recipe) -> None:
    """Write a run's recipe into its folder. Raises OSError."""
    (output / RECIPE).write_text(recipe.model_dump_json(indent=1), encoding="utf-8")


def check_unchanged(output: Path, recipe: Recipe) -> None:
    """Whether the run in a folder was begun with this recipe.

    Else its checkpoints would be gone on from, or its model be given out, as what they are not.
    Settings that only one of the two knows are left alone: they are another version's.

    Raises:
        TrainingError: says what differs.
    """
    if last_good_checkpoint(output) is None and last_outcome(output) is None:
        return
    try:
        kept = json.loads((output / RECIPE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    before = dict(_settings(kept))
    for name, value in _settings(recipe.model_dump(mode="json")):
        free = name in FREE or name.startswith("guard.")
        if not free and name in before and _meant(before[name]) != _meant(value):
            raise TrainingError(
                f"{output} holds a run with {name} {_told(before[name])}, not {_told(value)}.",
                "Choose another run.output, or begin anew with --no-resume.",
            )


def _settings(part: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names and values."""
    if isinstance(part, Mapping) and part:
        for key, value in part.items():
            yield from _settings(value, f"{name}.{key}" if name else str(key))
    else:
        yield name, part


def _meant(value: Any) -> Any:
    """A setting with its paths absolute: the same folder may be named in several ways."""
    if isinstance(value, list):
        return [_meant(one) for one in value]
    if isinstance(value, str) and Path(value).exists():
        return str(Path(value).resolve())
    return value


def _told(value: Any) -> str:
    return clean_text(json.dumps(value), 80)
