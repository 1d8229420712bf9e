"""The plan for what changed between two pictures."""

from __future__ import annotations

from collections.abc import Sequence

from ...tools.tool import ToolResult
from ...tools.views import ViewBook
from .choosing import Found
from .plan_only import only_plan
from .plans import Call, Outcome, Plan, found_in, require
from .question import Question


def difference_plan(question: Question, book: ViewBook) -> Plan:
    """What changed: compare two pictures.

    Where things were asked for that the one shows and the other lacks, and the two can't be
    compared, the kinds that only the one shows.
    """
    first, second = question.images
    result = yield Call(
        "compare",
        {"first": first, "second": second, "report": question.report},
        f"compare images {first} and {second}",
    )
    if question.against and not result.ok:
        return (yield from _only_in_one(question, book, result))
    require(result, f"differences between images {first} and {second}")
    found = found_in(result)
    chosen = strongest(found) if question.single and question.report != "both" else found
    steps = (f"Images {first} and {second} compared: {result.summary}.",)
    if not found:
        return Outcome((), f"Images {first} and {second} show no difference.", steps)
    text = (
        f"{len(chosen)} change{'s' if len(chosen) > 1 else ''}: {', '.join(f.id for f in chosen)}."
    )
    return Outcome(tuple((f, "difference") for f in chosen), text, steps)


def _only_in_one(question: Question, book: ViewBook, compared: ToolResult) -> Plan:
    shown = tuple(i for i in question.images if i not in question.against)
    outcome = yield from only_plan(Question("only", shown, against=question.against), book)
    why = compared.summary.removeprefix("compare: ").rstrip(".")
    text = f"Told by kinds of things alone ({why}). {outcome.text}"
    return Outcome(outcome.boxes, text, (compared.summary, *outcome.steps))


def strongest(found: Sequence[Found]) -> list[Found]:
    """The best box, and others that are nearly as sure."""
    return [f for f in found if f.score >= 0.9 * found[0].score] if found else []
