"""One episode's surroundings: everything that its nodes share and that is not state.

It is given to LangGraph as the run's context, so pixels, models and open connections never enter
the state.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from ..policy.dialect import Dialect, ReadContext
from ..policy.modes import Mode, Strategy
from ..policy.policy import Completion, Policy
from ..tools.errors import UsageError
from ..tools.images import Picture
from ..tools.text import clean_text
from ..tools.tool import AnyTool, ToolContext
from ..tools.views import ViewBook
from .answer import ImageInfo
from .budgets import Budgets
from .events import Event
from .rules import EscalationRules

Scores = Literal["none", "token-probability", "agreement"]
"""Scores of a policy's own boxes."""


@dataclass(frozen=True, slots=True)
class EpisodeOptions:
    """How one question is to be answered.

    Attributes:
        mode, strategy: as asked for; `auto` leaves the choice to the policy or the agent.
        max_tokens: of one call of the policy.
        temperature: 0 is greedy.
        seed: for sampling policies and for tools that draw random numbers.
        logprobs: ask the backend for token log-probabilities.
        scores: where the scores of the policy's own boxes come from, or `none`.
        samples: how many answers are compared for `agreement`, the first included.
        rules: when `auto` asks again, thinking.
    """

    mode: Mode = "auto"
    strategy: Strategy = "auto"
    budgets: Budgets = field(default_factory=Budgets)
    max_tokens: int = 2048
    temperature: float = 0.0
    seed: int = 0
    logprobs: bool = False
    scores: Scores = "none"
    samples: int = 5
    rules: EscalationRules = field(default_factory=EscalationRules)

    def __post_init__(self) -> None:
        """Raises UsageError for a word that is none, before anything is spent on the question."""
        for what, word, words in (
            ("mode", self.mode, get_args(Mode)),
            ("strategy", self.strategy, get_args(Strategy)),
            ("kind of scores", self.scores, get_args(Scores)),
        ):
            if word not in words:
                given = clean_text(str(word), 40)
                raise UsageError(f"there is no {what} {given!r}.", f"Use {', '.join(words)}.")


def _drop(event: Event) -> None:
    """Nobody listens."""


@dataclass(slots=True)
class Episode:
    """One question about one list of pictures, on its way to an answer.

    Attributes:
        emit: takes every event; called from the event loop, and for streamed text from whatever
            thread the backend generates in. Must not block.
        streaming: whether the policy's text is wanted piece by piece.
        started: `time.perf_counter()` at the start.
    """

    policy: Policy
    tools: Mapping[str, AnyTool]
    book: ViewBook
    options: EpisodeOptions
    context: ToolContext
    emit: Callable[[Event], None] = _drop
    streaming: bool = False
    started: float = field(default_factory=time.perf_counter)

    @classmethod
    def begin(
        cls,
        policy: Policy,
        tools: Mapping[str, AnyTool],
        pictures: Sequence[Picture],
        options: EpisodeOptions,
    ) -> Episode:
        """An episode about pictures, its clock started."""
        book = ViewBook(pictures, max_new=options.budgets.max_views)
        return cls(policy, tools, book, options, ToolContext(book, seed=options.seed))

    @property
    def dialect(self) -> Dialect:
        """How the policy writes."""
        return self.policy.dialect

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.started

    @property
    def remaining(self) -> float:
        """Seconds that the budget still allows; not below zero."""
        return max(0.0, self.options.budgets.max_seconds - self.elapsed)

    @property
    def images(self) -> list[ImageInfo]:
        """The pictures, as they stand in the answer."""
        return [
            ImageInfo(index=i, source=p.source, width=p.width, height=p.height)
            for i, p in enumerate(self.book.pictures, 1)
        ]

    def read_context(
        self,
        query: str,
        views: tuple[int, ...],
        completion: Completion,
        *,
        target: int | None = None,
        turn: int = 0,
    ) -> ReadContext:
        """What the dialect needs to read a completion.

        Args:
            query: the user's question.
            views: what was shown at the start.
            completion: to be read.
            target: the one picture that was asked about, where others were shown beside it.
            turn: number of the completion in the episode.
        """
        alone = len(views) == 1
        return ReadContext(
            self.book,
            completion.grids,
            self.context.boxes,
            views[0] if alone else target,
            query,
            alone=alone,
            turn=turn,
        )
