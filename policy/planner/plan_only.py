"""The plan for kinds of things that some pictures show and others do not."""

from __future__ import annotations

from collections.abc import Sequence

from ...tools.views import ViewBook
from ..weighing import EXPECTED, SURE, best_scores
from . import wording
from .plans import Outcome, Plan, Trail, look_for_kinds
from .question import Question


def only_plan(question: Question, book: ViewBook) -> Plan:
    """Kinds by the pictures that show them: one look of the detector at all that are spoken of.

    A picture shows a kind where one box is sure (`SURE`), and does not where even the best box is
    weaker than what would be believed of a thing that is said to be there (`EXPECTED`); what lies
    between counts for neither.
    """
    every = range(1, book.image_count + 1)
    looked = sorted({*question.images, *question.against}) if question.against else [*every]
    found = yield from look_for_kinds(question, looked)
    best = best_scores(f.box for f in found)
    kinds = [name for name in best if _fits(best[name], question, looked)]
    trail = Trail()
    for name in kinds:
        own = [f for f in found if f.box.label == name and f.score >= SURE]
        trail.say(f"{name}: {wording.tally(own, looked)}.")
    if not kinds:
        trail.say("No kind of thing was found in just these pictures.")
        return Outcome((), "No kind of thing is shown in just these pictures.", tuple(trail.steps))
    boxes = tuple(
        (f, f.box.label)
        for f in found
        if f.box.label in kinds and f.score >= SURE and f.box.image in question.images
    )
    return Outcome(boxes, f"Only there: {', '.join(kinds)}.", tuple(trail.steps))


def _fits(best: dict[int, float], question: Question, looked: Sequence[int]) -> bool:
    """Whether a kind with these scores is shown where, and as often as, the question says."""
    shown = {i for i, score in best.items() if score >= SURE}
    if question.times is not None:
        least, most = question.times
        perhaps = {i for i in looked if best.get(i, 0.0) >= EXPECTED}
        return least <= len(shown) and len(perhaps) <= most
    there = set(question.images) <= shown
    return there and all(best.get(i, 0.0) < EXPECTED for i in question.against)
