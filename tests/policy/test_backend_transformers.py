import asyncio
import random

import pytest
from PIL import Image

from gemvg.policy.backends.hf_cache import PrefixStore
from gemvg.policy.backends.hf_prompt import processor_grid
from gemvg.policy.backends.transformers_local import TransformersPolicy, load_model
from gemvg.policy.dialect import ReadContext
from gemvg.policy.dialects import get_dialect
from gemvg.policy.messages import Message, TextPart, ToolCall, ViewPart
from gemvg.policy.policy import Request
from gemvg.policy.registry import load_policy
from gemvg.tools.boxes import Box
from gemvg.tools.errors import ContextOverflow, PolicyError, UsageError
from gemvg.tools.images import picture_from_image
from gemvg.tools.views import ViewBook
from tests.tiny_models import FAMILIES, tiny_model

pytestmark = pytest.mark.slow
SIZES = ((100, 90), (60, 130), (300, 200))


def pictures(seed=3, sizes=SIZES):
    rng = random.Random(seed)
    return [
        picture_from_image(Image.frombytes("RGB", s, rng.randbytes(s[0] * s[1] * 3)), f"p{i}.png")
        for i, s in enumerate(sizes, 1)
    ]


def request(text, views=(1, 2, 3), book=None, **options):
    parts = [part for v in views for part in (TextPart(f"Image {v}: "), ViewPart(v))]
    options.setdefault("max_tokens", 60)
    messages = options.pop("messages", (Message("user", (*parts, TextPart(text))),))
    return Request(text, messages, book or ViewBook(pictures()), **options)


@pytest.fixture(scope="module")
def policies():
    made = {f: TransformersPolicy(str(tiny_model(f)), get_dialect(f)) for f in FAMILIES}
    yield made
    for policy in made.values():
        asyncio.run(policy.aclose())


def complete(policy, *asked):
    async def run():
        return await asyncio.gather(*(policy.complete(a) for a in asked))

    return asyncio.run(run())


def reference(policy, asked):
    """What transformers' own `generate` says, one question at a time, with its own positions."""
    maker, model = policy.prompts, policy._dispatcher.engine._model
    plan = maker.plan(asked)
    rasters = [asked.book.raster(i.view, i.size) for i in plan.images]
    inputs = maker.processor(text=[maker._text(asked)], images=rasters, return_tensors="pt")
    out = model.generate(**inputs, max_new_tokens=asked.max_tokens, do_sample=False)
    new = out[0][inputs["input_ids"].shape[1] :]
    text = maker.tokenizer.decode(new).removesuffix("<|im_end|>")
    grids = inputs["image_grid_thw"].tolist()
    patch = maker.processor.image_processor.patch_size
    return (asked.prefill or "") + text, [(w * patch, h * patch) for _, h, w in grids]


def test_loading_draws_no_bars(capfd):
    load_model(str(tiny_model("qwen3-vl")))
    assert "Loading weights" not in capfd.readouterr().err


@pytest.mark.parametrize("family", FAMILIES)
def test_a_batch_says_what_generate_says_one_by_one(policies, family):
    policy = policies[family]
    book = ViewBook(pictures())
    asked = [
        request("Find dog in it", book=book),
        request("zoom cat where", (1, 2), book=book),
        request("Find box", (3,), book=book),
        request("Find dog in it", book=book, prefill='[{"bbox_2d": [1'),
        request("the picture", (2, 2, 1), book=book),
    ]
    for got, one in zip(complete(policy, *asked), asked, strict=True):
        text, sizes = reference(policy, one)
        assert got.text == text
        views = [v for m in one.messages for v in m.views]
        assert [got.grids[v] for v in views] == sizes
        assert got.usage.image_tokens > 0
        assert got.finish_reason == ("length" if got.usage.completion_tokens == 60 else "stop")


