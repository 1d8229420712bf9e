"""Batches for supervised finetuning: what is taught, what is packed, what is refused."""

import random

import pytest
import torch
from PIL import Image

from gemvg.policy.dialects.gemvg import GemvgDialect
from gemvg.tools.errors import DataError, TrainingError
from gemvg.training.recipe import SftPart
from gemvg.training.rows import check_pictures, rft_rows, sft_rows, with_pictures
from gemvg.training.sft.collator import IGNORED, SftCollator, block_mask
from tests.tiny_models import tiny_model
from tests.training.tiny_data import data_folder

DIALECT = GemvgDialect()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return data_folder(tmp_path_factory.mktemp("data") / "set", count=4)


@pytest.fixture(scope="module")
def tiny():
    from transformers import AutoModelForImageTextToText, AutoProcessor

    torch.set_num_threads(1)
    folder = tiny_model("qwen3-vl")
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
    return model, AutoProcessor.from_pretrained(folder)


def rows_of(data, **settings):
    part = SftPart(**{"stage": "s2", "think_share": 1.0, "auto_share": 0.0, **settings})
    table = with_pictures(sft_rows([data], DIALECT, part, seed=0))
    return [table[i] for i in range(len(table))]


def test_only_the_completion_is_taught(data, tiny):
    _, processor = tiny
    rows = rows_of(data)
    batch = SftCollator(processor)(rows)
    for index, row in enumerate(rows):
        taught = batch["labels"][index]
        ids = taught[taught != IGNORED]
        assert processor.tokenizer.decode(ids) == row["completion"] + "<|im_end|>"
        padding = batch["attention_mask"][index] == 0
        assert (taught[padding] == IGNORED).all()


def test_the_packed_loss_is_the_token_weighted_padded_loss(data, tiny):
    model, processor = tiny
    rows = rows_of(data)
    packed = SftCollator(processor, model, packing=True)(rows)
    total, tokens = 0.0, 0
    for row in rows:
        single = SftCollator(processor)([row])
        count = int((single["labels"] != IGNORED).sum())
        total += float(model(**single).loss) * count
        tokens += count
    with torch.no_grad():
        assert float(model(**packed).loss) == pytest.approx(total / tokens, rel=1e-4)
        padded = SftCollator(processor)(rows)
        assert float(model(**padded).loss) == pytest.approx(total / tokens, rel=1e-4)


def test_packed_samples_do_not_see_each_other(data, tiny):
    model, processor = tiny
    rows = rows_of(data)[:2]
    noise = Image.frombytes("RGB", (64, 64), random.Random(9).randbytes(64 * 64 * 3))
    other = {**rows[0], "images": [noise, rows[0]["images"][1]]}
    length = SftCollator(processor)([rows[1]])["input_ids"].shape[1]
    collate = SftCollator(processor, model, packing=True)
    with torch.no_grad():
        outs = [
            model(**collate([first, rows[1]])).logits[0, -length:] for first in (rows[0], other)
        ]
        alone = model(**SftCollator(processor)([rows[1]])).logits[0]
    torch.testing.assert_close(outs[0], outs[1], rtol=0, atol=1e-5)
    torch.testing.assert_close(outs[0], alone, rtol=1e-3, atol=1e-4)


def test_a_block_mask_is_causal_within_blocks():
    open_ = block_mask([2, 3])[0, 0] == 0
    expected = torch.block_diag(torch.ones(2, 2).tril(), torch.ones(3, 3).tril()).bool()
    assert torch.equal(open_, expected)


def test_picture_tokens_without_features_are_refused(data, tiny):
    _, processor = tiny
    row = rows_of(data)[0]
    batch = SftCollator(processor)([row])
    batch["input_ids"][batch["input_ids"] == processor.image_token_id] = 5
    with pytest.raises(TrainingError, match=r"0 image tokens for \d+ features \(samples s0"):
        SftCollator(processor)._check(batch, [row])


def test_too_long_samples_and_rows_are_refused(data, tiny):
    model, processor = tiny
    rows = rows_of(data)
    with pytest.raises(TrainingError, match=r"more than max_tokens \(10\)"):
        SftCollator(processor, max_tokens=10)(rows)
    longest = max(SftCollator(processor)([r])["input_ids"].shape[1] for r in rows)
    with pytest.raises(TrainingError, match=r"Lower optim\.batch"):
        SftCollator(processor, model, packing=True, max_tokens=longest)(rows)


def test_s1_is_direct_answers_only(data):
    rows = sft_rows([data], DIALECT, SftPart(stage="s1", think_share=1.0, auto_share=1.0), 0)
    assert {row["mode"] for row in rows} == {"direct"}
    assert all(row["completion"].startswith("<answer>") for row in rows)


def test_s2_mixes_by_the_shares(tmp_path):
    folder = data_folder(tmp_path / "many", count=400, pictures=1)
    part = SftPart(stage="s2", think_share=0.8, auto_share=0.5, thought_dropout=0.5)
    rows = sft_rows([folder], DIALECT, part, seed=1)
    traced = [row for row in rows if int(row["sample_id"][1:]) % 2]
    untraced = [row for row in rows if not int(row["sample_id"][1:]) % 2]
    assert not any("<think>" in row["completion"] for row in untraced)
    auto = [row for row in traced if row["mode"] == "auto"]
    assert len(auto) / len(traced) == pytest.approx(0.5, abs=0.1)
    # Kept of the traces under auto: .8 chosen, half of them dropped.
    kept = sum("<think>" in row["completion"] for row in auto) / len(auto)
    assert kept == pytest.approx(0.4, abs=0.12)
    for row in rows:
        if row["mode"] != "auto":
            assert ("<think>" in row["completion"]) == (row["mode"] == "think")
    assert rows == sft_rows([folder], DIALECT, part, seed=1)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.unlink(), "s1"),
        (lambda path: path.write_bytes(b"no picture"), "s1"),
        (lambda path: Image.new("RGB", (7, 9)).save(path), r"7 x 9 pixels, the annotation says 64"),
    ],
)
def test_pictures_are_checked_before_any_step(tmp_path, damage, said):
    folder = data_folder(tmp_path / "set", count=2, pictures=1)
    damage(folder / "pictures" / "1-0.png")
    with pytest.raises(DataError, match=said) as told:
        check_pictures(rft_rows([folder], DIALECT))
    assert "\n" not in str(told.value)


def test_a_folder_without_samples_says_how_to_make_one(tmp_path):
    with pytest.raises(DataError, match="gemvg-agent data build"):
        rft_rows([tmp_path], DIALECT)
