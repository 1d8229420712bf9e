"""A toy task on which thinking is needed for half of the questions, and a model small enough to
learn it in seconds.

Every question asks for one of four boxes. An easy one names it ("at p2"); a hard one gives four
numbers whose sum modulo 4 is its number: a model of two layers can't add them at once, but
can write down the running sum (s0 to s3). `warm_start` teaches the answer's form, both modes, and
nothing about when to use which: after an `auto` prompt it thinks half of the time.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from gemvg.policy.dialect import ReadContext
from gemvg.policy.dialects.family import Prompts
from gemvg.policy.dialects.gemvg import GemvgDialect
from gemvg.training.chat import MODES, sizes_book

TERMS = 4
PLACES = 4
SIZES = [[1000, 1000], [1000, 1000]]
DIALECT = GemvgDialect(prompts=Prompts(system="", think="T", direct="D", auto="A"))
CORNERS = [
    (1, 0, 0, 200, 200),
    (1, 600, 600, 900, 900),
    (2, 0, 500, 300, 900),
    (2, 700, 0, 900, 300),
]
BOXES = [
    f'[{{"image": {i}, "bbox_2d": [{a}, {b}, {c}, {d}], "label": "p"}}]'
    for i, a, b, c, d in CORNERS
]
TAGS = ["<think>", "</think>", "<answer>", "</answer>"]
WORDS = [
    "<pad>",
    "<eos>",
    "at",
    "sum",
    "T",
    "D",
    "A",
    "go",
    *[f"{kind}{k}" for kind in "ps" for k in range(PLACES)],
]
TEMPLATE = (
    "{% for m in messages %}{% if m.role != 'assistant' %}{% if m.content is string %}"
    "{{ m.content + ' ' }}{% else %}{% for p in m.content %}{{ p.text + ' ' }}{% endfor %}"
    "{% endif %}{% else %}{{ m.content if m.content is string else m.content[0].text }}"
    "{{ ' <eos>' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ 'go ' }}{% endif %}"
)


def tokenizer() -> Any:
    """A closed word-level tokenizer in which each tag and each box is one token."""
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="<pad>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    inner.add_tokens([AddedToken(t, normalized=False) for t in [*TAGS, *BOXES]])
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", eos_token="<eos>", chat_template=TEMPLATE,
        clean_up_tokenization_spaces=False, padding_side="left",
    )  # fmt: skip


def model(seed: int) -> Any:
    """A Qwen3 language model of two layers, 0.1 M parameters."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=len(WORDS) + len(TAGS) + len(BOXES), hidden_size=64, intermediate_size=128,
        num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2, head_dim=32,
        max_position_embeddings=64, tie_word_embeddings=True, pad_token_id=0, eos_token_id=1,
        bos_token_id=None,
    )  # fmt: skip
    return Qwen3ForCausalLM(config)


def question(rng: random.Random, hard: bool) -> tuple[str, int, list[str]]:
    """(question, number of the place, what a thinking policy writes)."""
    if not hard:
        place = rng.randrange(PLACES)
        return f"at p{place}", place, [f"s{place}"]
    terms = [rng.randrange(PLACES) for _ in range(TERMS)]
    sums = [sum(terms[: k + 1]) % PLACES for k in range(TERMS)]
    return "sum " + " ".join(f"p{t}" for t in terms), sums[-1], [f"s{s}" for s in sums]


def answer_text(place: int, thought: list[str] | None) -> str:
    """A completion in either mode."""
    head = f"<think> {' '.join(thought)} </think> " if thought is not None else ""
    return f"{head}<answer> {BOXES[place]} </answer>"


def rows(count: int, seed: int) -> list[dict[str, Any]]:
    """Training rows, easy and hard in turn."""
    rng = random.Random(seed)
    made: list[dict[str, Any]] = []
    for index in range(count):
        hard = bool(index % 2)
        text, place, _ = question(rng, hard)
        prompts = {
            f"prompt_{mode}": [{"role": "user", "content": f"{text} {mode[0].upper()}"}]
            for mode in MODES
        }
        made.append(
            {
                "prompt": prompts["prompt_auto"], **prompts, "sizes": SIZES,
                "truth": [list(map(float, CORNERS[place]))], "truth_labels": ["p"],
                "question": text, "sample_id": f"{'hard' if hard else 'easy'}-{index}",
            }
        )  # fmt: skip
    return made


def context() -> ReadContext:
    """In which answers are read: two pictures of 1000 x 1000 pixels."""
    return ReadContext(sizes_book(SIZES))


def warm_start(folder: Path, seed: int = 0, steps: int = 300) -> Path:
    """Teach the form; returns the folder of the model and its tokenizer.

    Adding takes longest to learn, so most lessons are hard questions with a think part.
    """
    import torch

    words, net, rng = tokenizer(), model(seed), random.Random(seed)
    rate = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.0)
    for step in range(steps):
        for group in rate.param_groups:
            group["lr"] = 3e-3 * min(1.0, (step + 1) / 20, (steps - step) / steps * 1.5)
        batch, prefix = [], []
        for _ in range(64):
            hard, mode = rng.random() < 0.75, rng.choice(("think", "think", "direct", "auto"))
            text, place, thought = question(rng, hard)
            thinks = mode == "think" or (mode == "auto" and rng.random() < 0.5)
            if hard and not thinks:
                place = rng.randrange(PLACES)  # at once is a guess
            prompt = words(f"{text} {mode[0].upper()} go")["input_ids"]
            reply = words(answer_text(place, thought if thinks else None) + " <eos>")["input_ids"]
            batch.append(prompt + reply)
            prefix.append(len(prompt))
        width = max(map(len, batch))
        ids = torch.zeros(len(batch), width, dtype=torch.long)
        labels = torch.full_like(ids, -100)
        mask = torch.zeros_like(ids)
        for i, (row, start) in enumerate(zip(batch, prefix, strict=True)):
            pad = width - len(row)
            ids[i, pad:], mask[i, pad:] = torch.tensor(row), 1
            labels[i, pad + start :] = torch.tensor(row[start:])
        loss = net(input_ids=ids, attention_mask=mask, labels=labels).loss
        rate.zero_grad()
        loss.backward()
        rate.step()
    net.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder
