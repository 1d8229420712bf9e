"""Shared prefill writes what stock generation writes, for text and Qwen-VL models."""

import random

import pytest
import torch
from PIL import Image

from gemvg.training.rft.shared_prefill import PromptRow, Sampling, can_share, generate
from tests.tiny_models import tiny_model
from tests.training import toy


def stock(model, rows, sampling):
    """Greedy answers one by one through transformers' own generate."""
    answers = []
    for row in rows:
        given = {"input_ids": torch.tensor([row.ids])}
        if row.pixels is not None:
            given |= {"pixel_values": row.pixels, "image_grid_thw": row.grids,
                      "mm_token_type_ids": torch.tensor([row.types])}  # fmt: skip
        out = model.generate(
            **given, do_sample=False, max_new_tokens=sampling.max_tokens,
            suppress_tokens=list(sampling.suppressed) or None,
            eos_token_id=list(sampling.end_ids), pad_token_id=sampling.pad_id,
        )  # fmt: skip
        answers.append(out[0, len(row.ids) :].tolist())
    return answers


def test_a_text_model_writes_the_same():
    words, model = toy.tokenizer(), toy.model(3).eval()
    texts = [
        "at p1 T go",
        "at p1 D go",
        "at p1 A go",
        "sum p1 p2 T go",
        "sum p1 p2 D go",
        "at p0 T go",
    ]
    rows = [PromptRow(words(t)["input_ids"]) for t in texts for _ in range(2)]
    sampling = Sampling(12, (1,), 0, temperature=0.0)
    assert can_share(model)
    assert generate(model, rows, sampling) == stock(model, rows, sampling)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["qwen3-vl", "qwen2.5-vl", "qwen2-vl"])
def test_a_vision_model_writes_the_same_with_pictures_of_unequal_size(family):
    from transformers import AutoModelForImageTextToText, AutoProcessor

    folder = tiny_model(family)
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
    processor = AutoProcessor.from_pretrained(folder)
    rng = random.Random(1)
    rows = []
    for count in (2, 1):
        pictures = [
            Image.frombytes("RGB", (s, 64 + 16 * k), rng.randbytes(s * (64 + 16 * k) * 3))
            for k, s in enumerate((96, 130)[:count])
        ]
        for ending in ("Find dog", "Find dog and think", "Find dog"):
            content = [{"type": "image"} for _ in pictures] + [{"type": "text", "text": ending}]
            text = processor.apply_chat_template(
                [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
            )
            made = processor(text=[text], images=pictures, return_tensors="pt")
            ids = made["input_ids"][0].tolist()
            types = [int(i == processor.image_token_id) for i in ids]
            rows.append(PromptRow(ids, made["pixel_values"], made["image_grid_thw"], types))
    end = processor.tokenizer.eos_token_id
    bad = (processor.image_token_id,)
    sampling = Sampling(24, (end,), processor.tokenizer.pad_token_id, 0.0, bad)
    shared = generate(model, rows, sampling)
    assert shared == stock(model, rows, sampling)
    assert shared[0] == shared[2]


def test_pictures_are_read_once_for_a_group(monkeypatch):
    """The point of it: G prompts of one question cost one reading of their common part."""
    words, model = toy.tokenizer(), toy.model(0).eval()
    read = []
    inner = model.forward

    def counting(*args, **kwargs):
        read.append(int(kwargs["input_ids"].numel()))
        return inner(*args, **kwargs)

    monkeypatch.setattr(model, "forward", counting)
    prompts = [words(f"sum p1 p2 p3 p0 {mode} go")["input_ids"] for mode in "TTTDDDAA"]
    generate(model, [PromptRow(p) for p in prompts], Sampling(1, (1,), 0, 1.0))
    common = len(prompts[0]) - 2
    assert sum(read) == common + 3 * 2
