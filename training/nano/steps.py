"""The pages of every step of a leg, each from its own seed, so that a run goes on where it was."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from .packing import Batch, pack
from .questions import AskedOf, make_page
from .recipe import Leg
from .studio import Studio


class Steps:
    """Step number to batch; a map-style data set for torch's DataLoader.

    Args:
        studio: names, words, grids. leg: how many pages and what is asked.
    """

    def __init__(self, studio: Studio, leg: Leg) -> None:
        # Workers get no model: only what composing needs.
        self._composer, self._prompts = studio.composer, studio.prompts
        self._grids, self._leg, self._recipe = studio.grids, leg, studio.recipe

    def __getitem__(self, step: int) -> Batch:
        leg = self._leg
        rng = Random(f"{self._recipe.seed}:{leg.name}:{step}")
        counts, weights = list(leg.pictures), list(leg.pictures.values())
        # A tower that is trained alone sees single pictures; nothing is asked about them.
        pictures = 1 if leg.trains == "vision" else rng.choices(counts, weights)[0]
        rows, columns = self._grids[rng.randrange(len(self._grids))]
        how = AskedOf(
            pictures, 0 if leg.trains == "vision" else leg.questions, leg.absent, leg.common,
            self._recipe.wordings,
        )  # fmt: skip
        pages = [make_page(rng, self._composer, rows, columns, how) for _ in range(leg.batch)]
        return pack(pages, self._prompts)

    def from_step(self, step: int, workers: int) -> Iterator[Batch]:
        """Batches from a step on, without end, in order however many workers make them."""
        if workers == 0:
            while True:
                yield self[step]
                step += 1
        from torch.utils.data import DataLoader

        loader: Any = DataLoader(
            self,  # pyright: ignore[reportArgumentType]
            batch_size=None,
            sampler=range(step, 1 << 40),
            num_workers=workers,
            prefetch_factor=4,
        )
        yield from loader
