"""Tiny Qwen-VL models built from their configs: real classes, real processors, no downloads.

`tiny_model(family)` gives a folder that AutoModelForImageTextToText and AutoProcessor load, and
that vLLM serves. It is built once (some 20 s of one core) into the git-ignored `.cache/tiny_models`
and found there afterwards; the folder's name carries a hash of this file, so an edit makes anew.

The weights are not random: `_teach` fits them for a moment to the *form* of the family's answers
(boxes as JSON; a tool call where the question says "zoom"), so that greedy text can be parsed and
compared between backends. What they answer is nonsense.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

Family = Literal["qwen2-vl", "qwen2.5-vl", "qwen3-vl"]
FAMILIES: tuple[Family, ...] = ("qwen2-vl", "qwen2.5-vl", "qwen3-vl")

SPECIAL = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>",
    "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>",
    "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip
"""The special tokens of the Qwen-VL tokenizers, in their order."""

TAGS = ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>")
"""Tokens of their own that are kept in decoded text."""

CHAT_TEMPLATE = """\
{%- if tools %}<|im_start|>system
{% if messages[0].role == 'system' %}{{ messages[0].content if messages[0].content is string else \
messages[0].content[0].text }}

{% endif %}# Tools
<tools>{% for tool in tools %}
{{ tool | tojson }}{% endfor %}
</tools>
Call: <tool_call>
{"name": <name>, "arguments": <arguments>}
</tool_call><|im_end|>
{% endif %}
{%- for message in messages %}
{%- if not (tools and loop.first and message.role == 'system') %}
{{- '<|im_start|>' + ('user' if message.role == 'tool' else message.role) + '\\n' }}
{%- if message.role == 'tool' %}{{ '<tool_response>\\n' }}{% endif %}
{%- if message.content is string %}{{ message.content }}{% else %}
{%- for part in message.content %}
{%- if part.type in ('image', 'image_url') %}<|vision_start|><|image_pad|><|vision_end|>
{%- elif 'text' in part %}{{ part.text }}{% endif %}
{%- endfor %}{% endif %}
{%- for call in message.tool_calls or [] %}{{ '\\n<tool_call>\\n{"name": "' + call.function.name + \
'", "arguments": ' }}{{ call.function.arguments if call.function.arguments is string else \
call.function.arguments | tojson }}{{ '}\\n</tool_call>' }}{% endfor %}
{%- if message.role == 'tool' %}{{ '\\n</tool_response>' }}{% endif %}{{ '<|im_end|>\\n' }}
{%- endif %}{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""

_CORPUS = [
    '[{"bbox_2d": [120, 340, 560, 780], "label": "dog"}]',
    '```json\n[\n\t{"bbox_2d": [12, 34, 56, 78], "label": "cat"}\n]\n```',
    '{"name": "image_zoom_in_tool", "arguments": {"bbox_2d": [1, 2, 3, 4], "label": "x"}}',
    "Image 1: Image 2: Find the dog in the picture and zoom. system user assistant answer box",
]

CACHE = Path(__file__).parents[1] / ".cache" / "tiny_models"


def tiny_model(family: Family) -> Path:
    """The folder of a family's tiny model, built at the first call."""
    stamp = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    folder = CACHE / f"{family}-{stamp}"
    if folder.is_dir():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=CACHE))
    try:
        build(family, made)
        os.chmod(made, 0o755)
        made.rename(folder)
    except OSError:
        # Another worker was faster: its folder is the same.
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return folder


def tokenizer() -> Any:
    """A byte-level BPE tokenizer with the families' special tokens; single digits, as theirs."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\d|\s+|[^\s\d\w]+|[^\s\d]+"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    core.train_from_iterator(_CORPUS * 4, trainer)
    made = PreTrainedTokenizerFast(
        tokenizer_object=core, eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    made.add_special_tokens({"additional_special_tokens": list(SPECIAL)})
    made.add_tokens(list(TAGS))
    made.padding_side = "left"
    made.chat_template = CHAT_TEMPLATE
    return made


def processor(family: Family) -> Any:
    """The family's own processor over `tokenizer()`; at most 128 x 128 px a picture or so."""
    import transformers as t

    tok = tokenizer()
    old = family != "qwen3-vl"
    factor = 28 if old else 32
    size = {"shortest_edge": 4 * factor * factor, "longest_edge": 64 * factor * factor}
    mean = [0.48145466, 0.4578275, 0.40821073] if old else [0.5] * 3
    std = [0.26862954, 0.26130258, 0.27577711] if old else [0.5] * 3
    picture = t.Qwen2VLImageProcessor(
        size=size, patch_size=factor // 2, image_mean=mean, image_std=std
    )
    if family == "qwen2-vl":
        video = t.Qwen2VLVideoProcessor(size=size, patch_size=14)
        return t.Qwen2VLProcessor(picture, tok, video, chat_template=CHAT_TEMPLATE)
    if family == "qwen2.5-vl":
        video = t.Qwen2VLVideoProcessor(size=size, patch_size=14)
        return t.Qwen2_5_VLProcessor(picture, tok, video, chat_template=CHAT_TEMPLATE)
    video = t.Qwen3VLVideoProcessor(size=size, patch_size=16)
    return t.Qwen3VLProcessor(picture, tok, video, chat_template=CHAT_TEMPLATE)


