"""Tools that find what is annotated: quick, right, and named like the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from ...tools.boxes import Box, GroundedBox
from ...tools.compare import Compare, CompareArguments
from ...tools.detect import Detect
from ...tools.detectors import Detection, Detector, Scene
from ...tools.detectors.protocol import VocabularyKind
from ...tools.match import Match, MatchArguments
from ...tools.tool import AnyTool, ToolContext, ToolResult
from ...tools.vocabulary import Resolution

CLEAR, FAINT, WEAK = (0.5, 0.97), (0.12, 0.5), (0.1, 0.34)
"""Scores of what is there, of what is there and hardly seen, of what is not there."""

FALSE = (0, 0, 1, 1, 2, 3)
"""How many boxes of what is not there a picture gets, one drawn at random."""


@dataclass(slots=True)
class Truth:
    """What the stand-ins look up.

    Attributes:
        things: (label, box in pixels) by the digest of a picture. boxes: the question's answer.
        finder: name of the tool that finds the answer where `detect` can't; another finds nothing.
    """

    things: dict[str, list[tuple[str, Box]]] = field(
        default_factory=dict[str, list[tuple[str, Box]]]
    )
    boxes: list[GroundedBox] = field(default_factory=list[GroundedBox])
    finder: str = ""


def stand_ins(names: Detector, rng: Random) -> tuple[dict[str, AnyTool], Truth]:
    """Tools by name, and the truth that they share.

    Args:
        names: whose words and classes `detect` uses.
        rng: moves boxes, makes scores.
    """
    truth = Truth()
    detect = Detect(AnnotatedDetector(names, truth, rng))
    return {
        "detect": detect, "match": AnnotatedMatch(truth, rng),
        "compare": AnnotatedCompare(truth, rng),
    }, truth  # fmt: skip


class AnnotatedDetector:
    """A detector that finds what is annotated, a little beside it, under the names of another.

    Args:
        names: whose words and classes are used.
        truth: what is annotated.
        rng: moves the boxes and makes the scores.
    """

    def __init__(self, names: Detector, truth: Truth, rng: Random) -> None:
        self._names, self._truth, self._rng = names, truth, rng
        self.name = names.name
        self.vocabulary: VocabularyKind = names.vocabulary
        self.classes, self.default_score = names.classes, names.default_score

    def resolve(self, label: str) -> Resolution:
        """See `Detector.resolve`."""
        return self._names.resolve(label)

    def detect(
        self, scenes: Sequence[Scene], labels: Sequence[str], min_score: float
    ) -> list[list[Detection]]:
        """See `Detector.detect`; windows are not looked at."""
        return [[d for d in self._found(scene, labels) if d.score >= min_score] for scene in scenes]

    def _found(self, scene: Scene, labels: Sequence[str]) -> list[Detection]:
        """What is annotated, some of it hardly seen, and a few boxes of things that are not."""
        rng, size = self._rng, scene.window[2:]
        found = [
            (label, beside(rng, box).clip(*size), rng.uniform(*_drawn(rng)))
            for label, box in self._truth.things.get(scene.digest, [])
            if not labels or label in labels
        ]
        names = list(labels or self.classes)
        for _ in range(rng.choice(FALSE)):
            corners = (rng.random() * 0.7 * size[0], rng.random() * 0.7 * size[1])
            width, height = (rng.uniform(0.05, 0.3) * side for side in size)
            box = Box(*corners, corners[0] + width, corners[1] + height)
            found.append((rng.choice(names), box, rng.uniform(*WEAK)))
        return [Detection(box, label, round(score, 3)) for label, box, score in found]


def _drawn(rng: Random) -> tuple[float, float]:
    """Range of the score of what is there."""
    return rng.choices((CLEAR, FAINT), (0.88, 0.12))[0]


class AnnotatedMatch(Match):
    """`match` that finds the place that is the answer."""

    def __init__(self, truth: Truth, rng: Random) -> None:
        self._truth, self._rng = truth, rng

    def run(self, arguments: MatchArguments, context: ToolContext) -> ToolResult:
        """See `Tool.run`."""
        return _told(self._truth, self._rng, context, self.name, arguments.views)


class AnnotatedCompare(Compare):
    """`compare` that finds the change that is the answer."""

    def __init__(self, truth: Truth, rng: Random) -> None:
        self._truth, self._rng = truth, rng

    def run(self, arguments: CompareArguments, context: ToolContext) -> ToolResult:
        """See `Tool.run`."""
        return _told(self._truth, self._rng, context, self.name, None)


def _told(
    truth: Truth, rng: Random, context: ToolContext, tool: str, views: Sequence[int] | None
) -> ToolResult:
    """The answer's boxes, where this tool finds it and they lie in the views asked for."""
    kind = "match" if tool == "match" else "change"
    found = [
        GroundedBox(
            b.image,
            beside(rng, b.box).clip(*context.book.picture(b.image).size),
            kind,
            round(rng.uniform(0.6, 0.99), 3),
            kind,
        )
        for b in truth.boxes
        if tool == truth.finder and (not views or b.image in views)
    ]
    named = tuple((context.boxes.add(box), box) for box in found)
    return ToolResult(True, f"{len(named)} found", f"{len(named)} found", boxes=named)


def beside(rng: Random, box: Box) -> Box:
    """A box moved by up to 2 % of its sides."""
    dx, dy = 0.02 * box.width, 0.02 * box.height
    shift = [rng.uniform(-d, d) for d in (dx, dy, dx, dy)]
    return Box(*(v + s for v, s in zip(box, shift, strict=True)))
