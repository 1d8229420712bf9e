"""Making a processor's chat template fit for tool episodes, or saying why it is not."""

from __future__ import annotations

from typing import Any

from ...tools.errors import TrainingError

JSON_CALLS: dict[str, Any] = {
    "defaults": {"role": "assistant"},
    "start_anchor": "<|im_start|>assistant\n",
    "fields": {
        "tool_calls": {
            "open": "<tool_call>",
            "close_pattern": r"</tool_call>\s*",
            "repeats": True,
            "content": "json",
            "transform": {"type": "function", "function": "{content}"},
        },
        "content": {"close_pattern": r"<\|im_end\|>\s*", "content": "text"},
    },
}
"""How transformers reads calls out of ChatML turns (its `response_template`): JSON between
`<tool_call>` tags, the form of Qwen2.5 and Qwen3. The think part stays in the text: the dialect
reads it."""


def prepare_tool_calls(processor: Any) -> None:
    """Teach the tokenizer to find tool calls in its own turns.

    Raises:
        TrainingError: the chat template writes no tool turns, or calls in a form that is not read.
    """
    from trl.chat_template_utils import supports_tool_calling

    if not supports_tool_calling(processor):
        raise TrainingError(
            "the model's chat template knows no tool calls (Qwen2-VL's and Qwen2.5-VL's do not).",
            "Train without rft.tools, or start from a Qwen3-VL model.",
        )
    template = str(processor.chat_template)
    if "<tool_call>" not in template or "<|im_end|>" not in template or "<function=" in template:
        raise TrainingError(
            "the model's chat template writes tool calls in a form that is not read here.",
            "It must be JSON between <tool_call> tags, as Qwen3-VL's.",
        )
    tokenizer = getattr(processor, "tokenizer", processor)
    tokenizer.response_template = JSON_CALLS