@pytest.mark.parametrize("family", FAMILIES)
def test_branches_of_one_prompt_read_it_once(policies, family):
    policy = policies[family]
    book = ViewBook(pictures(seed=hash(family) % 1000))
    before = policy.reused_tokens
    think, direct = complete(
        policy,
        request("Find dog", book=book, prefill="<think>"),
        request("Find dog", book=book, prefill="[{"),
    )
    shared = policy.reused_tokens - before
    assert shared >= think.usage.prompt_tokens - 4
    assert shared >= think.usage.image_tokens
    for got, prefill in ((think, "<think>"), (direct, "[{")):
        assert got.text == reference(policy, request("Find dog", book=book, prefill=prefill))[0]
    # Other pictures of the same sizes are not mistaken for these.
    before = policy.reused_tokens
    other = ViewBook(pictures(seed=77))
    (got,) = complete(policy, request("Find dog", book=other))
    assert policy.reused_tokens - before < 16
    assert got.text == reference(policy, request("Find dog", book=other))[0]


def test_a_conversation_goes_on_where_it_was(policies):
    policy = policies["qwen3-vl"]
    book = ViewBook(pictures(seed=5))
    first = request("zoom dog", (1, 2), book=book)
    (said,) = complete(policy, first)
    view = book.add(1, Box(10, 10, 60, 60), (100, 100), "zoom")
    turn = Message("assistant", (TextPart(said.text),), (ToolCall("text-1", "zoom"),))
    shown = Message("user", (TextPart("View 4: "), ViewPart(view.index), TextPart("go on")))
    second = request("zoom dog", messages=(*first.messages, turn, shown), book=book)
    before = policy.reused_tokens
    (got,) = complete(policy, second)
    assert policy.reused_tokens - before >= said.usage.prompt_tokens
    assert set(got.grids) == {1, 2, 4}
    assert got.text == reference(policy, second)[0]


def test_qwen25_boxes_are_read_in_the_processors_grid(policies):
    policy = policies["qwen2.5-vl"]
    asked = request("Find dog", (3,))
    (got,) = complete(policy, asked)
    grid = got.grids[3]
    assert grid != (300.0, 200.0)
    reading = get_dialect("qwen2.5-vl").read(
        type(got)('[{"image": 3, "bbox_2d": [28, 28, 140, 112]}]', grids=got.grids),
        ReadContext(asked.book, got.grids, default_view=3),
    )
    sx, sy = 300 / grid[0], 200 / grid[1]
    assert list(reading.boxes[0].box) == pytest.approx([28 * sx, 28 * sy, 140 * sx, 112 * sy])


def test_sampling_is_by_seed_and_streams_what_it_says(policies):
    policy = policies["qwen2-vl"]
    pieces = []
    asked = [
        request("Find dog", (1,), temperature=1.2, seed=seed, on_text=pieces.append if not seed
                else None)
        for seed in (0, 5, 5, 6)
    ]  # fmt: skip
    texts = [got.text for got in complete(policy, *asked)]
    assert texts[1] == texts[2]
    assert len(set(texts)) > 1
    assert "".join(pieces) == texts[0]
    assert len(pieces) > 5
    # Alone or in a batch, a seed says the same.
    assert complete(policy, asked[1])[0].text == texts[1]


def test_stop_texts_and_lengths_end_an_answer(policies):
    policy = policies["qwen2-vl"]
    whole, stopped, cut = complete(
        policy,
        request("Find dog", (1,), logprobs=True),
        request("Find dog", (1,), stop=('"label"', "never")),
        request("Find dog", (1,), max_tokens=4),
    )
    assert stopped.text == whole.text.split('"label"')[0]
    assert (stopped.finish_reason, cut.finish_reason) == ("stop", "length")
    assert whole.text.startswith(cut.text)
    assert "".join(t.text for t in whole.tokens) == whole.text
    assert all(t.logprob <= 0.0 for t in whole.tokens)


def test_a_json_schema_holds(policies):
    import json

    box = {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 1000},
           "minItems": 4, "maxItems": 4}  # fmt: skip
    item = {"type": "object", "properties": {"image": {"enum": [1, 2]}, "bbox_2d": box},
            "required": ["image", "bbox_2d"], "additionalProperties": False}  # fmt: skip
    schema = {"type": "array", "items": item, "minItems": 1, "maxItems": 2}
    got = complete(
        policies["qwen2-vl"],
        *(request("q", (1,), response_schema=schema, temperature=t, seed=1) for t in (0.0, 1.5)),
    )
    for one in got:
        read = json.loads(one.text)
        assert all(i["image"] in (1, 2) and len(i["bbox_2d"]) == 4 for i in read)
    with pytest.raises(PolicyError):
        complete(policies["qwen2-vl"], request("q", response_schema={"type": "nonsense"}))


