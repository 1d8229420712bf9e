"""A request as the JSON body of `POST /v1/chat/completions`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..dialects.calling import TEXT_CALL
from ..dialects.safety import plain_words
from ..messages import Message, TextPart, ToolCall
from ..policy import Request, ToolSpec


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a server can do beyond the common core; learned from its name and its refusals.

    Attributes:
        prefill: continues a text that the answer begins with (vLLM, SGLang).
        special_tokens: can keep special tokens in the text (vLLM, SGLang): boxes of Qwen2-VL and
            its finetunes stand between such.
        tool_choice: `auto` where it recognises tool calls itself; `none` where it can only tell
            the model of the tools, whose calls then come as text.
        logprobs: gives token log-probabilities.
        temperature: can be told one; OpenAI's reasoning models sample at their own.
        length_key: under what name it is told how long the answer may be.
    """

    prefill: bool = True
    special_tokens: bool = True
    tool_choice: Literal["auto", "none"] = "auto"
    logprobs: bool = True
    temperature: bool = True
    length_key: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"


def chat_payload(
    request: Request,
    model: str,
    uris: Mapping[int, str],
    abilities: Abilities,
    *,
    send_tools: bool,
) -> dict[str, Any]:
    """The body of one call.

    Args:
        request: what is asked.
        model: its name on the server.
        uris: a data URI for each view that the messages show.
        abilities: of the server.
        send_tools: False where the prompt itself describes the tools.
    """
    messages = [_message(message, uris) for message in request.messages]
    body: dict[str, Any] = {
        "model": model,
        "messages": messages,
        abilities.length_key: request.max_tokens,
    }
    if abilities.temperature:
        body["temperature"] = request.temperature
    if request.prefill and abilities.prefill:
        messages.append({"role": "assistant", "content": request.prefill})
        body |= {"add_generation_prompt": False, "continue_final_message": True}
    if abilities.special_tokens:
        body["skip_special_tokens"] = False
    if request.seed is not None:
        body["seed"] = request.seed
    if request.stop:
        body["stop"] = list(request.stop)
    if request.logprobs and abilities.logprobs:
        body["logprobs"] = True
    if request.tools and send_tools:
        body["tools"] = [_tool(spec) for spec in request.tools]
        body["tool_choice"] = abilities.tool_choice
    if request.response_schema is not None:
        schema = {"name": "answer", "schema": dict(request.response_schema), "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    if request.on_text is not None:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body


def _tool(spec: ToolSpec) -> dict[str, Any]:
    function = {
        "name": spec.name,
        "description": spec.description,
        "parameters": dict(spec.parameters),
    }
    return {"type": "function", "function": function}


def _message(message: Message, uris: Mapping[int, str]) -> dict[str, Any]:
    if message.role == "assistant":
        # What a model wrote must not speak as the chat template when it is read back.
        said: dict[str, Any] = {"role": "assistant", "content": plain_words(message.text)}
        own = [call for call in message.tool_calls if not call.id.startswith(TEXT_CALL)]
        if own:
            said["tool_calls"] = [_call(call) for call in own]
        return said
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.call_id or "", "content": message.text}
    if not message.views:
        return {"role": message.role, "content": message.text}
    parts: list[dict[str, Any]] = []
    for part in message.parts:
        if isinstance(part, TextPart):
            parts.append({"type": "text", "text": part.text})
        else:
            parts.append({"type": "image_url", "image_url": {"url": uris[part.view]}})
    return {"role": message.role, "content": parts}


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": json.dumps(dict(call.arguments))}
    return {"id": call.id, "type": "function", "function": function}
