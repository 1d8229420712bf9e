"""Weights that are trained are held in float32, whatever they are computed and saved in."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from gemvg.training.loading import load_model
from gemvg.training.precision import held_in, save_in
from gemvg.training.recipe import LoraPart, ModelPart
from gemvg.training.run import run_recipe
from tests.training.tiny_data import data_folder, logged, rft_recipe, sft_recipe


@pytest.mark.parametrize(
    ("dtype", "lora", "held"),
    [("bfloat16", None, "float32"), ("float32", None, "float32"),
     ("bfloat16", LoraPart(), "bfloat16"), ("float32", LoraPart(), "float32")],
)  # fmt: skip
def test_weights_that_are_trained_are_held_in_float32(dtype, lora, held):
    part = ModelPart(base="nano", dialect="nano", dtype=dtype, lora=lora)
    assert held_in(part) == held
    assert {p.dtype for p in load_model(part).parameters()} == {getattr(torch, held)}


def test_small_steps_are_not_lost():
    """At 7B's rate of 1e-6: in bfloat16 all but the smallest weights would stay as they are."""
    model = load_model(ModelPart(base="nano", dialect="nano", dtype="bfloat16"))
    weight = model.lm_head.weight
    before = weight.detach().clone()
    optimizer = torch.optim.AdamW([weight], lr=1e-6, weight_decay=0.0)
    for _ in range(3):
        weight.grad = torch.ones_like(weight)
        optimizer.step()
    moved = (weight != before).float().mean().item()
    assert moved > 0.99
    assert (before - weight).mean().item() == pytest.approx(3e-6, rel=0.1)


def test_a_saved_model_is_converted_file_by_file(tmp_path):
    for name, value in (("model-00001-of-00002", 1.5), ("model-00002-of-00002", 2.5)):
        tensors = {name: torch.full((2, 3), value), f"{name}.count": torch.tensor([300])}
        save_file(tensors, tmp_path / f"{name}.safetensors", metadata={"format": "pt"})
    said = {"dtype": "float32", "text_config": {"dtype": "float32"}, "vision_config": {"depth": 1}}
    (tmp_path / "config.json").write_text(json.dumps(said))
    index = {"metadata": {"total_size": 1}, "weight_map": {"a": "b"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    save_in(tmp_path, "bfloat16")
    first = load_file(tmp_path / "model-00001-of-00002.safetensors")
    assert first["model-00001-of-00002"].dtype == torch.bfloat16
    assert first["model-00001-of-00002"].tolist() == [[1.5] * 3] * 2
    assert first["model-00001-of-00002.count"].tolist() == [300]
    assert json.loads((tmp_path / "config.json").read_text()) == {
        "dtype": "bfloat16", "text_config": {"dtype": "bfloat16"}, "vision_config": {"depth": 1},
    }  # fmt: skip
    found = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    assert found == {"metadata": {"total_size": 2 * (6 * 2 + 8)}, "weight_map": {"a": "b"}}
    assert not list(tmp_path.glob("*.new"))


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["sft", "rft"])
def test_a_run_in_bfloat16_steps_in_float32_and_saves_bfloat16(tmp_path, stage):
    """Generation, loss and reference compute in bfloat16; a checkpoint keeps what is held."""
    torch.set_num_threads(1)
    data = data_folder(tmp_path / "set")
    make = sft_recipe if stage == "sft" else rft_recipe
    recipe = make(data, tmp_path / "run", model__dtype="bfloat16", optim__steps=2,
                  run__save_every=2, **({"rft__beta": 0.01} if stage == "rft" else {}))  # fmt: skip
    outcome = run_recipe(recipe)
    kinds = {
        name: {t.dtype for t in load_file(folder / "model.safetensors").values()}
        for name, folder in (("last", outcome.folder),
                             ("checkpoint", tmp_path / "run" / "checkpoint-2"))
    }  # fmt: skip
    assert kinds == {"last": {torch.bfloat16}, "checkpoint": {torch.float32}}
    said = json.loads((outcome.folder / "config.json").read_text())
    assert said.get("dtype", said.get("torch_dtype")) == "bfloat16"
    assert all(abs(value) < 1e4 for value in logged(tmp_path / "run", "loss"))