def test_a_sampled_picture_token_never_comes(policies):
    policy = policies["qwen2-vl"]
    hot = [request("q", (1,), temperature=50.0, seed=s, max_tokens=60) for s in range(6)]
    assert all("image_pad" not in g.text and "vision" not in g.text for g in complete(policy, *hot))


def test_what_does_not_fit_is_refused_by_name(policies):
    policy = policies["qwen2-vl"]
    with pytest.raises(ContextOverflow, match=r"p1\.png"):
        complete(policy, request("q", max_tokens=8150))


def test_a_cancelled_question_stops_and_a_failing_one_harms_no_other(policies):
    policy = policies["qwen2-vl"]

    async def run():
        endless = request("q", (1,), temperature=50.0, seed=1, max_tokens=7000)
        task = asyncio.create_task(policy.complete(endless))
        # Sooner or later an end is sampled, on a busy machine before any fixed time has passed.
        while not (policy._dispatcher.engine.busy or task.done()):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        bad = policy._row(request("q", (1,)))
        bad.prompt = None
        policy._dispatcher.submit(bad)
        with pytest.raises(PolicyError):
            await asyncio.wrap_future(bad.future)
        return await policy.complete(request("Find dog", (1,)))

    assert asyncio.run(run()).text == reference(policy, request("Find dog", (1,)))[0]
    assert not policy._dispatcher.engine.busy


@pytest.mark.parametrize("wrong", ["a prompt", "a caller"])
def test_a_failing_question_leaves_those_that_are_written_beside_it(policies, wrong):
    policy = policies["qwen2-vl"]

    def gone(_):
        raise OSError("the caller has gone")

    async def run():
        good = policy._row(request("Find dog", (1,)))
        bad = policy._row(request("q", (2,), on_text=gone))
        if wrong == "a prompt":
            bad.prompt = None
        for row in (good, bad):
            policy._dispatcher.submit(row)
        with pytest.raises(PolicyError if wrong == "a prompt" else OSError):
            await asyncio.wrap_future(bad.future)
        return (await asyncio.wrap_future(good.future)).text

    assert asyncio.run(run()) == reference(policy, request("Find dog", (1,)))[0]


def test_a_closed_policy_says_so():
    policy = TransformersPolicy(str(tiny_model("qwen2-vl")), get_dialect("qwen2-vl"))
    asyncio.run(policy.aclose())
    with pytest.raises(PolicyError, match="closed"):
        complete(policy, request("q", (1,)))


def test_folders_without_a_model(tmp_path):
    with pytest.raises(UsageError, match=r"no config\.json"):
        load_policy(str(tmp_path))


@pytest.mark.parametrize(("family", "factor"), [("qwen2-vl", 28), ("qwen3-vl", 32)])
def test_the_grid_is_the_processors_own(policies, family, factor):
    grid = processor_grid(policies[family].prompts.processor)
    assert (grid.factor, grid.min_pixels, grid.max_pixels) == (
        factor,
        4 * factor**2,
        64 * factor**2,
    )


def test_prefixes_are_found_kept_and_bounded():
    import torch

    def layers(n):
        return [(torch.arange(n).view(1, 1, n, 1), torch.arange(n).view(1, 1, n, 1))]

    store = PrefixStore(20)
    assert store.find((1, 2, 3)) == (0, [])
    store.add((1, 2, 3, 4), layers(4))
    store.add((1, 2, 9), layers(3))
    length, found = store.find((1, 2, 3, 7, 8))
    assert length == 3
    assert found[0][0].flatten().tolist() == [0, 1, 2]
    # One position is always left to be read: its logits are needed.
    assert store.find((1, 2, 3, 4))[0] == 3
    store.add(tuple(range(100, 115)), layers(15))
    # What was used last stays; what does not fit at all is not kept.
    assert store.find((1, 2, 3, 7))[0] == 3
    assert store.find((1, 2, 9, 9))[0] == 2
    store.add(tuple(range(200, 230)), layers(30))
    assert store.find(tuple(range(200, 230)))[0] == 0
