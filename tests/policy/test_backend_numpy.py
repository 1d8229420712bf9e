"""Small Qwen3-VL folders in NumPy against the same folders in transformers."""

import asyncio
import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from gemvg.policy.backends.numpy_local import NumpyPolicy
from gemvg.policy.backends.small.template import Template, Words
from gemvg.policy.backends.small.weights import WEIGHTS, is_small, read_tensors
from gemvg.policy.backends.transformers_local import TransformersPolicy, load_model
from gemvg.policy.dialects import get_dialect
from gemvg.policy.presets import get_preset
from gemvg.policy.registry import load_policy
from gemvg.tools.errors import ContextOverflow, PolicyError, WeightsError
from gemvg.tools.views import ViewBook
from tests.policy.test_backend_transformers import pictures, request
from tests.tiny_models import tiny_model
from tests.vllm.test_nano_parity import asked

NANO = get_preset("nano").folder


def answers(policy, requests):
    async def all_of_them():
        return [await policy.complete(one) for one in requests]

    return asyncio.run(all_of_them())


def same(ours, theirs, gap=1e-4):
    """Texts, tokens, sizes and counts are equal; log-probabilities but for rounding."""
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine.text, mine.finish_reason) == (other.text, other.finish_reason)
        assert (mine.usage, mine.grids) == (other.usage, other.grids)
        if other.tokens is None:
            assert mine.tokens is None
            continue
        for a, b in zip(mine.tokens, other.tokens, strict=True):
            assert a.text == b.text
            assert abs(a.logprob - b.logprob) < gap


@pytest.mark.slow
def test_nano_says_the_same_as_in_transformers():
    requests = [asked(number) for number in range(48)]
    ours = answers(NumpyPolicy(NANO, get_dialect("nano")), requests)
    assert len({completion.text for completion in ours}) > 12
    same(ours, answers(TransformersPolicy(str(NANO), get_dialect("nano")), requests))


def test_another_shape_says_the_same():
    """Merged cells of 2 x 2, shared keys, another tokenizer, tools described by the template."""
    folder, dialect = tiny_model("qwen3-vl"), get_dialect("qwen3-vl")
    assert is_small(folder)
    book = ViewBook(pictures())
    requests = [
        request("Find dog in it", book=book),
        request("zoom cat where", (1, 2), book=book),
        request("the picture", (2, 2, 1), book=book),
        request("Find dog in it", book=book, prefill='[{"bbox_2d": [1'),
    ]
    ours = answers(NumpyPolicy(folder, dialect), requests)
    same(ours, answers(TransformersPolicy(str(folder), dialect), requests))


def test_what_was_read_before_is_not_read_again():
    policy, one = NumpyPolicy(NANO, get_dialect("nano")), asked(1)
    fresh = NumpyPolicy(NANO, get_dialect("nano"), prefix_tokens=0)
    first, again = answers(policy, [one, replace(one, prefill="<think>")])
    assert policy.reused_tokens >= first.usage.prompt_tokens - 4
    assert fresh.reused_tokens == 0
    same([again], answers(fresh, [replace(one, prefill="<think>")]))


def test_sampling_is_repeatable_and_varies():
    policy, one = NumpyPolicy(NANO, get_dialect("nano")), asked(3)
    hot = [replace(one, temperature=2.0, seed=seed) for seed in (1, 1, 2, 3, 4)]
    texts = [c.text for c in answers(policy, hot)]
    assert texts[0] == texts[1]
    assert len(set(texts)) > 1


def test_stop_texts_and_streams_are_as_everywhere():
    heard = []
    whole = asked(0)
    policy = NumpyPolicy(NANO, get_dialect("nano"))
    [plain] = answers(policy, [whole])
    [told] = answers(policy, [replace(whole, on_text=heard.append)])
    assert "".join(heard) == told.text == plain.text
    [cut] = answers(policy, [replace(whole, stop=("</answer>",))])
    assert cut.text == plain.text.partition("</answer>")[0]
    assert cut.finish_reason == "stop"


def test_a_question_that_is_too_long_says_so():
    policy = NumpyPolicy(NANO, get_dialect("nano"))
    with pytest.raises(ContextOverflow, match="context"):
        answers(policy, [replace(asked(0), max_tokens=4096)])


def test_a_closed_policy_answers_no_more():
    policy = NumpyPolicy(NANO, get_dialect("nano"))
    asyncio.run(policy.aclose())
    with pytest.raises(PolicyError, match="closed"):
        answers(policy, [asked(0)])


@pytest.mark.parametrize("change", [
    {"model_type": "qwen2_5_vl"},
    {"quantization_config": {"bits": 4}},
    {"text_config": {"rope_parameters": {"rope_type": "yarn"}}},
    {"text_config": {"attention_bias": True}},
])  # fmt: skip
def test_what_numpy_does_not_compute_is_left_to_transformers(change, tmp_path):
    folder = tmp_path / "other"
    shutil.copytree(NANO, folder)
    assert is_small(folder)
    config = json.loads((folder / "config.json").read_text())
    for name, value in change.items():
        config[name] = config.get(name, {}) | value if isinstance(value, dict) else value
    (folder / "config.json").write_text(json.dumps(config))
    assert not is_small(folder)


