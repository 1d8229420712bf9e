"""The `detect` tool: named objects in several views, one batched look."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from .boxes import GroundedBox
from .detectors import Detector, Scene, default_open_spec, default_spec, load_detector
from .errors import GemvgError
from .text import clean_text
from .tool import Tool, ToolArguments, ToolContext, ToolResult, describe_box, resolve_views
from .views import View
from .vocabulary import Resolution, Vocabulary

MOST_LINES = 200
"""Boxes that the text names; the result still holds all of them."""

SAME_OBJECT = 0.7
"""IoU above which two boxes of one class in one picture, seen in two views, are one object."""

RIVAL_OVERLAP = 0.9
"""IoU above which boxes of two classes are one object ("car" and "truck"), best score wins."""

Label = Annotated[str, Field(min_length=1, max_length=100)]


class DetectArguments(ToolArguments):
    """What to look for and where."""

    labels: tuple[Label, ...] = Field(
        (),
        description="Names of objects, such as dog or red car; empty for everything known.",
        max_length=64,
    )
    views: tuple[int, ...] | None = Field(
        None, description="1-based indexes of views; leave out for all pictures.", max_length=1000
    )
    vocabulary: Literal["auto", "closed", "open"] = Field(
        "auto",
        description="closed: the detector's own classes only; open: any words; auto: the better.",
    )
    min_score: float | None = Field(
        None, description="Least score; leave out for the detector's own.", ge=0.0, le=1.0
    )


@dataclass(slots=True)
class _Plan:
    """Which detector looks for which of its names.

    Attributes:
        asked: for each label of the user, the detector's name and what the label means to it.
        wanted: for each detector, the names to look for; an empty list is everything.
        unknown: labels that nobody knows, each with what would help.
        meant: of these, what some are likely misspellings of.
    """

    asked: dict[str, tuple[str, Resolution]] = field(
        default_factory=dict[str, tuple[str, Resolution]]
    )
    wanted: list[tuple[Detector, list[str]]] = field(
        default_factory=list[tuple[Detector, list[str]]]
    )
    unknown: dict[str, str] = field(default_factory=dict[str, str])
    meant: dict[str, str] = field(default_factory=dict[str, str])

    def rivals(self) -> frozenset[str] | None:
        """Class names that compete for one object, since no single one was asked for.

        None stands for all of them. A class that the user named keeps all its boxes: whoever asks
        for trucks gets the box that might as well be a car.
        """
        if not self.asked:
            return None
        wide = [m.classes for _, m in self.asked.values() if m.relation == "wider"]
        narrow = {n for _, m in self.asked.values() if m.relation != "wider" for n in m.classes}
        return frozenset(name for names in wide for name in names if name not in narrow)

    def want(self, label: str, detector: Detector, meaning: Resolution) -> None:
        """Have a detector look for a label."""
        self.asked[label] = (detector.name, meaning)
        for known, names in self.wanted:
            if known is detector:
                names.extend(n for n in meaning.classes if n not in names)
                return
        self.wanted.append((detector, list(meaning.classes)))


class Detect(Tool[DetectArguments]):
    """Find objects by name.

    Args:
        detector: the first choice; a spec is loaded at the first use (see `load_detector`);
            GEMVG_DETECTOR or yolo26m where None.
        open_detector: for words that the first does not know; GEMVG_OPEN_DETECTOR or
            yolov8s-world where None.
    """

    name: ClassVar[str] = "detect"
    description: ClassVar[str] = (
        "Find every object of the named kinds in one or several views. Returns boxes with scores. "
        "Leave labels empty to list everything that is there."
    )
    arguments = DetectArguments

    def __init__(
        self,
        detector: Detector | str | None = None,
        open_detector: Detector | str | None = None,
    ) -> None:
        self._first = detector
        self._second = open_detector
        self._lock = threading.Lock()

    @property
    def detector(self) -> Detector:
        """The first detector, loaded now if it was not yet. Raises GemvgError where it can't be."""
        with self._lock:
            if self._first is None or isinstance(self._first, str):
                self._first = load_detector(self._first or default_spec())
            return self._first

    @property
    def open_detector(self) -> Detector:
        """The detector for words that the first does not know. Raises GemvgError as `detector`."""
        with self._lock:
            if self._second is None or isinstance(self._second, str):
                self._second = load_detector(self._second or default_open_spec())
            return self._second

    def run(self, arguments: DetectArguments, context: ToolContext) -> ToolResult:
        """See `Tool.run`."""
        views = resolve_views(arguments.views or None, context)
        plan = self._plan(arguments)
        if not plan.wanted:
            return ToolResult.failure(f"detect: {_unknown_text(plan)}")
        found: list[tuple[View, GroundedBox]] = []
        for detector, names in plan.wanted:
            found.extend(_look(detector, names, arguments.min_score, views, context))
        found = drop_repeats(found, rivals=plan.rivals())
        return _report(plan, views, found, arguments, context)

    def _plan(self, arguments: DetectArguments) -> _Plan:
        """Decide who looks for what."""
        plan = _Plan()
        labels = dict.fromkeys(label.strip() for label in arguments.labels if label.strip())
        first = self.open_detector if arguments.vocabulary == "open" else self.detector
        if arguments.vocabulary == "closed" and first.vocabulary != "closed":
            raise GemvgError(f"{first.name} has no closed vocabulary. Use vocabulary auto.")
        if not labels:
            plan.wanted.append((first, list(first.classes) if first.vocabulary == "open" else []))
        for label in labels:
            meaning = first.resolve(label)
            if meaning.classes:
                plan.want(label, first, meaning)
            elif arguments.vocabulary == "auto" and first.vocabulary == "closed":
                self._ask_second(label, plan)
            else:
                plan.unknown[label] = f"{first.name} does not know it"
        if plan.unknown:
            near = Vocabulary(first.classes).nearest
            plan.meant = {label: known for label in plan.unknown if (known := near(label))}
        return plan

    def _ask_second(self, label: str, plan: _Plan) -> None:
        """Have the open vocabulary look for a label, or note why it can't."""
        try:
            second = self.open_detector
            meaning = second.resolve(label)
        except GemvgError as error:
            plan.unknown[label] = str(error)
            return
        if meaning.classes:
            plan.want(label, second, meaning)
        else:
            plan.unknown[label] = f"neither {self.detector.name} nor {second.name} knows it"


