"""Pages from recorded conversations: pictures, a question, tool calls, an answer by ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

import numpy as np

from .composer import Scene
from .prompts import Prompts
from .questions import Page, Question
from .recording import TOOLS, Conversation
from .scene_calls import COMPOSED

SHORT, MOST_TOKENS = 110, 330
"""Tokens of calls and results together: of a short conversation; of any."""

LONG_SHARE = 0.33
"""Share of the steps whose conversations are long: pages are as slow as the longest beside them."""

COMPOSED_WEIGHT = 0.5
"""How often composed scenes are drawn, against 1 of photographs with as many pictures."""

SHORT_TOGETHER, LONG_TOGETHER = 4, 2
"""Conversations on one page."""

WEIGHTS = {"reference": 3}
"""How often a task is drawn, against 1 of every other: what is the hardest to learn, more often."""


class Kind(NamedTuple):
    """What can be asked in one step together: pictures on a page, and how long it is."""

    pictures: int
    long: bool
    composed: bool = False


class PhotoPages:
    """Draws from recorded conversations.

    Args:
        conversations: to draw from. thumbnails: (side, side, 3) uint8 by key.
        prompts: writes turns as the chat template does. cell: side of a cell, pixels.
    """

    def __init__(
        self,
        conversations: Sequence[Conversation],
        thumbnails: Mapping[str, Any],
        prompts: Prompts,
        cell: int,
    ) -> None:
        self._thumbnails, self._prompts, self._cell = thumbnails, prompts, cell
        self._kinds: dict[Kind, dict[str, list[Conversation]]] = {}
        for one in conversations:
            tokens = sum(len(prompts.words(text)) for turn in one.turns for text in turn)
            if tokens <= MOST_TOKENS:
                composed = one.task.startswith(COMPOSED)
                kind = Kind(len(one.pictures), tokens > SHORT, composed)
                tasks = self._kinds.setdefault(kind, {})
                tasks.setdefault(one.task, []).append(one)
        self._scripts: dict[Conversation, tuple[tuple[str, bool], ...]] = {}
        self._scenes: dict[tuple[str, int, int], Scene] = {}

    def kind(self, rng: Random) -> Kind:
        """What the pages of one step have in common."""
        wanted = rng.random() < LONG_SHARE
        fitting = sorted(k for k in self._kinds if k.long == wanted) or sorted(self._kinds)
        return rng.choices(fitting, [COMPOSED_WEIGHT if k.composed else 1.0 for k in fitting])[0]

    def page(self, rng: Random, rows: int, columns: int, kind: Kind) -> Page:
        """A page of a kind; tasks are drawn by `WEIGHTS`.

        Several conversations stand behind the pictures of the first: of a picture they need only
        know whether it is composed, and what all share is read once.
        """
        tasks = self._kinds[kind]
        together = LONG_TOGETHER if kind.long else SHORT_TOGETHER
        names = sorted(tasks)
        drawn = rng.choices(names, [WEIGHTS.get(name, 1) for name in names], k=together)
        chosen = [rng.choice(tasks[name]) for name in drawn]
        scenes = tuple(self._scene(key, rows, columns) for key in chosen[0].pictures)
        return Page(scenes, tuple(map(self._question, chosen)), TOOLS)

    def _question(self, one: Conversation) -> Question:
        if one not in self._scripts:
            self._scripts[one] = self._prompts.script(one.turns, one.last)
        task = one.task if one.task.startswith(COMPOSED) else f"photo-{one.task}"
        return Question(one.question, "auto", (), task=task, script=self._scripts[one])

    def _scene(self, key: str, rows: int, columns: int) -> Scene:
        """A picture in the page's cells; what they show is not known."""
        import cv2

        at = (key, rows, columns)
        if at not in self._scenes:
            size = (columns * self._cell, rows * self._cell)
            pixels = cv2.resize(self._thumbnails[key], size, interpolation=cv2.INTER_AREA)
            unknown = np.full((rows, columns), -2, np.int16)
            self._scenes[at] = Scene(
                np.asarray(pixels, np.uint8), (), np.zeros((0, 4), np.float32), unknown
            )
        return self._scenes[at]
