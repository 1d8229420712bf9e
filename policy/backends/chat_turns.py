"""A conversation as transformers' chat templates take it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..dialects.calling import TEXT_CALL
from ..dialects.safety import plain_words
from ..messages import Message, TextPart
from ..policy import Request, ToolSpec


def prompt_text(processor: Any, request: Request, *, with_tools: bool) -> str:
    """A request in a processor's chat template, the answer's given beginning included.

    Args:
        processor: from AutoProcessor.
        request: names the views; each becomes one place holder.
        with_tools: False where the prompt's own words describe the tools.
    """
    text: str = processor.apply_chat_template(
        template_messages(request.messages),
        tokenize=False,
        add_generation_prompt=True,
        tools=template_tools(request.tools) if with_tools else None,
    )
    return text + (request.prefill or "")


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