def _look(
    detector: Detector,
    names: Sequence[str],
    min_score: float | None,
    views: Sequence[View],
    context: ToolContext,
) -> list[tuple[View, GroundedBox]]:
    """Every detection in every view, with the view in which it was seen."""

    def scene_of(view: View) -> Scene:
        return Scene(
            context.book.picture(view.image).digest,
            view.window,
            lambda size: context.book.raster(view.index, size),
        )

    threshold = detector.default_score if min_score is None else min_score
    results = detector.detect([scene_of(view) for view in views], names, threshold)
    return [
        (view, GroundedBox(view.image, d.box, d.label, d.score, "detector"))
        for view, detections in zip(views, results, strict=True)
        for d in detections
    ]


def drop_repeats(
    found: Sequence[tuple[View, GroundedBox]], rivals: frozenset[str] | None = frozenset()
) -> list[tuple[View, GroundedBox]]:
    """Without second sights of an object, best first.

    Args:
        found: boxes, each with the view in which it was seen.
        rivals: class names of which one object can have only one; None for every name.

    Two boxes of one class in one view stay: the detector has already told them apart.
    """
    kept: list[tuple[View, GroundedBox]] = []
    # By picture: every box against every other of a hundred pictures takes minutes.
    by_image: dict[int, list[tuple[View, GroundedBox]]] = {}
    for view, box in sorted(found, key=lambda item: -(item[1].score or 0.0)):
        here = by_image.setdefault(box.image, [])
        if not any(_repeats(view, box, seen, other, rivals) for seen, other in here):
            here.append((view, box))
            kept.append((view, box))
    return kept


