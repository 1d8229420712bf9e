"""A preset as TRL reward functions: one per term, so that each is logged apart, computed once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...policy.dialect import Dialect, ReadContext
from ...policy.modes import Mode
from ..chat import GridOf, sizes_context
from ..rewards.batch import Floats, ScoredBatch
from ..rewards.preset import Preset
from ..rewards.rollout import BoxSet, Rollout, Sample
from ..rewards.scorer import Spoken, read_rollouts
from ..rewards.tool_use import answer_quality
from .written import Written

RewardFunction = Callable[..., list[float]]


def last_text(completion: Any) -> str:
    """The text of the last assistant turn of a completion (a string, or messages)."""
    if isinstance(completion, str):
        return completion
    for message in reversed(list(completion)):
        if message.get("role", "assistant") == "assistant":
            return content_text(message.get("content"))
    return ""


def content_text(content: Any) -> str:
    """A message's content as text, pictures left out."""
    if isinstance(content, str):
        return content
    blocks: list[Any] = list(content or [])
    return "".join(str(b.get("text", "")) for b in blocks if b.get("type") == "text")


class GroupScorer:
    """Scores the completions of a step once and hands the terms out one by one.

    TRL calls its reward functions one after the other with the same columns; the first call reads
    and scores, the others look up. What was scored stays in `latest` for the trainer (qualities
    for the direct bonus, rollouts for logs).

    Args:
        preset: the reward. progression: how far its bars rise over the run, 0 to 1.
        dialect: how the policy writes.
        end_ids: token ids that end an answer; a completion without one was cut.
        grid_of: of the model's processor, for dialects that write pixels of the resized picture.
    """

    def __init__(
        self,
        preset: Preset,
        dialect: Dialect,
        end_ids: Sequence[int] = (),
        grid_of: GridOf | None = None,
        progression: float = 1.0,
    ) -> None:
        self.preset = preset
        self.progression = progression
        self.dialect = dialect
        self.grid_of = grid_of
        self.end_ids = frozenset(end_ids)
        self.rollouts: list[Rollout] = []
        self.texts: list[str] = []
        self.questions: list[str] = []
        self.quality: Floats = np.empty(0)
        self.parts: Mapping[str, Floats] = {}
        self._of: Sequence[Any] | None = None

    def functions(self) -> list[RewardFunction]:
        """One reward function per term, in the preset's order, named after it."""
        return [self._function(name) for name in self.preset.terms]

    def weights(self) -> list[float]:
        """The terms' weights, in the same order."""
        return [self.preset.weight(name) for name in self.preset.terms]

    def _function(self, name: str) -> RewardFunction:
        def reward(completions: Sequence[Any], **columns: Any) -> list[float]:
            if self._of is not completions:
                self._score(completions, columns)
                self._of = completions
            return [float(v) for v in self.parts[name]]

        reward.__name__ = name
        return reward

    def _score(self, completions: Sequence[Any], columns: Mapping[str, Any]) -> None:
        count = len(completions)
        ids = columns.get("completion_ids") or [[]] * count
        own: list[Written] = columns.get("written") or [
            Written(last_text(said), len(row)) for said, row in zip(completions, ids, strict=True)
        ]
        state = columns.get("trainer_state")
        self.texts = [written.text for written in own]
        self.questions = list(columns.get("question") or [""] * count)
        self.rollouts = read_rollouts(self._spoken(own, ids, columns), self.dialect)
        labels = columns.get("truth_labels") or [()] * count
        known = _Latest(lambda pair: Sample(BoxSet.of_rows(*pair)))
        samples = [known(pair) for pair in zip(columns["truth"], labels, strict=True)]
        done = 0.0
        if state is not None and state.max_steps:
            done = self.progression * state.global_step / state.max_steps
        batch = ScoredBatch(self.rollouts, samples, done)
        self.parts = self.preset.components(batch)
        self.quality = answer_quality(batch)

    def _spoken(
        self, own: Sequence[Written], ids: Sequence[Sequence[int]], columns: Mapping[str, Any]
    ) -> list[Spoken]:
        """The completions with what is known of their making."""
        modes: list[Mode] = columns.get("mode") or ["auto"] * len(own)
        episodes = columns.get("environments") or [None] * len(own)
        told = columns.get("boxes") or [()] * len(own)
        shown = _Latest(lambda row: sizes_context(row[0], self.grid_of, row[1]))
        spoken: list[Spoken] = []
        for index, said in enumerate(own):
            ended = not self.end_ids or (bool(ids[index]) and ids[index][-1] in self.end_ids)
            episode, calls, refused = episodes[index], 0, 0
            if episode is None:
                context: ReadContext = shown((columns["sizes"][index], told[index]))
            else:
                context, calls, refused = episode._context(), episode._calls, episode._refused
            # Calls that no tool took (unknown name, arguments that are no object) are refused too.
            stray = max(0, said.calls - calls)
            spoken.append(
                Spoken(
                    said.text, modes[index], context, said.tokens, not ended,
                    calls + stray, refused + stray, said.thought,
                )
            )  # fmt: skip
        return spoken


class _Latest:
    """A function that is not called again while its argument stays the same, as within a group."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        self._make = make
        self._given: Any = None
        self._made: Any = None

    def __call__(self, given: Any) -> Any:
        if self._made is None or given != self._given:
            self._given, self._made = given, self._make(given)
        return self._made
