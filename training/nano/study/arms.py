"""The arms of the study: one recipe, and what each arm changes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ....tools.errors import UsageError
from ...recipe import Recipe, read_recipe
from ..episode_rows import is_recorded

SFT = "sft"
"""The arm that is not trained at all: what the others start from."""

NO_EPISODES = "no-episodes"
"""The arm that is trained on scenes alone, without recorded conversations with tools."""

ARMS: Mapping[str, tuple[str, ...]] = {
    SFT: (),
    "hybrid": (),
    "direct-only": ("rft.shares={think: 0.0, direct: 1.0}",),
    "think-only": ("rft.shares={think: 1.0, direct: 0.0}",),
    "no-format": ("rft.drop_terms=[format]",),
    "no-image-index": ("rft.drop_terms=[image_index]",),
    "no-recall": ("rft.drop_terms=[recall]",),
    "no-precision": ("rft.drop_terms=[precision]",),
    "no-length": ("rft.drop_terms=[length]",),
    "no-direct-bonus": ("rft.direct_bonus=0.0",),
    "rollout-credit": ("rft.credit=rollout",),
    NO_EPISODES: (),
}
"""Changes of the recipe by arm. All arms take equally many steps of equally many rollouts."""


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """What is run.

    Attributes:
        output: folder of the study; each run has a folder `ARM-SEED` in it.
        base: folder of the model that all arms start from, or `nano`.
        train: data set folders to train on.
        held: data sets to ask. None has a layout or a photograph that is trained on.
        arms: of `ARMS`. seeds: of every arm but `sft`, whose answers are greedy.
        steps: of every run; the recipe's own where None.
        recipe: what the arms change. overrides: of all arms alike.
    """

    output: Path
    base: str
    train: tuple[Path, ...]
    held: tuple[Path, ...]
    arms: tuple[str, ...] = (SFT, "hybrid", "direct-only", "think-only")
    seeds: tuple[int, ...] = (0, 1, 2)
    steps: int | None = None
    recipe: str = "nano-rft"
    overrides: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises UsageError for an arm that there is not."""
        unknown = [arm for arm in self.arms if arm not in ARMS]
        if unknown:
            raise UsageError(f"there is no arm {unknown[0][:40]!r}.", f"Arms: {', '.join(ARMS)}.")

    @property
    def runs(self) -> tuple[tuple[str, int], ...]:
        """(arm, seed) in the order in which they are best run: one seed of all arms first."""
        first = tuple((arm, 0) for arm in self.arms if arm == SFT)
        rest = (arm for arm in self.arms if arm != SFT)
        arms = tuple(rest)
        return first + tuple((arm, seed) for seed in self.seeds for arm in arms)

    def folder(self, arm: str, seed: int) -> Path:
        """Of one run."""
        return self.output / f"{arm}-{seed}"

    def recipe_of(self, arm: str, seed: int) -> Recipe:
        """The whole recipe of a run.

        Raises:
            DataError: no such recipe. UsageError: an override that is none.
        """
        train = [
            str(folder.resolve())
            for folder in self.train
            if arm != NO_EPISODES or not is_recorded(folder)
        ]
        changes = [
            f"model.base={json.dumps(self.base)}",
            f"data.train={json.dumps(train)}",
            "data.eval=[]",
            f"run.output={json.dumps(str(self.folder(arm, seed).resolve()))}",
            f"run.seed={seed}",
        ]
        if self.steps is not None:
            changes.append(f"optim.steps={self.steps}")
        return read_recipe(self.recipe, [*changes, *self.overrides, *ARMS[arm]])
