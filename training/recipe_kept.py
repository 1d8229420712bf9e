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
    "name", "optim.steps", "data.eval", "data.eval_limit", "sft.max_tokens", "run.output",
    "run.log_every", "run.save_every", "run.keep", "run.sample_every", "run.eval_every",
    "run.tensorboard",
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
    if not isinstance(kept, dict):
        return
    for name, before, now in _changes(kept, recipe.model_dump(mode="json")):
        if name not in FREE and not name.startswith("guard."):
            raise TrainingError(
                f"{output} holds a run with {name} {_told(before)}, not {_told(now)}.",
                "Choose another run.output, or begin anew with --no-resume.",
            )


def _changes(
    kept: Mapping[str, Any], recipe: Mapping[str, Any], part: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Dotted names of what differs, with both values: a part that only one of them has, too."""
    for key, now in recipe.items():
        if key not in kept:
            continue
        name, before = f"{part}{key}", kept[key]
        if isinstance(before, Mapping) and isinstance(now, Mapping):
            yield from _changes(before, now, f"{name}.")
        elif _meant(before) != _meant(now):
            yield name, before, now


def _meant(value: Any) -> Any:
    """A setting with its paths absolute: the same folder may be named in several ways."""
    if isinstance(value, list):
        return [_meant(one) for one in value]
    if isinstance(value, str) and Path(value).exists():
        return str(Path(value).resolve())
    return value


def _told(value: Any) -> str:
    return clean_text(json.dumps(value), 80)
