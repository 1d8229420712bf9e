"""OpenTelemetry spans of an agent's work: `invoke_agent`, `chat`, `execute_tool`.

Off by default. `traced(agent)` gives an agent that writes spans; `GEMVG_TRACE=1` turns it on for
`serve` and `mcp`. Only the API is used here: where the spans go is decided by the program that sets
up an SDK (`opentelemetry-instrument`, or its own code); without one they cost nothing and go
nowhere. Names follow OpenTelemetry's conventions for generative AI.

A span holds names, counts, sizes and times: never a picture, and never a question or an answer's
words.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from ..policy.forwarding import ForwardingPolicy
from ..policy.policy import Completion, Request
from ..tools.forwarding import ForwardingTool
from ..tools.tool import ToolContext, ToolResult
from .answer import Answer
from .embed.public_text import public_name
from .events import Event
from .grounding_agent import GroundingAgent
from .pictures import PictureSource

if TYPE_CHECKING:
    from opentelemetry.trace import Span


VARIABLE = "GEMVG_TRACE"
SCOPE = "gemvg.agent"


def wanted() -> bool:
    """Whether the environment turns tracing on."""
    return os.environ.get(VARIABLE, "").strip().lower() in ("1", "true", "yes", "on")


def traced(agent: GroundingAgent) -> GroundingAgent:
    """An agent like the given one, with the same policy and tools, that writes spans.

    Raises:
        MissingDependency: opentelemetry-api is not installed.
    """
    _tracer()
    twin = agent.wrapped(_TracedPolicy)
    twin.__class__ = _TracedAgent
    twin.tools = {name: _TracedTool(tool) for name, tool in agent.tools.items()}
    return twin


def _tracer() -> Any:
    from ..tools.errors import MissingDependency

    try:
        from opentelemetry import trace
    except ModuleNotFoundError as error:
        raise MissingDependency(
            "opentelemetry-api is not installed.", "pip install 'gemvg-agent[server]'"
        ) from error
    from . import __version__

    return trace.get_tracer(SCOPE, __version__)


def _span(operation: str, name: str, **attributes: Any) -> AbstractContextManager[Span]:
    """A span that records what was raised by its kind only: messages may hold anything."""
    told = {"gen_ai.operation.name": operation, "gen_ai.provider.name": "gemvg"} | attributes
    return _tracer().start_as_current_span(
        f"{operation} {name}",
        attributes=told,
        record_exception=False,
        set_status_on_exception=False,
    )


def _failed(span: Span, kind: str) -> None:
    from opentelemetry.trace import Status, StatusCode

    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR))


class _TracedAgent(GroundingAgent):
    """An agent whose every question is a span; made by `traced`."""

    async def _answer(
        self,
        query: str,
        images: Sequence[PictureSource],
        choice: Any,
        emit: Callable[[Event], None] | None = None,
        *,
        streaming: bool = False,
    ) -> Answer:
        with _span("invoke_agent", "gemvg", **{"gen_ai.agent.name": "gemvg"}) as span:
            try:
                answer = await super()._answer(query, images, choice, emit, streaming=streaming)
            except BaseException as error:
                _failed(span, getattr(error, "kind", type(error).__name__))
                raise
            _describe(span, answer)
            return answer


def _describe(span: Span, answer: Answer) -> None:
    """Counts and sizes of an answer; none of its words."""
    span.set_attributes(
        {
            "gemvg.status": answer.status,
            "gemvg.mode": answer.mode.used,
            "gemvg.strategy": answer.strategy,
            "gemvg.boxes": len(answer.answer),
            "gemvg.images": len(answer.images),
            "gemvg.image_sizes": [f"{i.width}x{i.height}" for i in answer.images],
            "gen_ai.usage.input_tokens": int(answer.usage.get("prompt_tokens", 0)),
            "gen_ai.usage.output_tokens": int(answer.usage.get("completion_tokens", 0)),
        }
    )
    if answer.error is not None:
        _failed(span, answer.error.kind)


class _TracedPolicy(ForwardingPolicy):
    """A policy whose every call is a span."""

    async def complete(self, request: Request) -> Completion:
        """See `Policy.complete`."""
        name = public_name(self.name)
        asked = {
            "gen_ai.request.model": name,
            "gen_ai.request.max_tokens": request.max_tokens,
            "gen_ai.request.temperature": request.temperature,
            "gemvg.backend": self.backend,
            "gemvg.mode": request.mode,
        }
        with _span("chat", name, **asked) as span:
            try:
                completion = await self.inner.complete(request)
            except BaseException as error:
                _failed(span, getattr(error, "kind", type(error).__name__))
                raise
            span.set_attributes(
                {
                    "gen_ai.response.finish_reasons": [completion.finish_reason],
                    "gen_ai.usage.input_tokens": completion.usage.prompt_tokens,
                    "gen_ai.usage.output_tokens": completion.usage.completion_tokens,
                }
            )
            return completion


class _TracedTool(ForwardingTool):
    """A tool whose every call is a span."""

    def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        """See `Tool.call`; total."""
        name = self.inner.name
        with _span("execute_tool", name, **{"gen_ai.tool.name": name}) as span:
            result = self.inner.call(arguments, context)
            span.set_attributes(
                {"gemvg.boxes": len(result.boxes), "gemvg.views": len(result.views)}
            )
            if not result.ok:
                _failed(span, "tool")
            return result
