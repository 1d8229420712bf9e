"""Tool episodes: the agent and its tools, driven by the planner, kept only where right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ....tools.boxes import GroundedBox
from ....tools.errors import GemvgError
from ...benchmarks.metrics.grounding_f1 import Placed, agreement
from ..folder import DataFolder
from ..sample import Episode, EpisodeStep, Sample, TruthBox

if TYPE_CHECKING:
    from ....agent.answer import Answer
    from ....agent.grounding_agent import GroundingAgent

RIGHT = 1.0
"""F1 at IoU .5 that an episode must reach to be kept."""

HELPFUL = frozenset(
    {"retrieval", "absent", "common", "same-class", "region", "difference", "robust-difference",
     "reasoning", "same-instance", "multi-view", "tracking"}
)  # fmt: skip
"""Tasks in which the tools can help."""


def f1(found: Iterable[GroundedBox], truth: Iterable[GroundedBox], least: float = 0.5) -> float:
    """F1 of boxes in the right picture at an IoU, as benchmarks measure it; see `agreement`."""
    given, wanted = ([Placed(b.image, b.box) for b in boxes] for boxes in (found, truth))
    return agreement(given, wanted, least).f1


def score_of(answer: Answer, truth: Iterable[GroundedBox]) -> float:
    """F1 of an answer's boxes at IoU .5; 0 where there is no answer.

    `failed` is not `none`: an answer that was never given is wrong even where nothing is there.
    """
    return f1(answer.boxes(), truth) if answer.status in ("ok", "none", "partial") else 0.0


@dataclass(slots=True)
class EpisodeReport:
    """How episodes came out, by task: (asked, kept) and summed F1."""

    asked: dict[str, int] = field(default_factory=dict[str, int])
    kept: dict[str, int] = field(default_factory=dict[str, int])
    f1: dict[str, float] = field(default_factory=dict[str, float])
    statuses: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])

    def add(self, task: str, status: str, score: float, kept: bool) -> None:
        """Count one episode."""
        self.asked[task] = self.asked.get(task, 0) + 1
        self.kept[task] = self.kept.get(task, 0) + kept
        self.f1[task] = self.f1.get(task, 0.0) + score
        counts = self.statuses.setdefault(task, {})
        counts[status] = counts.get(status, 0) + 1


def ask(agent: GroundingAgent, folder: DataFolder, sample: Sample) -> tuple[Answer | None, float]:
    """(answer, F1) of one sample; no answer where the agent could not give one."""
    paths: list[Path] = [folder.picture(ref) for ref in sample.images]
    try:
        answer = agent.ask(sample.question, paths)
    except GemvgError:
        return None, 0.0
    return answer, score_of(answer, (b.grounded() for b in sample.answer))


def episode_of(answer: Answer, score: float) -> Episode:
    """An answer's tool calls and boxes as an episode."""
    steps = [
        EpisodeStep(tool=s.tool, arguments=s.arguments, ok=s.ok, summary=s.summary)
        for s in answer.steps
    ]
    boxes = [TruthBox.of(b.image, b.box, b.label or "object") for b in answer.boxes()]
    return Episode(policy=answer.policy.name, steps=steps, answer=boxes, f1=round(score, 4))


def with_episodes(
    folder: DataFolder, agent: GroundingAgent, report: EpisodeReport, most: int | None = None
) -> Iterator[Sample]:
    """All samples; those of helpful tasks with an episode where the agent was right.

    `most` bounds how many are asked per task.
    """
    for sample in folder.samples():
        asked = report.asked.get(sample.task, 0)
        if sample.task not in HELPFUL or (most is not None and asked >= most):
            yield sample
            continue
        answer, score = ask(agent, folder, sample)
        right = answer is not None and score >= RIGHT and bool(answer.steps)
        report.add(sample.task, answer.status if answer else "error", score, right)
        if answer is None or not right:
            yield sample
        else:
            yield sample.model_copy(update={"episode": episode_of(answer, score)})