def _repeats(
    view: View,
    box: GroundedBox,
    seen: View,
    other: GroundedBox,
    rivals: frozenset[str] | None,
) -> bool:
    """Whether a box is a second sight of a better one in the same picture."""
    if other.label == box.label:
        return seen.index != view.index and box.box.iou(other.box) > SAME_OBJECT
    compete = rivals is None or (box.label in rivals and other.label in rivals)
    return compete and box.box.iou(other.box) > RIVAL_OVERLAP


def _report(
    plan: _Plan,
    views: Sequence[View],
    found: Sequence[tuple[View, GroundedBox]],
    arguments: DetectArguments,
    context: ToolContext,
) -> ToolResult:
    """Register the boxes and write the result."""
    named: list[tuple[str, GroundedBox]] = []
    lines: list[str] = [text] if (text := _meaning_text(plan)) else []
    for view in views:
        here = [box for seen, box in found if seen.index == view.index]
        where = f"View {view.index}" if view.index > context.book.image_count else view.shows
        lines.append(f"{where[:1].upper()}{where[1:]}: {len(here) or 'nothing'} found.")
        for box in here:
            name = context.boxes.add(box)
            named.append((name, box))
            if len(named) <= MOST_LINES:
                lines.append(describe_box(name, box))
    if len(named) > MOST_LINES:
        lines.append(f"{len(named) - MOST_LINES} more; ask for fewer views or a higher min_score.")
    if plan.unknown:
        lines.append(_unknown_text(plan))
    named.sort(key=lambda item: -(item[1].score or 0.0))
    what = ", ".join(clean_text(label, 40) for label in plan.asked) or "everything"
    return ToolResult(
        True,
        "\n".join(lines),
        clean_text(f"{what}: {len(named)} in {len(views)} views", 120),
        boxes=tuple(named),
        data=_data(plan, arguments),
    )


def _meaning_text(plan: _Plan) -> str:
    """Which classes were looked for where the user's words are not their names."""
    parts: list[str] = []
    for label, (_, meaning) in plan.asked.items():
        names = ", ".join(meaning.classes)
        if meaning.relation == "same" and names != label:
            parts.append(f"{clean_text(label, 60)} = {names}")
        elif meaning.relation == "narrower":
            parts.append(f"{clean_text(label, 60)}: every {names} (no finer class is known)")
        elif meaning.relation == "wider":
            shown = names if len(meaning.classes) <= 12 else f"{len(meaning.classes)} classes"
            parts.append(f"{clean_text(label, 60)} = any of {shown}")
    return f"Looked for {'; '.join(parts)}." if parts else ""


def _unknown_text(plan: _Plan) -> str:
    """What was not looked for, and why, one reason once."""
    by_reason: dict[str, list[str]] = {}
    for label, reason in plan.unknown.items():
        known = plan.meant.get(label)
        asked = f" (did you mean {known}?)" if known else ""
        by_reason.setdefault(reason, []).append(f"{clean_text(label, 60)}{asked}")
    return " ".join(
        f"Not looked for {', '.join(labels)}: {reason.rstrip('.')}."
        for reason, labels in by_reason.items()
    )


def _data(plan: _Plan, arguments: DetectArguments) -> dict[str, Any]:
    """The numbers for programs."""
    return {
        "labels": {
            label: {
                "detector": name,
                "classes": list(meaning.classes),
                "relation": meaning.relation,
            }
            for label, (name, meaning) in plan.asked.items()
        },
        "unknown": list(plan.unknown),
        "meant": dict(plan.meant),
        "detectors": [detector.name for detector, _ in plan.wanted],
        "min_score": [
            detector.default_score if arguments.min_score is None else arguments.min_score
            for detector, _ in plan.wanted
        ],
    }