def test_a_folder_with_a_part_missing_is_not_small(tmp_path):
    folder = tmp_path / "part"
    shutil.copytree(NANO, folder)
    (folder / "chat_template.jinja").unlink()
    assert not is_small(folder)
    assert not is_small(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "data", [b"", b"\xff" * 8, b"\x02" + b"\0" * 7 + b"{}x", b"\5" + b"\0" * 7]
)
def test_broken_weights_say_what_to_do(data, tmp_path):
    file = tmp_path / WEIGHTS
    file.write_bytes(data)
    if data.endswith(b"{}x"):
        assert read_tensors(file) == {}
        return
    with pytest.raises(WeightsError, match="can't be read"):
        read_tensors(file)


def test_any_whole_number_is_a_seed():
    policy = NumpyPolicy(NANO, get_dialect("nano"))
    cold, warm = (replace(asked(0), temperature=t) for t in (0.0, 1.0))
    greedy, odd = answers(policy, [cold, replace(cold, seed=-1)])
    assert odd.text == greedy.text
    assert len({got.text for got in answers(policy, [replace(warm, seed=-1)] * 3)}) == 1


@pytest.mark.parametrize("name", ["tokenizer.json", "chat_template.jinja", WEIGHTS])
def test_a_folder_with_a_broken_part_says_what_to_do(name, tmp_path):
    folder = tmp_path / "nano"
    shutil.copytree(NANO, folder)
    (folder / name).write_bytes(b"{% cut")
    with pytest.raises(WeightsError, match="again"):
        load_policy(str(folder), dialect="nano")


@pytest.mark.parametrize(
    ("name", "data"),
    [(WEIGHTS, b""), (WEIGHTS, b"version https://git-lfs"), ("config.json", b"[]")],
)
def test_what_transformers_cant_load_says_what_to_do(name, data, tmp_path):
    folder = tmp_path / "nano"
    shutil.copytree(NANO, folder)
    (folder / name).write_bytes(data)
    with pytest.raises(WeightsError, match="can't be loaded"):
        load_model(str(folder))


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_tensors_are_what_was_written(kind, tmp_path):
    given = {"a": np.arange(6, dtype=kind).reshape(2, 3), "b": np.array([0.5], kind)}
    save_file(given, tmp_path / WEIGHTS)
    found = read_tensors(tmp_path / WEIGHTS)
    assert all(np.array_equal(found[name], given[name]) for name in given)
    assert all(value.dtype == np.float32 for value in found.values())


def test_template_and_tokenizer_are_those_of_transformers():
    from transformers import AutoProcessor

    theirs = AutoProcessor.from_pretrained(str(NANO))
    turns = [
        {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "<b> & 'c'"}]},
        {"role": "assistant", "content": "", "tool_calls": [
            {"function": {"name": "zoom", "arguments": {"a": "é<>"}}}]},
        {"role": "tool", "content": "<image_1><c0>"},
    ]  # fmt: skip
    given = {"tokenize": False, "add_generation_prompt": True}
    text = theirs.apply_chat_template(turns, **given)
    assert Template(NANO).apply_chat_template(turns, **given) == text
    words = Words(NANO)
    ids = theirs.tokenizer(text)["input_ids"]
    assert words(text) == ids
    assert words.decode(ids) == theirs.tokenizer.decode(ids, clean_up_tokenization_spaces=False)


def test_an_answer_needs_neither_torch_nor_transformers(tmp_path):
    Image.fromarray(np.full((112, 112, 3), 90, np.uint8)).save(tmp_path / "a.png")
    picture = str(tmp_path / "a.png")
    code = (
        "import sys; from gemvg.agent import GroundingAgent; "
        f"a = GroundingAgent('nano', tools='none').ask('find the owl', [{picture!r}]); "
        "print(a.status, a.policy.backend, 'torch' in sys.modules, 'transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["none", "numpy", "False", "False"]


def test_a_schema_is_left_to_transformers(monkeypatch):
    policy = load_policy("nano")
    assert isinstance(policy, NumpyPolicy)
    seen = []

    class Whole:
        def __init__(self, source, dialect, *, view_tokens):
            seen.append(source)

        async def complete(self, request):
            return "held to it"

        async def aclose(self):
            seen.append("closed")

    monkeypatch.setattr("gemvg.policy.backends.numpy_local.TransformersPolicy", Whole)
    one = replace(asked(0), response_schema={"type": "object"})
    assert answers(policy, [one, one]) == ["held to it", "held to it"]
    asyncio.run(policy.aclose())
    assert seen == [str(NANO), "closed"]
