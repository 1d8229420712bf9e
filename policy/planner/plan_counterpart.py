"""The plan for a thing that is shown or boxed in one picture and sought in others."""

from __future__ import annotations

from collections.abc import Sequence

from ...tools.boxes import Box
from ...tools.errors import QueryNotUnderstood
from ...tools.tool import ToolResult
from ...tools.views import View, ViewBook
from ...tools.vocabulary import families
from ..weighing import LOOK, SURE
from . import wording
from .choosing import Found, Scene, choose
from .plan_find import merged
from .plans import Call, Outcome, Plan, Trail, found_in, relative, require
from .question import Question, Source

SURE_MATCH = 0.25
"""Score of a match below which a detection of the same class is believed rather."""


def counterpart_plan(question: Question, book: ViewBook) -> Plan:
    """Match the thing by its pixels; where that fails, take the most similar of its class."""
    source = question.source or Source(1)
    image = source.image or 1
    view = book[image]
    box = box_in_pixels(source, view)
    region: dict[str, object] = {"view": image}
    if box is not None:
        region["box"] = relative(box, view.width, view.height)
    trail = Trail()
    chosen: dict[int, tuple[Found, str | None]] = {}
    if source.use and (box is not None or source.phrase is not None):
        return (yield from same_use_plan(question, source, box, book))
    if source.phrase is None:
        result = yield Call(
            "match", {"source": region, "views": list(question.images)},
            f"find the same content in {wording.images(question.images)}",
        )  # fmt: skip
        trail.say(f"Matched by its pixels: {result.summary}.")
        for found in found_in(result):
            if found.score >= SURE_MATCH:
                chosen.setdefault(found.box.image, (found, None))
    missing = [i for i in question.images if i not in chosen]
    if missing:
        labels = [source.phrase.noun] if source.phrase else []
        result = yield Call(
            "detect", {"labels": labels, "views": [*dict.fromkeys((image, *missing))],
                       "min_score": LOOK},
            f"find things of its class in {wording.images(missing)}",
        )  # fmt: skip
        require(result, wording.understood(question))
        chosen |= _of_same_class(result, source, image, box, missing, book, trail)
    note = " The drawn mark itself can't be seen; give its coordinates." if source.drawn else ""
    boxes = tuple(chosen[i] for i in sorted(chosen))
    if not boxes:
        return Outcome((), f"It was not found again.{note}", tuple(trail.steps))
    where = wording.images(sorted(chosen))
    return Outcome(boxes, f"Found again in {where}.{note}", tuple(trail.steps))


def box_in_pixels(source: Source, view: View) -> Box | None:
    """The written box in the view's pixels; None where none was written.

    Numbers are pixels where the question says so or where they exceed 1000; up to 1 they are
    shares of the picture; otherwise thousandths of it, as in MIG-Bench and our dialect.

    Raises:
        QueryNotUnderstood: nothing of the picture is in the box.
    """
    if source.box is None:
        return None
    largest = max(source.box)
    if source.pixels or largest > 1000:
        box = source.box
    else:
        unit = 1.0 if largest <= 1 else 1000.0
        box = source.box.scale(view.width / unit, view.height / unit)
    clipped = box.clip(view.width, view.height)
    if not clipped.is_valid:
        written = ", ".join(f"{number:g}" for number in source.box)
        raise QueryNotUnderstood(
            f"The box [{written}] holds nothing of image {source.image or 1}, which is "
            f"{view.width} by {view.height} pixels.",
            "Write x1, y1, x2, y2 as thousandths of the picture, or with px behind as pixels.",
        )
    return clipped


def _of_same_class(
    result: ToolResult,
    source: Source,
    image: int,
    box: Box | None,
    missing: Sequence[int],
    book: ViewBook,
    trail: Trail,
) -> dict[int, tuple[Found, str | None]]:
    """In each picture the detection most like the thing in class, size and place."""
    found = merged_by_image(found_in(result))
    model = recognised(found, source, image, box, book, trail)
    if model is None:
        return {}
    chosen: dict[int, tuple[Found, str | None]] = {}
    for target in missing:
        rivals = [f for f in found if f.box.image == target and f.box.label == model.box.label]
        if target == image:
            rivals = [model]
        if rivals:
            best = max(rivals, key=lambda f: likeness(model, f, book))
            chosen[target] = (best, best.box.label)
    return chosen


