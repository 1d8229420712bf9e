"""The planner: a policy without weights that reads English grounding questions by rule."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from ...tools.errors import PolicyError
from ...tools.text import clean_text
from ...tools.tool import ToolResult
from ...tools.views import ViewBook
from ..dialect import Dialect
from ..messages import ToolCall
from ..policy import Completion, Request, Usage
from . import wording
from .plan_counterpart import counterpart_plan
from .plan_difference import difference_plan
from .plan_find import common_plan, find_plan
from .plan_only import only_plan
from .plans import Call, Outcome, Plan, region_plan
from .question import Question, Task
from .understand import understand

_PLANS: dict[Task, Callable[[Question, ViewBook], Plan]] = {
    "find": find_plan,
    "common": common_plan,
    "region": region_plan,
    "only": only_plan,
    "difference": difference_plan,
    "counterpart": counterpart_plan,
}
_CALL_ID = "plan-"


class Planner:
    """Understands a question, calls tools, and answers with the ids of their boxes.

    A pure function of the request: the plan is replayed at each turn with the results that the
    messages hold. It never looks at pixels; of the book it reads sizes only.

    Args:
        explain: answer with an object that also says in words what was understood and found;
            otherwise with the bare list of boxes.
    """

    def __init__(self, explain: bool = True) -> None:
        self._explain = explain

    @property
    def name(self) -> str:
        """`planner`."""
        return "planner"

    @property
    def backend(self) -> str:
        """`planner`: it runs nowhere but here."""
        return "planner"

    @property
    def dialect(self) -> Dialect:
        """Our own."""
        from ..dialects.gemvg import GemvgDialect

        return GemvgDialect()

    async def complete(self, request: Request) -> Completion:
        """The next tool call, or the answer.

        Raises:
            QueryNotUnderstood: the question, or every word that it looks for, is beyond it.
            PolicyError: the tool that the question needs is not there or failed.
        """
        began = time.perf_counter()
        question = understand(request.query, request.book.image_count)
        plan = _PLANS[question.task](question, request.book)
        step = self._replay(plan, request)
        if isinstance(step, Call):
            number = sum(len(m.tool_calls) for m in request.messages) + 1
            call = ToolCall(f"{_CALL_ID}{number}", step.tool, dict(step.arguments))
            text, calls = "", (call,)
        else:
            text, calls = self._answer(question, step, request), ()
            if request.on_text is not None:
                request.on_text(text)
        return Completion(
            text,
            calls,
            "tool_calls" if calls else "stop",
            usage=Usage(calls=1),
            seconds=time.perf_counter() - began,
            model="planner",
        )

    async def aclose(self) -> None:
        """Nothing is held."""

    def _replay(self, plan: Plan, request: Request) -> Call | Outcome:
        """Run the plan over the results so far, up to its next call or its end."""
        results = _results(request)
        offered = {spec.name for spec in request.tools}
        try:
            call = next(plan)
            while True:
                if results:
                    call = plan.send(results.pop(0))
                elif call.tool in offered:
                    return call
                else:
                    call = plan.send(self._refused(call, request, bool(offered)))
        except StopIteration as done:
            outcome: Outcome = done.value
            return outcome

    def _refused(self, call: Call, request: Request, some: bool) -> ToolResult:
        """The result of a call that can't be made; where nothing was called yet, an error."""
        if not any(message.tool_calls for message in request.messages) and not some:
            raise PolicyError(
                "The planner sees only through tools, and none is allowed.",
                f"Allow {call.tool}, or use another policy.",
            )
        return ToolResult.failure(f"The tool {call.tool} is not allowed here.")

    def _answer(self, question: Question, outcome: Outcome, request: Request) -> str:
        """The answer in the dialect's JSON, after the reasoning where the mode asks for it."""
        items = [
            {"id": found.id} | ({"label": label} if label else {}) for found, label in outcome.boxes
        ]
        meant = clean_text(wording.understood(question), 600)
        words = clean_text(f"Understood: {meant}. {outcome.text}", 2000)
        payload: object = {"answer": items, "text": words} if self._explain else items
        written = json.dumps(payload, ensure_ascii=False)
        if not _thinks(question, request):
            return f"<answer>{written}</answer>"
        steps = " ".join(clean_text(step, 600) for step in outcome.steps)
        reasoning = clean_text(f"The question asks for {meant}. {steps} {outcome.text}", 4000)
        return f"<think>{reasoning}</think><answer>{written}</answer>"


def _thinks(question: Question, request: Request) -> bool:
    """Whether to write the reasoning: as told, else where more than one step led to the answer."""
    if request.prefill:
        return request.prefill.startswith("<think>")
    if request.mode != "auto":
        return request.mode == "think"
    phrases = [t.phrase for t in question.targets]
    involved = any(p.relations or p.selections for p in phrases) or bool(question.conditions)
    return involved or question.task in ("common", "only", "counterpart")


def _results(request: Request) -> list[ToolResult]:
    """The results of the planner's own calls, in the order of the calls."""
    by_id = {
        m.call_id: m.result or ToolResult.failure(m.text or "No result came back.")
        for m in request.messages
        if m.call_id is not None
    }
    asked = [call.id for m in request.messages for call in m.tool_calls]
    return [by_id[name] for name in asked if name in by_id]
