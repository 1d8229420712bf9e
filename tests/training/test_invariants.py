"""What must not change a run: how a batch is cut, being stopped and going on, a full disk.

All through `run_recipe`, the command line's own way in, on a tiny Qwen3-VL with pictures.
"""

import os
import signal

import numpy as np
import pytest
import torch

from gemvg.tools.errors import OutputError, TrainingError
from gemvg.training.rft.reward_functions import GroupScorer
from gemvg.training.run import run_recipe
from gemvg.training.run_folder import COMPLETE, last_good_checkpoint
from tests.training.tiny_data import data_folder, logged, rft_recipe, sft_recipe

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    torch.set_num_threads(1)
    return data_folder(tmp_path_factory.mktemp("data") / "set")


@pytest.fixture(autouse=True)
def varied_rewards(monkeypatch):
    """A tiny model's answers are all worth nothing, so what varies in any of them is paid here."""

    class Varied(GroupScorer):
        def _score(self, completions, columns):
            super()._score(completions, columns)
            share = [sum(ord(c) % 2 for c in t) / max(1, len(t)) for t in self.texts]
            self.parts = {**self.parts, "recall": np.asarray(share)}

    monkeypatch.setattr("gemvg.training.rft.build.GroupScorer", Varied)


def weights(folder):
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def same(first, second):
    a, b = weights(first), weights(second)
    assert a.keys() == b.keys()
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=0, atol=0, msg=name)


def watcher(act):
    """A callback that does `act(step)` in the middle of each step, before the optimizer's."""
    from transformers import TrainerCallback

    class Watcher(TrainerCallback):
        def on_pre_optimizer_step(self, args, state, control, **_):
            act(state.global_step)

    return Watcher()


def terminate_at(step):
    def act(now):
        if now == step:
            os.kill(os.getpid(), signal.SIGTERM)

    return watcher(act)


@pytest.mark.parametrize(
    ("stage", "shapes"), [("sft", [(8, 1), (1, 8)]), ("rft", [(8, 1), (4, 2)])]
)
def test_the_cut_of_a_batch_is_irrelevant(data, tmp_path, stage, shapes):
    """Samples of unequal length: a mean of means would differ from the mean over tokens."""
    make = sft_recipe if stage == "sft" else rft_recipe
    losses, norms = [], []
    for batch, accumulate in shapes:
        output = tmp_path / f"{batch}x{accumulate}"
        # A small rate, because Adam's first steps blow rounding up to the full rate.
        run_recipe(make(data, output, optim__batch=batch, optim__accumulate=accumulate,
                        optim__steps=3, optim__learning_rate=1e-5))  # fmt: skip
        losses.append(logged(output, "loss"))
        norms.append(logged(output, "grad_norm"))
    assert len(losses[0]) == 3
    assert losses[0] == pytest.approx(losses[1], rel=1e-3, abs=1e-5)
    assert norms[0] == pytest.approx(norms[1], rel=5e-3)
    assert min(norms[0]) > 0


@pytest.mark.parametrize(("stage", "questions"), [("sft", 8), ("rft", 8), ("rft", 2)])
def test_a_stopped_run_goes_on_as_if_it_had_not_been(data, tmp_path, stage, questions):
    """Of two questions it is stopped within the second epoch, whose order is another one."""
    make = sft_recipe if stage == "sft" else rft_recipe
    settings = {"optim__steps": 4, "run__save_every": 10, "optim__learning_rate": 1e-3,
                "run__keep": 4, "data__limit": questions}  # fmt: skip
    whole = run_recipe(make(data, tmp_path / "whole", **settings))
    assert (whole.step, whole.stopped) == (4, None)

    recipe = make(data, tmp_path / "parts", **settings)
    part = run_recipe(recipe, watchers=[terminate_at(2)])
    assert part.step == 3
    assert part.stopped is not None
    assert last_good_checkpoint(tmp_path / "parts").name == "checkpoint-3"
    rest = run_recipe(recipe)
    assert (rest.step, rest.stopped) == (4, None)
    assert logged(tmp_path / "parts", "loss") == logged(tmp_path / "whole", "loss")
    assert max(logged(tmp_path / "parts", "grad_norm")) > 0
    same(whole.folder, rest.folder)