def recognised(
    found: Sequence[Found],
    source: Source,
    image: int,
    box: Box | None,
    book: ViewBook,
    trail: Trail,
) -> Found | None:
    """Which of the detections the question speaks of; None where it is not among them."""
    here = [f for f in found if f.box.image == image]
    if source.phrase is not None:
        noun = source.phrase.noun
        here = choose(source.phrase, Scene(book[image].width, book[image].height, {noun: here}))
    model = _model(here, box, book[image])
    if model is None:
        trail.say(f"No known kind of thing was recognised in image {image}.")
    else:
        trail.say(f"In image {image} the thing is {model.id}: {model.box.label}.")
    return model


def same_use_plan(question: Question, source: Source, box: Box | None, book: ViewBook) -> Plan:
    """Things of the narrowest family that the thing belongs to.

    What serves the same purpose does not look the same, so there is nothing to match.
    """
    image = source.image or 1
    looked = [image, *(i for i in question.images if i != image)]
    result = yield Call(
        "detect", {"labels": [], "views": looked, "min_score": LOOK},
        f"find out what the thing is and what is in {wording.images(question.images)}",
    )  # fmt: skip
    require(result, wording.understood(question))
    trail, found = Trail(), merged_by_image(found_in(result))
    model = recognised(found, source, image, box, book, trail)
    label = str(model.box.label) if model is not None else ""
    boxes: list[tuple[Found, str | None]] = []
    for target in question.images if model is not None else ():
        there = [f for f in found if f.box.image == target and f.score >= SURE]
        chosen = _of_narrowest_family(label, there)
        kinds = sorted({str(f.box.label) for f in chosen})
        trail.say(f"Of its family image {target} shows {', '.join(kinds) or 'nothing'}.")
        boxes += [(f, f.box.label) for f in chosen]
    if not boxes:
        return Outcome((), "Nothing that serves the same purpose was found.", tuple(trail.steps))
    where = wording.images(sorted({f.box.image for f, _ in boxes}))
    return Outcome(tuple(boxes), f"The same purpose is served in {where}.", tuple(trail.steps))


def _of_narrowest_family(label: str, there: Sequence[Found]) -> list[Found]:
    """Detections of the class itself and of its narrowest family that is there at all."""
    for family in families(label):
        chosen = [f for f in there if f.box.label == label or f.box.label in family]
        if chosen:
            return chosen
    return [f for f in there if f.box.label == label]


def merged_by_image(found: Sequence[Found]) -> list[Found]:
    """`merged` within each picture."""
    images = dict.fromkeys(f.box.image for f in found)
    return [f for i in images for f in merged([g for g in found if g.box.image == i])]


def _model(here: Sequence[Found], box: Box | None, view: View) -> Found | None:
    """The detection that the question points at: at the box, else the most prominent one."""
    if not here:
        return None
    if box is not None:
        best = max(here, key=lambda f: f.box.box.iou(box))
        return best if best.box.box.iou(box) > 0.3 else None
    return max(here, key=lambda f: f.score * (f.box.box.area / (view.width * view.height)) ** 0.5)


def likeness(model: Found, other: Found, book: ViewBook) -> float:
    """How well a detection agrees with the thing in score, size, shape and place."""
    a, b = _share(model, book), _share(other, book)
    size = min(a.area, b.area) / max(a.area, b.area, 1e-9)
    (ax, ay), (bx, by) = a.center, b.center
    distance = ((ax - bx) ** 2 + (ay - by) ** 2) ** 0.5
    shape = min(a.width / a.height, b.width / b.height) / max(
        a.width / a.height, b.width / b.height
    )
    return other.score + 0.5 * size**0.5 + 0.5 * shape - distance


def _share(found: Found, book: ViewBook) -> Box:
    view = book[found.box.image]
    return found.box.box.scale(1.0 / view.width, 1.0 / view.height)
