"""Runs in cycles: the rate begins again, the mean of the ends is kept, and going on is exact."""

import shutil

import pytest
import torch
from safetensors.torch import load_file
from transformers import TrainerCallback

from gemvg.policy.registry import load_policy
from gemvg.tools.errors import DataError, TrainingError
from gemvg.training.cycles import cycle_folder, mean_of_cycles
from gemvg.training.run import run_recipe
from tests.training.tiny_data import data_folder, logged, rft_recipe, sft_recipe

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
RUN = {"optim__schedule": "linear", "optim__batch": 4, "run__save_every": 1}
RATE = 1e-3


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    torch.set_num_threads(1)
    return data_folder(tmp_path_factory.mktemp("data") / "set", 24)


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """A run of two cycles of three steps."""
    output = tmp_path_factory.mktemp("run") / "whole"
    run_recipe(sft_recipe(data, output, **RUN, optim__steps=6, optim__cycles=2))
    return output


def weights(folder):
    return load_file(folder / "model.safetensors")


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_the_rate_begins_again_with_each_cycle(whole):
    one = [RATE, RATE * 2 / 3, RATE / 3]
    assert logged(whole, "learning_rate") == pytest.approx(one + one)


def test_the_model_is_the_mean_of_the_ends(whole):
    first, second = (weights(cycle_folder(whole, number)) for number in (1, 2))
    assert not same(first, second)
    means = {name: (first[name] + second[name]) / 2 for name in first}
    assert same(weights(whole / "last"), means)
    # The end of a cycle is a model of its own, so is the mean, and what a checkpoint's card says of
    # it can be asked too.
    for folder in (cycle_folder(whole, 1), whole / "last", whole / "checkpoint-6"):
        assert load_policy(str(folder)).dialect.name == "gemvg"
    assert "step 6" in (whole / "last" / "README.md").read_text(encoding="utf-8")


def test_the_first_cycle_is_a_run_of_its_own(data, whole, tmp_path):
    run_recipe(sft_recipe(data, tmp_path, **RUN, optim__steps=3))
    assert same(weights(tmp_path / "last"), weights(cycle_folder(whole, 1)))


class StopAt(TrainerCallback):
    def __init__(self, step):
        self.step = step

    def on_step_end(self, args, state, control, **_):
        control.should_training_stop = state.global_step == self.step


@pytest.mark.parametrize("step", [2, 3, 4])
def test_going_on_within_between_and_behind_cycles_is_exact(data, whole, tmp_path, step):
    recipe = sft_recipe(data, tmp_path, **RUN, optim__steps=6, optim__cycles=2)
    assert run_recipe(recipe, watchers=[StopAt(step)]).step == step
    run_recipe(recipe)
    assert logged(tmp_path, "loss") == logged(whole, "loss")
    assert same(weights(tmp_path / "last"), weights(whole / "last"))


def test_reinforcement_goes_in_cycles_too(data, tmp_path):
    values = {"optim__steps": 2, "optim__cycles": 2, "optim__schedule": "linear"}
    outcome = run_recipe(rft_recipe(data, tmp_path, **values))
    assert (outcome.step, outcome.stopped) == (2, None)
    assert len(set(logged(tmp_path, "learning_rate"))) == 1
    assert cycle_folder(tmp_path, 2).is_dir()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"optim__steps": 5, "optim__cycles": 2}, "must be a multiple of optim.cycles"),
        ({"optim__cycles": 2, "model__lora": {"rank": 4}}, "adapters can't be averaged"),
    ],
)
def test_cycles_that_can_not_be_are_refused(data, tmp_path, values, said):
    with pytest.raises(DataError, match=said):
        rft_recipe(data, tmp_path, **values)


def test_without_the_end_of_a_cycle_there_is_no_mean(tmp_path):
    with pytest.raises(TrainingError, match="cycle-1 is gone"):
        mean_of_cycles(tmp_path, 6, 2, tmp_path / "mean")
    assert not (tmp_path / "mean").exists()


def test_cycles_of_another_length_are_not_gone_on_with(data, whole):
    before = weights(whole / "last")
    with pytest.raises(TrainingError, match="cycle-1 ended at step 3, and now cycles have 6"):
        run_recipe(sft_recipe(data, whole, **RUN, optim__steps=12, optim__cycles=2))
    assert same(weights(whole / "last"), before)


@pytest.mark.parametrize("gone", ["", "last", "checkpoint-1 checkpoint-2"])
def test_a_run_at_its_end_takes_no_further_step(data, tmp_path, gone):
    recipe = sft_recipe(data, tmp_path, **RUN, optim__steps=2)
    run_recipe(recipe)
    before = weights(tmp_path / "last")
    for name in gone.split():
        shutil.rmtree(tmp_path / name)
    again = run_recipe(recipe)
    assert (again.folder, again.step, again.stopped) == (tmp_path / "last", 2, None)
    assert same(weights(tmp_path / "last"), before)
    left = {p.name for p in tmp_path.glob("checkpoint-*")}
    assert left == {"checkpoint-1", "checkpoint-2"} - set(gone.split())


def test_a_run_that_begins_anew_has_nothing_of_the_one_before(data, tmp_path):
    run_recipe(sft_recipe(data, tmp_path, **RUN, optim__steps=4, optim__cycles=2))
    first = weights(tmp_path / "last")
    anew = sft_recipe(data, tmp_path, **RUN | {"optim__schedule": "constant"}, optim__steps=2)
    assert run_recipe(anew, resume=False, watchers=[StopAt(1)]).step == 1
    assert run_recipe(anew).step == 2
    assert len(logged(tmp_path, "loss")) == 2
    assert not same(weights(tmp_path / "last"), first)
    assert same(weights(tmp_path / "before-1" / "last"), first)


def test_a_constant_rate_is_warmed_up_too(data, tmp_path):
    values = RUN | {"optim__schedule": "constant", "optim__warmup": 0.5}
    run_recipe(sft_recipe(data, tmp_path, **values, optim__steps=4))
    assert logged(tmp_path, "learning_rate") == pytest.approx([0, RATE / 2, RATE, RATE])