def test_a_full_disk_leaves_the_last_good_checkpoint(data, tmp_path, monkeypatch):
    from transformers import Trainer

    recipe = sft_recipe(data, tmp_path, optim__steps=4, run__save_every=1)
    real = Trainer.save_model

    def full(self, output_dir=None, _internal_call=False):
        if str(output_dir).endswith("checkpoint-2"):
            (tmp_path / "checkpoint-2").mkdir(exist_ok=True)
            (tmp_path / "checkpoint-2" / "model.safetensors").write_bytes(b"half")
            raise OSError(28, "No space left on device")
        return real(self, output_dir, _internal_call)

    monkeypatch.setattr(Trainer, "save_model", full)
    with pytest.raises(OutputError, match=r"disk full.*checkpoint-1") as told:
        run_recipe(recipe)
    assert "\n" not in str(told.value)
    assert not (tmp_path / "checkpoint-2" / COMPLETE).exists()
    assert last_good_checkpoint(tmp_path).name == "checkpoint-1"

    monkeypatch.setattr(Trainer, "save_model", real)
    done = run_recipe(recipe)
    assert done.step == 4
    # The half-written one was not what it went on from: step 2 was done again.
    assert len(logged(tmp_path, "loss")) == 1 + 1 + 3
    assert weights(done.folder)


@pytest.mark.parametrize(("keep", "left"), [(1, ["4"]), (3, ["2", "3", "4"])])
def test_older_checkpoints_stay_until_the_new_one_is_whole(data, tmp_path, monkeypatch, keep, left):
    from gemvg.training import run

    there = []

    def looking(folder, recipe, state):
        there.append(last_good_checkpoint(tmp_path) is not None)
        return describe(folder, recipe, state)

    describe = run.describe
    monkeypatch.setattr(run, "describe", looking)
    run_recipe(sft_recipe(data, tmp_path, optim__steps=4, run__save_every=1, run__keep=keep))
    # Of four checkpoints and the final model, the first alone has none before it.
    assert there == [False, True, True, True, True]
    assert sorted(path.name for path in tmp_path.glob("checkpoint-*")) == [
        f"checkpoint-{step}" for step in left
    ]


@pytest.mark.parametrize("log_every", [1, 10])
def test_weights_that_are_no_numbers_are_not_kept(data, tmp_path, log_every):
    """The trainer itself goes on with them and logs a loss of 0."""
    recipe = sft_recipe(
        data, tmp_path, optim__steps=5, optim__learning_rate=1e30, optim__max_grad_norm=1e30,
        run__save_every=1, run__log_every=log_every, run__keep=9, guard__min_entropy=0.0,
    )  # fmt: skip
    with pytest.raises(TrainingError, match=r"no numbers at step 2.*learning_rate") as told:
        run_recipe(recipe)
    assert "\n" not in str(told.value)
    assert not (tmp_path / "last").exists()
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-1"]


def test_evaluation_packs_as_many_samples_as_training(data, tmp_path):
    """Eight together are too long, and a lower optim.batch would change nothing of it."""
    recipe = sft_recipe(data, tmp_path, optim__steps=1, optim__batch=1, sft__packing=True,
                        sft__max_tokens=700, run__eval_every=1, data__eval=[str(data)])  # fmt: skip
    run_recipe(recipe)
    assert len(logged(tmp_path, "eval_loss")) == 1


def test_adapters_evaluation_and_packing_run(data, tmp_path):
    """LoRA saves adapters only; evaluation reports while training; packing trains."""
    rft = rft_recipe(data, tmp_path / "rft", optim__steps=2, run__eval_every=1,
                     data__eval=[str(data)], data__eval_limit=2,
                     model__lora={"rank": 4, "alpha": 8})  # fmt: skip
    done = run_recipe(rft)
    assert (done.folder / "adapter_model.safetensors").is_file()
    assert not (done.folder / "model.safetensors").exists()
    assert len(logged(tmp_path / "rft", "eval_reward")) == 2
    assert "modes/auto/think_share" in (tmp_path / "rft" / "log.jsonl").read_text()
    card = (done.folder / "README.md").read_text()
    assert "relative-1000" in card
    assert "gemvg-agent eval" in card
    sheet = (tmp_path / "rft" / "samples" / "step-000001.html").read_text()
    assert "find the dog" in sheet

    sft = sft_recipe(data, tmp_path / "sft", optim__steps=2, sft__packing=True,
                     run__eval_every=1, data__eval=[str(data)])  # fmt: skip
    run_recipe(sft)
    assert len(logged(tmp_path / "sft", "loss")) == 2
    assert len(logged(tmp_path / "sft", "eval_loss")) == 2
