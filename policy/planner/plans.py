"""Plans: generators that yield tool calls, are sent their results, and return an outcome.

A plan is started anew at every turn and replayed with the results so far, so that the planner
keeps no state between calls.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...tools.boxes import Box
from ...tools.errors import PolicyError, QueryNotUnderstood
from ...tools.tool import ToolResult
from ...tools.views import ViewBook
from ..weighing import LOOK
from . import wording
from .choosing import Found
from .question import Question


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call that a plan wants; boxes in it are relative to 1000, as our dialect writes."""

    tool: str
    arguments: Mapping[str, Any]
    why: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a plan came to.

    Attributes:
        boxes: the answer, each with the label that it goes by.
        text: the answer in words.
        steps: how it was reached, for the reasoning.
    """

    boxes: tuple[tuple[Found, str | None], ...]
    text: str
    steps: tuple[str, ...] = ()


Plan = Generator[Call, ToolResult, Outcome]


@dataclass(slots=True)
class Trail:
    """Steps of the reasoning while a plan runs."""

    steps: list[str] = field(default_factory=list[str])

    def say(self, step: str) -> None:
        """Add a step."""
        self.steps.append(step)


def found_in(result: ToolResult) -> list[Found]:
    """A result's boxes, best first."""
    return [Found(name, box) for name, box in result.boxes]


def relative(box: Box, width: float, height: float) -> list[float]:
    """Pixels to thousandths of the picture."""
    return [round(v, 2) for v in box.scale(1000.0 / width, 1000.0 / height)]


def require(result: ToolResult, what: str) -> None:
    """Raise where a tool could not do what nothing can replace.

    Raises:
        QueryNotUnderstood: the detector knows none of the words. PolicyError: anything else.
    """
    if result.ok:
        return
    if "Not looked for" in result.text:
        raise QueryNotUnderstood(
            f"The planner understood the question ({what}), but the detector does not know the "
            f"word. {result.text.removeprefix('detect: ')}"
        )
    raise PolicyError(f"The planner could not look for {what}. {result.text}")


def look_for_kinds(
    question: Question, views: Sequence[int]
) -> Generator[Call, ToolResult, list[Found]]:
    """Detect the kind that a question names, or everything, in some pictures; boxes best first.

    Raises:
        QueryNotUnderstood: the detector does not know the kind. PolicyError: it failed.
    """
    result = yield Call(
        "detect",
        {
            "labels": [target.phrase.noun for target in question.targets],
            "views": list(views),
            "min_score": LOOK,
        },
        f"see what is in {wording.images(views)}",
    )
    require(result, wording.understood(question))
    return found_in(result)


def region_plan(question: Question, book: ViewBook) -> Plan:
    """The place of a close-up: match it against the other pictures, best place wins."""
    trail = Trail()
    sources = _crop_order(question, book)
    best: tuple[Found, int] | None = None
    failures: list[ToolResult] = []
    for source in sources:
        views = [i for i in question.images if i != source] or _others(source, book)
        result = yield Call(
            "match",
            {"source": {"view": source}, "views": views},
            f"find image {source} in {wording.images(views)}",
        )
        found = found_in(result)
        if not found and set(views) != set(_others(source, book)) and question.source is not None:
            views = _others(source, book)
            result = yield Call(
                "match", {"source": {"view": source}, "views": views}, "look in the others too"
            )
            found = found_in(result)
        if not result.ok:
            failures.append(result)
        trail.say(f"Image {source} matched against {wording.images(views)}: {result.summary}.")
        if found and (best is None or found[0].score > best[0].score):
            best = (found[0], source)
        if best is not None and best[0].score >= 0.3:
            break
    if best is None:
        if len(failures) == len(sources):
            # Nothing was looked at, so nothing can be said to be absent.
            require(failures[0], "the close-up's place")
        return Outcome((), "The close-up was not found in any other picture.", tuple(trail.steps))
    found, source = best
    text = f"Image {source} is part of image {found.box.image}, at {found.id}."
    return Outcome(((found, "region"),), text, tuple(trail.steps))


def _others(source: int, book: ViewBook) -> list[int]:
    return [i for i in range(1, book.image_count + 1) if i != source]


def _crop_order(question: Question, book: ViewBook) -> list[int]:
    """Which pictures may be the close-up: the one named; else by size, else the last first.

    A close-up that was not enlarged has far fewer pixels than the pictures that it may come from.
    """
    if question.source is not None and question.source.image is not None:
        return [question.source.image]
    count = book.image_count
    pixels = {i: book[i].width * book[i].height for i in range(1, count + 1)}
    from_the_end = [count, *range(1, count)]
    smallest = min(from_the_end, key=lambda i: pixels[i])
    if pixels[smallest] < 0.5 * min(v for i, v in pixels.items() if i != smallest):
        from_the_end.remove(smallest)
        from_the_end.insert(0, smallest)
    return from_the_end[:4]
