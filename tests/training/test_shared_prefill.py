"""Shared prefill writes what stock generation writes, for text and Qwen-VL models."""

import random

import pytest
import torch
from PIL import Image

from gemvg.training.rft import shared_loss, shared_writing
from gemvg.training.rft.shared_loss import read_rows, shared_log_probs
from gemvg.training.rft.shared_prefill import PromptRow, can_share
from gemvg.training.rft.shared_writing import Sampling, generate
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


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_who_has_left_changes_nothing_for_the_others(monkeypatch, temperature):
    words, model = toy.tokenizer(), toy.model(3).eval()
    rows = [
        PromptRow(words(f"at p{n % 4} {mode} go")["input_ids"]) for n in range(8) for mode in "TD"
    ]
    sampling = Sampling(40, (1, 5), 0, temperature)
    said = []
    for leaving in (1, 16):
        monkeypatch.setattr(shared_writing, "LEAVING", leaving)
        torch.manual_seed(7)
        said.append(generate(model, rows, sampling))
    assert said[0] == said[1]
    if temperature:
        lengths = {len(one) for one in said[0]}
        assert len(lengths) > 3, "they ended together, so nobody left before the others"


def test_tokens_are_sampled_as_often_as_they_are_likely():
    logits = torch.log(torch.tensor([0.5, 0.0, 0.3, 0.2])).repeat(20_000, 1)
    torch.manual_seed(1)
    sampling = Sampling(1, (1,), 0, 1.0, suppressed=(3,))
    token = shared_writing._choose(logits, sampling, torch.arange(20_000), 20_000)
    shares = torch.bincount(token, minlength=4) / 20_000
    torch.testing.assert_close(shares, torch.tensor([0.625, 0, 0.375, 0]), atol=0.015, rtol=0)
    assert shares[1] == 0
    assert shares[3] == 0


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


def stock_log_probs(model, row, said):
    """One completion's log-probabilities through the model's own forward."""
    ids = torch.tensor([row.ids + said])
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if row.pixels is not None:
        given |= {"pixel_values": row.pixels, "image_grid_thw": row.grids,
                  "mm_token_type_ids": torch.tensor([row.types + [0] * len(said)])}  # fmt: skip
    logs = torch.log_softmax(model(**given).logits[0].float(), dim=-1)
    places = torch.arange(len(row.ids) - 1, ids.shape[1] - 1)
    return logs[places, torch.tensor(said, dtype=torch.long)]


def assert_same_loss(model, rows, said):
    """Log-probabilities and gradients of all rows, stock and shared."""
    both = list(zip(rows, said, strict=True))
    random.Random(5).shuffle(both)
    rows, said = map(list, zip(*both, strict=True))
    width = max(map(len, said)) + 1
    wanted = [stock_log_probs(model, row, own) for row, own in zip(rows, said, strict=True)]
    torch.cat(wanted).square().sum().backward()
    gradients = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    found = shared_log_probs(model, rows, said, width)
    for index, own in enumerate(wanted):
        torch.testing.assert_close(found.log_probs[index, : len(own)], own, atol=2e-4, rtol=1e-4)
        assert not found.log_probs[index, len(own) :].any()
        assert (found.entropies[index, : len(own)] > 0).all()
    found.log_probs.square().sum().backward()
    for name, parameter in model.named_parameters():
        if name in gradients:
            scale = float(gradients[name].abs().max()) + 1e-3
            torch.testing.assert_close(
                parameter.grad / scale, gradients[name] / scale, atol=2e-3, rtol=0
            )
    model.zero_grad()


@pytest.mark.parametrize("part", [1, 60, 4096])
def test_a_text_models_loss_is_the_same(monkeypatch, part):
    monkeypatch.setattr(shared_loss, "PART", part)
    words, model = toy.tokenizer(), toy.model(3)
    texts = ["at p1 T go", "at p1 D go", "sum p1 p2 T go", "sum p1 p2 T go", "at p0 T go"]
    rows = [PromptRow(words(text)["input_ids"]) for text in texts]
    rng = random.Random(2)
    said = [[rng.randrange(3, 9) for _ in range(rng.randint(1, 6))] for _ in rows]
    assert_same_loss(model, rows, said)


@pytest.mark.parametrize("part", [1, 4096])
def test_nanos_loss_is_the_same_over_pictures(monkeypatch, part):
    from transformers import AutoModelForImageTextToText, AutoProcessor

    from gemvg.policy.presets import get_preset

    monkeypatch.setattr(shared_loss, "PART", part)
    folder = str(get_preset("nano").folder)
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
    processor = AutoProcessor.from_pretrained(folder)
    rng = random.Random(1)
    rows = []
    for count in (2, 1):
        pictures = [
            Image.frombytes("RGB", (112, 112), rng.randbytes(112 * 112 * 3)) for _ in range(count)
        ]
        for mode in ("think", "answer", "answer", "find"):
            marks = "<|vision_start|><|image_pad|><|vision_end|>" * count
            made = processor(text=[f"{marks}find the owl {mode}"], images=pictures,
                             return_tensors="pt")  # fmt: skip
            types = made["mm_token_type_ids"][0].tolist()
            ids = made["input_ids"][0].tolist()
            rows.append(PromptRow(ids, made["pixel_values"], made["image_grid_thw"], types))
    said = [[rng.randrange(200, 900) for _ in range(rng.randint(1, 9))] for _ in rows]
    assert_same_loss(model, rows, said)


def test_what_is_read_together_is_alike_in_length():
    lengths = [700, 30, 30, 2000, 1990, 5000, 40]
    parts = shared_loss._parts(lengths)
    assert sorted(number for part in parts for number in part) == list(range(len(lengths)))
    for part in parts:
        padded = len(part) * max(lengths[number] for number in part)
        assert padded <= shared_loss.PART or len(part) == 1
    assert [5] in parts
    assert shared_loss._parts([]) == []


def test_rows_of_a_padded_batch_are_read():
    ids = torch.tensor([[0, 5, 6, 7, 8, 0], [4, 5, 6, 9, 0, 0]])
    mask = torch.tensor([[0, 1, 1, 1, 1, 0], [1, 1, 1, 1, 0, 0]])
    rows, said = read_rows(ids, mask, 3, {}, 99)
    assert [row.ids for row in rows] == [[5, 6], [4, 5, 6]]
    assert said == [[7, 8], [9]]
    assert read_rows(ids, mask, 3, {}, 8) is None
    pixels, grids = torch.arange(10.0)[:, None], torch.tensor([[1, 2, 2], [1, 1, 2], [1, 2, 2]])
    given = {"pixel_values": pixels, "image_grid_thw": grids, "num_images": [2, 1]}
    rows, _ = read_rows(ids, mask, 3, given, 6)
    assert [row.pixels.flatten().tolist() for row in rows] == [[*range(6)], [*range(6, 10)]]
    assert rows[0].types == [0, 1]
