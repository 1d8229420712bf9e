"""The closed tokenizer and the processor of nano: ordinary files that AutoProcessor loads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...policy.dialects.nano_tokens import (
    COORDINATES,
    IDS,
    IMAGES,
    NONE,
    UNKNOWN,
    coordinate,
    image_token,
)
from .size import NanoSize

SPECIAL = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>",
    "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>",
    "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip
"""The special tokens of the Qwen-VL tokenizers, in their order."""

UNKNOWN_WORD = "<unk>"
SPACE = "▁"
"""Stands for the space before a word, which belongs to the word's token."""

TAGS = (
    "<think>", "</think>", "<answer>", "</answer>", "<tool_call>", "</tool_call>",
    "<tool_response>", "</tool_response>", "<tools>", "</tools>", NONE, UNKNOWN,
)  # fmt: skip

_TOOL_NAMES = ("zoom", "detect", "match", "compare")
JSON_PIECES = (
    *(f'{{"name": "{name}", "arguments": {{' for name in _TOOL_NAMES),
    '"labels": ["', '"views": [', '"regions": [{', '"source": {', '"view": ', '"box": [',
    '"id": "', '"first": ', '"second": ', '"report": "', '"vocabulary": "', '"padding": ',
    '"min_score": ', '", "', '"], ', '"]}}', "}}", "}]}}", "]}]}}", '"}]}}', '"}, ', "]}, ", "}, ",
    "]}}", '"}}', "null",
)  # fmt: skip
"""What a tool call is made of beside words, numbers, coordinates and ids: one token each."""

MARKS = tuple('0123456789\n.,:;?!"()[]{}/&%+=*#_$@~`^\\<>|')

CHAT_TEMPLATE = """\
{%- if tools %}<|im_start|>system
<tools>{% for tool in tools %}{{ tool.function.name }} {% endfor %}<tool_call><|im_end|>
{% endif %}
{%- for message in messages %}
{{- '<|im_start|>' + ('user' if message.role == 'tool' else message.role) + '\\n' }}
{%- if message.role == 'tool' %}{{ '<tool_response>\\n' }}{% endif %}
{%- if message.content is string %}{{ message.content }}{% else %}
{%- for part in message.content %}
{%- if part.type in ('image', 'image_url') %}<|vision_start|><|image_pad|><|vision_end|>
{%- elif 'text' in part %}{{ part.text }}{% endif %}
{%- endfor %}{% endif %}
{%- for call in message.tool_calls or [] %}{{ '<tool_call>{"name": "' + call.function.name + \
'", "arguments": ' }}{{ call.function.arguments if call.function.arguments is string else \
call.function.arguments | tojson }}{{ '}</tool_call>' }}{% endfor %}
{%- if message.role == 'tool' %}{{ '\\n</tool_response>' }}{% endif %}{{ '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""
"""Qwen3-VL's turns, pictures, tool calls and tool responses; tools are named, not described."""


def own_tokens() -> tuple[str, ...]:
    """Every token beside special ones and words: tags, pictures, coordinates, ids, JSON, marks."""
    return tuple(
        dict.fromkeys(
            (
                *TAGS,
                *(image_token(k) for k in range(1, IMAGES + 1)),
                *(f"<b{k}>" for k in range(1, IDS + 1)),
                *(coordinate(value) for value in COORDINATES),
                *JSON_PIECES,
                *MARKS,
            )
        )
    )


def make_tokenizer(words: Sequence[str]) -> Any:
    """A fast tokenizer whose words are exactly these; every other word is `<unk>`.

    A word's token holds the space before it. Words are read without regard to case. Token texts put
    one after the other are the text, so streaming and token offsets work.
    """
    from tokenizers import (
        AddedToken,
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
    )
    from transformers import PreTrainedTokenizerFast

    vocabulary = [UNKNOWN_WORD, SPACE, *(SPACE + word for word in words)]
    core = Tokenizer(
        models.WordLevel({t: i for i, t in enumerate(vocabulary)}, unk_token=UNKNOWN_WORD)
    )
    core.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    core.pre_tokenizer = pre_tokenizers.Metaspace(SPACE, prepend_scheme="always")
    core.decoder = decoders.Sequence([decoders.Replace(SPACE, " "), decoders.Fuse()])
    core.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in SPECIAL])
    core.add_tokens([AddedToken(t, normalized=False) for t in own_tokens()])
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        unk_token=UNKNOWN_WORD,
        eos_token="<|im_end|>",  # noqa: S106
        pad_token="<|endoftext|>",  # noqa: S106
        additional_special_tokens=list(SPECIAL),
        clean_up_tokenization_spaces=False,
        padding_side="left",
        chat_template=CHAT_TEMPLATE,
    )


def make_processor(size: NanoSize, tokenizer: Any) -> Any:
    """The Qwen3-VL processor that shows every picture in as many cells as the size was made for.

    A picture that is not square keeps its shape and has three quarters of the cells or more. The
    processor returns `mm_token_type_ids`, which the model must be given: without them it refuses
    pictures, because it could not tell their positions.
    """
    from transformers import Qwen2VLImageProcessor, Qwen3VLProcessor, Qwen3VLVideoProcessor

    area = size.side * size.side
    bounds = {"shortest_edge": area * 3 // 4, "longest_edge": area}
    shared: dict[str, Any] = {"patch_size": size.patch, "merge_size": size.merge}
    half = [0.5, 0.5, 0.5]
    picture = Qwen2VLImageProcessor(size=bounds, image_mean=half, image_std=half, **shared)
    video = Qwen3VLVideoProcessor(size=bounds, **shared)
    return Qwen3VLProcessor(picture, tokenizer, video, chat_template=CHAT_TEMPLATE)
