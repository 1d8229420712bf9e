"""The pages of every step of a leg, each from its own seed, so that a run goes on where it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

from ...tools.errors import TrainingError
from .composer import Scene
from .engine import fits
from .packing import Batch, pack
from .questions import AskedOf, Page, make_page
from .recipe import Leg
from .recording import FINDERS, TOOLS
from .studio import Studio

WITH_TOOLS = 0.4
"""How often composed scenes come with tools on offer, in legs that teach tools."""

TRIES = 50
"""Drafts that may fail for each page that is made."""


class Steps:
    """Step number to batch; a map-style data set for torch's DataLoader.

    Args:
        studio: names, words, grids. leg: how many pages and what is asked.
    """

    def __init__(self, studio: Studio, leg: Leg) -> None:
        # Workers get no model: only what composing needs.
        self._composer, self._prompts = studio.composer, studio.prompts
        self._grids, self._leg, self._recipe = studio.grids, leg, studio.recipe
        self._engine, self._photos = studio.engine, studio.photos

    def __getitem__(self, step: int) -> Batch:
        leg = self._leg
        rng = Random(f"{self._recipe.seed}:{leg.name}:{step}")
        counts, weights = list(leg.pictures), list(leg.pictures.values())
        # A tower that is trained alone sees single pictures; nothing is asked about them.
        pictures = 1 if leg.trains == "vision" else rng.choices(counts, weights)[0]
        rows, columns = self._grids[rng.randrange(len(self._grids))]
        kind = rng.random() if leg.trains != "vision" else 1.0
        offered = leg.tools > 0 and rng.random() < WITH_TOOLS
        if kind < leg.tools and self._photos is not None:
            alike = self._photos.kind(rng)
            pages = [self._photos.page(rng, rows, columns, alike) for _ in range(leg.batch)]
            if alike.composed:
                # As sharp as every composed scene: else how sharp it is would tell what to do.
                pages = [replace(p, scenes=self._scenes(rng, rows, columns, p)) for p in pages]
        elif kind < leg.tools + leg.engine and pictures > 1:
            pages = self._drafted(rng, rows, columns, pictures, offered)
        else:
            pages = self._simple(rng, rows, columns, pictures)
        if kind >= leg.tools and offered:
            # Composed scenes are looked at even where tools are on offer, but for what those find.
            pages = [replace(page, tools=TOOLS) for page in pages]
        return pack(pages, self._prompts)

    def _simple(self, rng: Random, rows: int, columns: int, pictures: int) -> list[Page]:
        leg = self._leg
        how = AskedOf(
            pictures, 0 if leg.trains == "vision" else leg.questions, leg.absent, leg.common,
            leg.unknown, self._recipe.wordings,
        )  # fmt: skip
        return [make_page(rng, self._composer, rows, columns, how) for _ in range(leg.batch)]

    def _drafted(
        self, rng: Random, rows: int, columns: int, pictures: int, offered: bool
    ) -> list[Page]:
        pages: list[Page] = []
        leave = tuple(FINDERS) if offered else ()
        for _ in range(TRIES * self._leg.batch):
            page = self._engine.page(rng, rows, columns, pictures, self._leg.questions, leave=leave)
            if page is not None:
                pages.append(page)
            if len(pages) == self._leg.batch:
                return pages
        raise TrainingError(
            f"{self._leg.name}: the data engine makes no questions about {pictures} pictures.",
            "Leave that number out of the leg's pictures, or set engine: 0.",
        )

    def _scenes(self, rng: Random, rows: int, columns: int, page: Page) -> tuple[Scene, ...]:
        """Fresh scenes like those of a page's conversations."""
        pictures = len(page.scenes)
        tasks = [task for task in FINDERS if fits(task, pictures)]
        for _ in range(TRIES):
            drawn = self._engine.page(rng, rows, columns, pictures, task=rng.choice(tasks))
            if drawn is not None:
                return drawn.scenes
        return page.scenes

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
