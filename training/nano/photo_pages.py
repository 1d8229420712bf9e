"""Pages from recorded conversations: photographs, a question, tool calls, an answer by ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import numpy as np

from .composer import Scene
from .prompts import Prompts
from .questions import Page, Question
from .recording import TOOLS, Conversation

MOST_TOKENS = 120
"""Tokens of calls and results together; the few longer conversations would slow every step."""


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
        self._by_count: dict[int, dict[str, list[Conversation]]] = {}
        for one in conversations:
            if sum(len(prompts.words(text)) for turn in one.turns for text in turn) > MOST_TOKENS:
                continue
            tasks = self._by_count.setdefault(len(one.pictures), {})
            tasks.setdefault(one.task, []).append(one)
        self._scripts: dict[Conversation, tuple[tuple[str, bool], ...]] = {}
        self._scenes: dict[tuple[str, int, int], Scene] = {}

    @property
    def counts(self) -> tuple[int, ...]:
        """How many pictures its pages can have."""
        return tuple(sorted(self._by_count))

    def page(self, rng: Random, rows: int, columns: int, pictures: int) -> Page:
        """A page of so many pictures; every task as often as every other."""
        tasks = self._by_count[pictures]
        one = rng.choice(tasks[rng.choice(sorted(tasks))])
        if one not in self._scripts:
            self._scripts[one] = self._prompts.script(one.turns, f"<answer>{one.answer}</answer>")
        question = Question(
            one.question, "auto", (), task=f"photo-{one.task}", script=self._scripts[one]
        )
        scenes = tuple(self._scene(key, rows, columns) for key in one.pictures)
        return Page(scenes, (question,), TOOLS)

    def _scene(self, key: str, rows: int, columns: int) -> Scene:
        """A photograph in the page's cells; what they show is not known."""
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
