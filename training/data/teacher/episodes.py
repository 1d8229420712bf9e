"""Tool episodes: the agent and its tools, driven by the planner, kept only where right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ....agent.batch.key import settings_fingerprint
from ....agent.batch.worker import ACCESS_KINDS, SERVER_KINDS
from ....tools.boxes import GroundedBox
from ....tools.errors import BackendError, GemvgError
from ...benchmarks.metrics.grounding_f1 import Placed, agreement
from ..folder import DataFolder
from ..sample import Episode, EpisodeStep, Sample, TruthBox
from ..work_over import Row, Silence, sample_key, work_over

if TYPE_CHECKING:
    from ....agent.answer import Answer
    from ....agent.grounding_agent import GroundingAgent
    from ....agent.settings import AskSettings

UNANSWERED = SERVER_KINDS | ACCESS_KINDS
"""Kinds of errors that say nothing of a sample: its question never reached the policy, or no answer
came back."""

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
    """(answer, F1) of one sample; no answer where the agent could not give one.

    Raises:
        BackendError: the policy's server failed, so that nothing is known of the sample.
    """
    paths: list[Path] = [folder.picture(ref) for ref in sample.images]
    try:
        answer = agent.ask(sample.question, paths)
    except GemvgError as error:
        if error.kind in UNANSWERED:
            raise
        return None, 0.0
    if answer.status == "failed" and answer.error is not None and answer.error.kind in UNANSWERED:
        raise BackendError(answer.error.message)
    return answer, score_of(answer, (b.grounded() for b in sample.answer))


def episode_of(answer: Answer, score: float) -> Episode:
    """An answer's tool calls and boxes as an episode."""
    steps = [
        EpisodeStep(tool=s.tool, arguments=s.arguments, ok=s.ok, summary=s.summary)
        for s in answer.steps
    ]
    boxes = [TruthBox.of(b.image, b.box, b.label or "object") for b in answer.boxes()]
    return Episode(policy=answer.policy.name, steps=steps, answer=boxes, f1=round(score, 4))


def add_episodes(
    folder: DataFolder,
    agent: GroundingAgent,
    settings: AskSettings,
    report: EpisodeReport,
    most: int | None = None,
) -> None:
    """Add episodes to the samples of a data set, or go on with that; see `work_over`.

    Args:
        folder: the data set.
        agent: the teacher.
        settings: that the agent was made with; what other ones gave is not gone on with.
        report: is added to.
        most: how many are asked per task.

    Raises:
        UsageError: it was begun with another policy or other settings. OutputError: the folder
            can't be written. BackendError: the policy fell silent; what is done is kept.
    """
    fingerprint = settings_fingerprint(settings, agent.policy, agent.options.rules)
    work_over(
        folder,
        "episodes",
        {"policy": agent.policy.name, "settings": fingerprint},
        lambda done: with_episodes(folder, agent, report, most, done),
    )


def with_episodes(
    folder: DataFolder,
    agent: GroundingAgent,
    report: EpisodeReport,
    most: int | None = None,
    done: MutableMapping[str, Row] | None = None,
) -> Iterator[Sample]:
    """All samples; those of helpful tasks with an episode where the agent was right.

    Args:
        folder: the data set.
        agent: the teacher.
        report: is added to.
        most: how many are asked per task.
        done: what came out already, by `sample_key`; is added to.

    Raises:
        BackendError: the policy's server failed `SILENT` times in a row.
    """
    done = {} if done is None else done
    silence = Silence("Does its server run?")
    for sample in folder.samples():
        asked = report.asked.get(sample.task, 0)
        if sample.task not in HELPFUL or (most is not None and asked >= most):
            yield sample
            continue
        key = sample_key(sample)
        if key not in done:
            try:
                done[key] = _row(*ask(agent, folder, sample))
            except BackendError as error:
                silence.failed(error)
                report.add(sample.task, "failed", 0.0, kept=False)
                yield sample
                continue
            silence.answered()
        row = done[key]
        episode = row.get("episode")
        report.add(sample.task, row["status"], row["f1"], episode is not None)
        if episode is None:
            yield sample
        else:
            yield sample.model_copy(update={"episode": Episode.model_validate(episode)})


def _row(answer: Answer | None, score: float) -> Row:
    """What is kept of a sample that was asked."""
    if answer is None:
        return {"status": "error", "f1": 0.0}
    row: Row = {"status": answer.status, "f1": score}
    if score >= RIGHT and answer.steps:
        row["episode"] = episode_of(answer, score).model_dump(mode="json")
    return row
