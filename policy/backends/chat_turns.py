"""A conversation as transformers' chat templates take it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..dialects.calling import TEXT_CALL
from ..dialects.safety import plain_words
from ..messages import Message, TextPart
from ..policy import ToolSpec


def template_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages for `apply_chat_template`: words as strings, pictures as place holders."""
    return [_turn(message) for message in messages]


def template_tools(specs: Sequence[ToolSpec]) -> list[dict[str, Any]] | None:
    """Tools for `apply_chat_template`, or None where there are none."""
    if not specs:
        return None
    return [
        {
            "type": "function",
            "function": {
                "name": spec.name,
                "description": spec.description,
                "parameters": dict(spec.parameters),
            },
        }
        for spec in specs
    ]


def _turn(message: Message) -> dict[str, Any]:
    if message.role == "assistant":
        # What a model wrote must not speak as the template when it is read back.
        turn: dict[str, Any] = {"role": "assistant", "content": plain_words(message.text)}
        own = [call for call in message.tool_calls if not call.id.startswith(TEXT_CALL)]
        if own:
            turn["tool_calls"] = [
                {
                    "type": "function",
                    "function": {"name": call.name, "arguments": dict(call.arguments)},
                }
                for call in own
            ]
        return turn
    if not message.views:
        return {"role": message.role, "content": message.text}
    content = [
        {"type": "text", "text": part.text} if isinstance(part, TextPart) else {"type": "image"}
        for part in message.parts
    ]
    return {"role": message.role, "content": content}
