"""One detector for all lines: calls that wait at the same time become one look."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...tools.detectors import CachingDetector, Detection, Detector, Scene
from ...tools.detectors.forwarding import ForwardingDetector
from .waiting import Turns, turns

if TYPE_CHECKING:
    from ..grounding_agent import GroundingAgent

SCENES_KEPT = 4096
"""Scenes whose detections a job remembers, some 20 kB each."""


@dataclass(slots=True)
class _Call:
    """One caller's wish."""

    scenes: Sequence[Scene]
    labels: Sequence[str]
    min_score: float
    done: Future[list[list[Detection]]] = field(default_factory=Future[list[list[Detection]]])
    turns: Turns = field(default_factory=turns)


class BatchingDetector(ForwardingDetector):
    """A detector that many threads share: what they ask for at the same time is looked at together.

    While one look is under way, callers queue up; the next look takes all of them. Nobody waits
    for company: a lone caller is served at once.

    Args:
        load: gives the detector that does the work, at the first use.
    """

    def __init__(self, load: Callable[[], Detector]) -> None:
        self._load = load
        self._inner: Detector | None = None
        self._waiting: list[_Call] = []
        self._lock = threading.Lock()
        self._looking = threading.Lock()

    @property
    def inner(self) -> Detector:
        """The detector that does the work. Raises GemvgError where it can't be had."""
        with self._lock:
            if self._inner is None:
                self._inner = self._load()
                if isinstance(self._inner, CachingDetector):
                    self._inner.capacity = max(self._inner.capacity, SCENES_KEPT)
            return self._inner

    def detect(
        self, scenes: Sequence[Scene], labels: Sequence[str], min_score: float
    ) -> list[list[Detection]]:
        """See `Detector.detect`."""
        detector = self.inner
        call = _Call(scenes, labels, min_score)
        call.turns.change(1, 0)
        with self._lock:
            self._waiting.append(call)
        with self._looking:
            # Whoever looked before us may have served us too.
            if not call.done.done():
                self._look(detector)
        return call.done.result()

    def _look(self, detector: Detector) -> None:
        """Serve all that wait; until now they did, and from now on the look is their own."""
        with self._lock:
            calls, self._waiting = self._waiting, []
        for call in calls:
            call.turns.change(-1, 1)
        for group in _alike(calls, detector.vocabulary):
            _serve(detector, group)
        for call in calls:
            call.turns.change(0, -1)


def _alike(calls: Sequence[_Call], vocabulary: str) -> list[list[_Call]]:
    """Calls that one look can serve.

    A closed vocabulary is looked at with all classes in any case; an open one finds other boxes
    for other words.
    """
    groups: dict[tuple[tuple[str, ...], float], list[_Call]] = {}
    for call in calls:
        words = () if vocabulary == "closed" else tuple(sorted(set(call.labels)))
        groups.setdefault((words, call.min_score), []).append(call)
    return list(groups.values())


def _serve(detector: Detector, calls: Sequence[_Call]) -> None:
    """One look for several callers; where it fails, one for each, so that only one may fail."""
    scenes = [scene for call in calls for scene in call.scenes]
    labels = calls[0].labels if _same_labels(calls) else ()
    try:
        found = iter(detector.detect(scenes, labels, calls[0].min_score))
        for call in calls:
            wanted = set(call.labels)
            call.done.set_result(
                [[d for d in next(found) if not wanted or d.label in wanted] for _ in call.scenes]
            )
    except Exception as error:
        if len(calls) == 1:
            calls[0].done.set_exception(error)
            return
        for call in calls:
            _serve(detector, [call])


def _same_labels(calls: Sequence[_Call]) -> bool:
    return all(set(call.labels) == set(calls[0].labels) for call in calls)


def share_detectors(agent: GroundingAgent) -> None:
    """Have an agent's own `detect` tool look for all its questions together."""
    from ...tools.detect import Detect

    tool = agent.tools.get("detect")
    if type(tool) is not Detect:
        return
    shared = Detect(
        BatchingDetector(lambda: tool.detector), BatchingDetector(lambda: tool.open_detector)
    )
    agent.tools = {**agent.tools, "detect": shared}