def config(family: Family, tok: Any) -> Any:
    """The family's config at about a million parameters."""
    import transformers as t

    ids = tok.convert_tokens_to_ids
    text: dict[str, Any] = {
        "vocab_size": len(tok), "hidden_size": 128, "intermediate_size": 256,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 8192, "eos_token_id": tok.eos_token_id,
        "bos_token_id": None, "pad_token_id": tok.pad_token_id,
        "rope_parameters": {
            "rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 6, 6],
        },
    }  # fmt: skip
    vision: dict[str, Any] = {"depth": 2, "num_heads": 2, "in_channels": 3}
    shared = {
        "image_token_id": ids("<|image_pad|>"),
        "video_token_id": ids("<|video_pad|>"),
        "vision_start_token_id": ids("<|vision_start|>"),
        "vision_end_token_id": ids("<|vision_end|>"),
        "tie_word_embeddings": True,
    }
    if family == "qwen2-vl":
        vision |= {"embed_dim": 64, "hidden_size": 128, "mlp_ratio": 2, "patch_size": 14}
        return t.Qwen2VLConfig(text_config=text, vision_config=vision, **shared)
    vision |= {"hidden_size": 64, "out_hidden_size": 128, "intermediate_size": 128}
    if family == "qwen2.5-vl":
        vision |= {"patch_size": 14, "window_size": 112, "fullatt_block_indexes": [1]}
        return t.Qwen2_5_VLConfig(text_config=text, vision_config=vision, **shared)
    vision |= {"patch_size": 16, "deepstack_visual_indexes": [0], "num_position_embeddings": 256}
    text["head_dim"] = 32
    text["rope_parameters"]["mrope_interleaved"] = True
    return t.Qwen3VLConfig(text_config=text, vision_config=vision, **shared)


def build(family: Family, folder: Path, *, seed: int = 0, steps: int = 560) -> None:
    """Build, teach and save one tiny model with its processor."""
    import torch
    import transformers as t

    classes: dict[str, Callable[[Any], Any]] = {
        "qwen2-vl": t.Qwen2VLForConditionalGeneration,
        "qwen2.5-vl": t.Qwen2_5_VLForConditionalGeneration,
        "qwen3-vl": t.Qwen3VLForConditionalGeneration,
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = processor(family)
        model = classes[family](config(family, made.tokenizer)).float()
        _teach(model, made, random.Random(seed), steps)
    model.generation_config.eos_token_id = made.tokenizer.eos_token_id
    model.generation_config.pad_token_id = made.tokenizer.pad_token_id
    model.save_pretrained(folder)
    made.save_pretrained(folder)


def _teach(model: Any, made: Any, rng: random.Random, steps: int) -> None:
    """A few seconds of supervised steps on noise pictures: the form of answers, nothing more."""
    import torch

    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, steps + 1, pct_start=0.1)
    model.train()
    for step in range(steps):
        # Words alone are three times as fast, and most of the form is learned from them.
        rows = [_lesson(rng, pictures=step > 0.75 * steps) for _ in range(4)]
        texts = [
            made.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True, tools=tools
            )
            for messages, _, tools, _ in rows
        ]
        full = [
            text + answer + "<|im_end|>"
            for text, (_, answer, _, _) in zip(texts, rows, strict=True)
        ]
        pictures = [picture for row in rows for picture in row[3]]
        batch = made(text=full, images=pictures or None, padding=True, return_tensors="pt")
        labels = torch.full_like(batch["input_ids"], -100)
        for row, (_, answer, _, _) in enumerate(rows):
            taught = len(made.tokenizer(answer + "<|im_end|>")["input_ids"])
            labels[row, -taught:] = batch["input_ids"][row, -taught:]
        loss = model(**batch, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    model.eval()


def _lesson(
    rng: random.Random, *, pictures: bool
) -> tuple[list[Any], str, list[Any] | None, list[Any]]:
    """Messages, answer, tools and pictures of one made-up question."""
    from PIL import Image

    count = rng.randint(1, 2) if pictures else 0
    noise = [Image.frombytes("RGB", (64, 64), rng.randbytes(64 * 64 * 3)) for _ in range(count)]
    zoom = rng.random() < 0.4
    word = rng.choice(["dog", "cat", "box", "picture", "answer", "user"])
    content: list[Any] = []
    for k in range(1, count + 1):
        content += [{"type": "text", "text": f"Image {k}: "}, {"type": "image"}]
    filler = " ".join(rng.choices(["find", "the", "in", "and", "where", "is", "it", "every"], k=3))
    content.append({"type": "text", "text": f"{'zoom' if zoom else 'Find'} {word} {filler}"})
    messages: list[Any] = [{"role": "user", "content": content}]
    if rng.random() < 0.5:
        messages.insert(0, {"role": "system", "content": filler})
    boxes = [_box(rng) for _ in range(1 + (rng.random() < 0.25))]
    if zoom:
        arguments = {"bbox_2d": boxes[0], "label": word, "img_idx": rng.randrange(2)}
        call = json.dumps({"name": "image_zoom_in_tool", "arguments": arguments})
        tools = [{"type": "function", "function": {"name": "image_zoom_in_tool"}}]
        return messages, f"<tool_call>\n{call}\n</tool_call>", tools, noise
    answer = json.dumps([{"bbox_2d": box, "label": word} for box in boxes])
    return messages, answer, None, noise


def _box(rng: random.Random) -> list[int]:
    """A box of two-digit numbers with ordered corners: easily learned, always valid."""
    low, high = rng.choices(range(10, 50), k=2), rng.choices(range(50, 100), k=2)
    return [*low, *high]
