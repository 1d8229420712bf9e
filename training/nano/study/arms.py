"""The arms of the study: one recipe, and what each arm changes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ....tools.errors import UsageError
from ...recipe import Recipe, read_recipe
from ...run_folder import LAST

SFT = "sft"
"""The arm that is not trained at all: what the others start from."""

HYBRID = "hybrid"

AGAIN = "hybrid-again"
"""The arm that goes on from where each seed of `HYBRID` ended, with other questions."""

EPISODES = "with-episodes"
"""The arm that is trained on recorded conversations with tools beside what the others are."""

ARMS: Mapping[str, tuple[str, ...]] = {
    SFT: (),
    HYBRID: (),
    "direct-only": ("rft.shares={think: 0.0, direct: 1.0}",),
    "think-only": ("rft.shares={think: 1.0, direct: 0.0}",),
    "no-format": ("rft.drop_terms=[format]",),
    "no-image-index": ("rft.drop_terms=[image_index]",),
    "no-recall": ("rft.drop_terms=[recall]",),
    "no-precision": ("rft.drop_terms=[precision]",),
    "no-length": ("rft.drop_terms=[length]",),
    "no-direct-bonus": ("rft.direct_bonus=0.0",),
    "rollout-credit": ("rft.credit=rollout",),
    EPISODES: (),
    AGAIN: (),
}
"""Changes of the recipe by arm. All arms take equally many steps of equally many rollouts."""

MEANS: Mapping[str, tuple[str, ...]] = {
    "hybrid-mean": (HYBRID,),
    "hybrid-again-mean": (AGAIN,),
    "hybrid-both-mean": (HYBRID, AGAIN),
}
"""Arms that are not trained: the mean of the weights of all seeds of other ones."""

CYCLES = "hybrid-cycles"
"""The arm that is not trained: of each seed the mean of where `HYBRID` and `AGAIN` ended.

Each begins with the whole learning rate and ends without any, so they are two cycles of one run
(stochastic weight averaging: Izmailov et al., "Averaging Weights Leads to Wider Optima and Better
Generalization", UAI 2018, section 3.1).
"""

Run = tuple[str, int]
"""Arm and seed."""


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
        again: data set folders that `AGAIN` is trained on.
        episodes: folders of recorded conversations that `EPISODES` is trained on, too; in equal
            steps, so of `train` it sees fewer questions.
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
    again: tuple[Path, ...] = ()
    episodes: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        """Raises UsageError for an arm that there is not, or without what it is made of."""
        every = [*ARMS, CYCLES, *MEANS]
        unknown = [arm for arm in self.arms if arm not in every]
        if unknown:
            raise UsageError(f"there is no arm {unknown[0][:40]!r}.", f"Arms: {', '.join(every)}.")
        for arm, sources in {**MEANS, AGAIN: (HYBRID,), CYCLES: (HYBRID, AGAIN)}.items():
            if arm in self.arms and not {*sources} <= {*self.arms}:
                raise UsageError(f"{arm} is made of {' and '.join(sources)}.", "Name them, too.")
            if arm in self.arms and arm in MEANS and len(self.seeds) < 2:
                raise UsageError(f"{arm} is the mean of several seeds.", "Raise --seeds.")
        if AGAIN in self.arms and not self.again:
            raise UsageError(f"{AGAIN} has no questions of its own.", "Name them with --again.")
        if EPISODES in self.arms and not self.episodes:
            raise UsageError(f"{EPISODES} has no conversations.", "Name them with --episodes.")

    def parts(self, arm: str, seed: int) -> tuple[Path, ...]:
        """The models whose mean a run of `MEANS` or `CYCLES` is."""
        sources, seeds = ((HYBRID, AGAIN), (seed,)) if arm == CYCLES else (MEANS[arm], self.seeds)
        return tuple(self.folder(one, number) / LAST for one in sources for number in seeds)

    @property
    def phases(self) -> tuple[tuple[Run, ...], ...]:
        """Runs that may go on side by side; those of a later phase need those of the ones before.

        One seed of all arms comes first.
        """
        sft: tuple[Run, ...] = tuple((arm, 0) for arm in self.arms if arm == SFT)
        apart = {SFT, AGAIN, CYCLES, *MEANS}
        trained = tuple((a, seed) for seed in self.seeds for a in self.arms if a not in apart)
        again = tuple((AGAIN, seed) for seed in self.seeds if AGAIN in self.arms)
        means: tuple[Run, ...] = tuple((CYCLES, s) for s in self.seeds if CYCLES in self.arms)
        means += tuple((arm, 0) for arm in self.arms if arm in MEANS)
        return tuple(phase for phase in (sft + trained, again, means) if phase)

    def folder(self, arm: str, seed: int) -> Path:
        """Of one run."""
        return self.output / f"{arm}-{seed}"

    def recipe_of(self, arm: str, seed: int) -> Recipe:
        """The whole recipe of a run.

        Raises:
            DataError: no such recipe. UsageError: an override that is none.
        """
        base = str(self.folder(HYBRID, seed) / LAST) if arm == AGAIN else self.base
        folders = {AGAIN: self.again, EPISODES: self.train + self.episodes}.get(arm, self.train)
        train = [str(folder.resolve()) for folder in folders]
        changes = [
            f"model.base={json.dumps(base)}",
            f"data.train={json.dumps(train)}",
            "data.eval=[]",
            f"run.output={json.dumps(str(self.folder(arm, seed).resolve()))}",
            f"run.seed={seed}",
        ]
        if self.steps is not None:
            changes.append(f"optim.steps={self.steps}")
        return read_recipe(self.recipe, [*changes, *self.overrides, *ARMS[arm]])
