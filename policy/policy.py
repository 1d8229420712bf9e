"""The Policy protocol: views and messages in, a completion out, the same from every backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from ..tools.tool import BoxRegistry
from ..tools.views import ViewBook
from .dialect import Dialect
from .messages import Message, ToolCall
from .modes import Mode

FinishReason = Literal["stop", "length", "tool_calls"]


class Token(NamedTuple):
    """One generated token: its text and natural-log probability."""

    text: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call or of several, added up."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    image_tokens: int = 0
    calls: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.image_tokens + other.image_tokens,
            self.calls + other.calls,
        )


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a policy is told of it: JSON-schema function description."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One call of a policy.

    Attributes:
        query: the user's question, bare (the planner reads it here; models read the messages).
        messages: the conversation so far.
        book: pixels of every view that the messages name.
        boxes: the boxes that tools returned so far.
        tools: what may be called; empty for none.
        mode: think or direct for this call; auto leaves the choice to the policy.
        prefill: text that the answer must start with (such as `<think>`), or None.
        max_tokens, temperature, seed, stop: sampling; temperature 0 is greedy.
        logprobs: ask for token log-probabilities where the backend has them.
        response_schema: JSON schema that constrains the answer, or None.
        on_text: called with each new piece of text while it streams, or None.
    """

    query: str
    messages: tuple[Message, ...]
    book: ViewBook
    boxes: BoxRegistry = field(default_factory=BoxRegistry)
    tools: tuple[ToolSpec, ...] = ()
    mode: Mode = "auto"
    prefill: str | None = None
    max_tokens: int = 1024
    temperature: float = 0.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    logprobs: bool = False
    response_schema: Mapping[str, Any] | None = None
    on_text: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """What a policy said.

    Attributes:
        text: the whole text, prefill included, tool calls in text form included.
        tool_calls: calls that the backend itself recognised (OpenAI `tool_calls`, the planner);
            calls written in the text are the dialect's to find.
        finish_reason: `length` means that the text was cut, at its limit or in a loop.
        tokens: with log-probabilities, prefill apart; None where the backend has none.
        grids: (width, height) after the processor's own resize, by view index, where known.
        model: the model's name as the backend reports it.
    """

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: FinishReason = "stop"
    tokens: tuple[Token, ...] | None = None
    grids: Mapping[int, tuple[float, float]] = field(default_factory=dict[int, tuple[float, float]])
    usage: Usage = Usage()
    seconds: float = 0.0
    model: str | None = None


class Policy(Protocol):
    """Something that answers. Implementations are safe to call concurrently."""

    @property
    def name(self) -> str:
        """Name for answers and reports."""
        ...

    @property
    def backend(self) -> str:
        """Where it runs: planner, transformers, vllm, openai, scripted."""
        ...

    @property
    def dialect(self) -> Dialect:
        """How it writes."""
        ...

    async def complete(self, request: Request) -> Completion:
        """Answer one request.

        Raises:
            GemvgError: QueryNotUnderstood (planner), BackendError, ContextOverflow.
        """
        ...

    async def aclose(self) -> None:
        """Give back connections and memory."""
        ...
