"""The plan for kinds of things that some pictures show and others do not."""

from __future__ import annotations

from collections.abc import Sequence

from ...tools.views import ViewBook
from ..weighing import EXPECTED, LOOK, SURE
from . import wording
from .choosing import Found
from .plans import Call, Outcome, Plan, Trail, difference_plan, found_in, require
from .question import Question


def only_plan(question: Question, book: ViewBook) -> Plan:
    """Kinds by the pictures that show them: one look of the detector at all that are spoken of.

    A picture shows a kind where one box is sure (`SURE`), and does not where even the best box is
    weaker than what would be believed of a thing that is said to be there (`EXPECTED`); what lies
    between counts for neither.
    """
    every = range(1, book.image_count + 1)
    looked = sorted({*question.images, *question.against}) if question.against else [*every]
    labels = [target.phrase.noun for target in question.targets]
    result = yield Call(
        "detect",
        {"labels": labels, "views": looked, "min_score": LOOK},
        f"see what is in {wording.images(looked)}",
    )
    require(result, wording.understood(question))
    found = found_in(result)
    best = _best(found)
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


def changed_or_only_plan(question: Question, book: ViewBook) -> Plan:
    """What changed between two pictures; of two scenes, the kinds that only one of them shows.

    The second where the question asks for things that one picture shows and the other lacks.
    """
    plan = difference_plan(question, book)
    call = next(plan)
    result = yield call
    if result.ok or not question.against:
        try:
            plan.send(result)
        except StopIteration as done:
            outcome: Outcome = done.value
            return outcome
    shown = tuple(i for i in question.images if i not in question.against)
    only = Question("only", shown, against=question.against)
    outcome = yield from only_plan(only, book)
    steps = (f"{result.summary}", *outcome.steps)
    text = f"The two pictures show different scenes. {outcome.text}"
    return Outcome(outcome.boxes, text, steps)


def _best(found: Sequence[Found]) -> dict[str, dict[int, float]]:
    """Of every label, the best score in each picture that has a box of it, surest first."""
    best: dict[str, dict[int, float]] = {}
    for one in sorted(found, key=lambda f: -f.score):
        if one.box.label is not None:
            best.setdefault(one.box.label, {}).setdefault(one.box.image, one.score)
    return best


def _fits(best: dict[int, float], question: Question, looked: Sequence[int]) -> bool:
    """Whether a kind with these scores is shown where, and as often as, the question says."""
    shown = {i for i, score in best.items() if score >= SURE}
    if question.times is not None:
        least, most = question.times
        perhaps = {i for i in looked if best.get(i, 0.0) >= EXPECTED}
        return least <= len(shown) and len(perhaps) <= most
    there = set(question.images) <= shown
    return there and all(best.get(i, 0.0) < EXPECTED for i in question.against)
