"""Replies of a chat-completions server, whole or streamed, as one completion."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..messages import ToolCall
from ..policy import FinishReason, Token
from .repetition import CUT

_END_TOKEN = re.compile(r"<\|\w{1,40}\|>|</s>|<eos>|<end_of_turn>")

_BROKEN_OFF = CUT | {"max_tokens", "content_filter", "abort", "error"}
"""Reasons of other servers' to end an answer before it was whole, too."""

MAX_TEXT = 4_000_000
"""Characters of a reply that are kept; a server can't fill the memory."""


_LOWEST, _HIGHEST = -1e9, 1e9
_MOST_TOKENS = 10**12
"""What is beyond, any number in JSON may be, says nothing."""


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class Reply:
    """What a server said, put together from one body or from many chunks; total on any JSON.

    Attributes:
        on_text: called with each new piece of text.
        begun: the answer's beginning was given, so a thought needs no tag that opens it.
        finished: whether a choice said why it ended; a stream without it was cut.
    """

    on_text: Callable[[str], None] | None = None
    begun: bool = False
    model: str | None = None
    content: list[str] = field(default_factory=list[str])
    reasoning: list[str] = field(default_factory=list[str])
    tokens: list[Token] = field(default_factory=list[Token])
    calls: dict[int, _Call] = field(default_factory=dict[int, _Call])
    finish: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    _length: int = 0
    _unscored: bool = False

    @property
    def finished(self) -> bool:
        """Whether the server said why it ended."""
        return self.finish is not None

    def add(self, body: Any) -> None:
        """Take in a whole body or one chunk."""
        if not isinstance(body, Mapping):
            return
        model = body.get("model")
        if isinstance(model, str) and model:
            self.model = model
        self._usage(body.get("usage"))
        choices = body.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, Mapping):
            return
        said = choice.get("delta") or choice.get("message")
        if isinstance(said, Mapping):
            self._say(said)
        self._logprobs(choice.get("logprobs"))
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason:
            self.finish = "length" if reason in _BROKEN_OFF else reason

    def _usage(self, usage: Any) -> None:
        if isinstance(usage, Mapping):
            self.prompt_tokens = _count(usage.get("prompt_tokens"), self.prompt_tokens)
            self.completion_tokens = _count(usage.get("completion_tokens"), self.completion_tokens)

    def _say(self, said: Mapping[str, Any]) -> None:
        thought = said.get("reasoning_content") or said.get("reasoning")
        if isinstance(thought, str) and thought:
            opens = not (self.reasoning or self.begun)
            self._piece(self.reasoning, "<think>" + thought if opens else thought)
        content = said.get("content")
        if isinstance(content, str) and content:
            closes = self.reasoning and not self.content
            self._piece(self.content, "</think>" + content if closes else content)
        calls = said.get("tool_calls")
        for place, call in enumerate(calls if isinstance(calls, list) else ()):
            if isinstance(call, Mapping):
                self._call(call, place)

    def _piece(self, where: list[str], text: str) -> None:
        if self._length + len(text) > MAX_TEXT:
            return
        self._length += len(text)
        where.append(text)
        if self.on_text is not None:
            self.on_text(text)

    def _call(self, call: Mapping[str, Any], place: int) -> None:
        index = call.get("index")
        kept = self.calls.setdefault(index if isinstance(index, int) else place, _Call())
        function = call.get("function")
        if isinstance(call.get("id"), str):
            kept.id = call["id"][:120] or kept.id
        if isinstance(function, Mapping):
            kept.name = (kept.name + str(function.get("name") or ""))[:200]
            written = function.get("arguments") or ""
            piece = written if isinstance(written, str) else json.dumps(written)
            kept.arguments = (kept.arguments + piece)[:MAX_TEXT]

    def _logprobs(self, given: Any) -> None:
        content = given.get("content") if isinstance(given, Mapping) else None
        for item in content if isinstance(content, list) else ():
            if not isinstance(item, Mapping):
                continue
            text, logprob = item.get("token"), item.get("logprob")
            if isinstance(text, str) and isinstance(logprob, (int, float)) and logprob <= _HIGHEST:
                self.tokens.append(Token(text, float(min(0.0, max(logprob, _LOWEST)))))
            else:
                # Without it the rest would be another text; not a number is no certainty.
                self._unscored = True

    def text(self) -> str:
        """The whole text; what a server took apart as reasoning stands in think tags again."""
        thought = "".join(self.reasoning)
        if thought and not self.content:
            thought += "" if self.finish == "length" else "</think>"
        return thought + "".join(self.content)

    def scored_tokens(self) -> tuple[Token, ...] | None:
        """The tokens of the text; the one that ended it is no part of it. None where not given."""
        if self._unscored:
            return None
        tokens = self.tokens
        if tokens and _END_TOKEN.fullmatch(tokens[-1].text) and self.finish != "length":
            text = "".join(self.content)
            tokens = tokens if text.endswith(tokens[-1].text) else tokens[:-1]
        return tuple(tokens) or None

    def tool_calls(self, turn: int) -> tuple[ToolCall, ...]:
        """The calls that the server recognised; damaged arguments become the call's error."""
        made: list[ToolCall] = []
        for place, (_, call) in enumerate(sorted(self.calls.items()), 1):
            name = call.id or f"call-{turn}-{place}"
            arguments, error = _arguments(call)
            made.append(ToolCall(name, call.name, arguments, error))
        return tuple(made)

    def reason(self) -> FinishReason:
        """The finish reason in our words."""
        if self.finish == "length":
            return "length"
        return "tool_calls" if self.calls else "stop"


def _arguments(call: _Call) -> tuple[dict[str, Any], str | None]:
    try:
        arguments = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        arguments = None
    if isinstance(arguments, dict):
        return arguments, None
    return {}, f"{call.name or 'the call'}: the arguments are not a JSON object."


def _count(value: Any, otherwise: int) -> int:
    usable = isinstance(value, (int, float)) and 0 <= value <= _MOST_TOKENS
    return int(value) if usable else otherwise


def event_data(line: str) -> Any:
    """The JSON of one line of a server-sent event stream; None for anything else."""
    if not line.startswith("data:"):
        return None
    data = line[5:].strip()
    if data == "[DONE]":
        return None
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
