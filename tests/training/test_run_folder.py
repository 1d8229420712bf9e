"""A run's folder: what a kill leaves is gone on from, another recipe's run is not taken for it."""

import json
from pathlib import Path

import pytest

from gemvg.tools.errors import TrainingError
from gemvg.training import run as running
from gemvg.training.nano import finetune as finetuning
from gemvg.training.nano.recipe import Finetune
from gemvg.training.recipe_kept import check_unchanged, keep_recipe
from gemvg.training.run_folder import (
    COMPLETE,
    LAST,
    Outcome,
    put_back,
    read_outcome,
    replace_last,
    write_outcome,
)
from tests.training.tiny_data import data_folder, rft_recipe


def model(folder, step):
    folder.mkdir(parents=True)
    (folder / "weights").write_text(str(step))
    write_outcome(folder, step, None)
    return folder


@pytest.mark.parametrize("left", [(), ("last",), ("last", "last.old"), ("last.old",)])
def test_a_new_model_takes_the_place_of_whatever_a_kill_left(tmp_path, left):
    for name in left:
        model(tmp_path / name, 1)
    replace_last(tmp_path / LAST, model(tmp_path / "last.new", 2))
    assert sorted(p.name for p in tmp_path.iterdir()) == [LAST]
    assert read_outcome(tmp_path / LAST) == Outcome(tmp_path / LAST, 2, None)


@pytest.mark.parametrize(
    ("left", "step"), [(("last.old",), 1), (("last", "last.old"), 2), ((), None)]
)
def test_a_model_that_was_set_aside_is_put_back(tmp_path, left, step):
    for name in left:
        model(tmp_path / name, 1 if name == "last.old" else 2)
    put_back(tmp_path)
    found = read_outcome(tmp_path / LAST)
    assert (found and found.step) == step


@pytest.fixture
def begun(tmp_path):
    """A run with a checkpoint, and its recipe."""
    recipe = rft_recipe(data_folder(tmp_path / "set", count=2), tmp_path / "run")
    checkpoint = tmp_path / "run" / "checkpoint-2"
    checkpoint.mkdir(parents=True)
    (checkpoint / COMPLETE).touch()
    keep_recipe(tmp_path / "run", recipe)
    return recipe


@pytest.mark.parametrize(
    ("part", "changes", "said"),
    [
        ("run", {"seed": 7}, r"run.seed 0, not 7\..*--no-resume"),
        ("optim", {"learning_rate": 0.5}, "optim.learning_rate"),
        ("model", {"base": "nano"}, "model.base"),
        ("rft", {"group": 2}, "rft.group"),
        ("data", {"train": ["elsewhere"]}, "data.train"),
    ],
)
def test_a_run_of_another_recipe_is_not_gone_on_with(begun, part, changes, said):
    file = Path(begun.run.output) / "recipe.json"
    kept = file.read_text()
    other = begun.model_dump()
    other[part] |= changes
    with pytest.raises(TrainingError, match=said) as told:
        running.run_recipe(type(begun).model_validate(other))
    assert "\n" not in str(told.value)
    assert file.read_text() == kept


def test_what_takes_no_part_in_the_steps_may_change(begun, tmp_path, monkeypatch):
    other = begun.model_dump()
    other["optim"]["steps"] += 5
    other["run"] |= {"save_every": 9, "log_every": 3}
    other["guard"]["window"] = 3
    monkeypatch.chdir(tmp_path)
    other["data"]["train"] = ["set"]
    check_unchanged(tmp_path / "run", type(begun).model_validate(other))
    # A setting of another version, a file that can't be read, and an empty folder say nothing.
    file = tmp_path / "run" / "recipe.json"
    file.write_text(json.dumps({"optim": {"gone": 1}}))
    check_unchanged(tmp_path / "run", begun)
    file.write_text("{")
    check_unchanged(tmp_path / "run", begun)
    (tmp_path / "run" / "checkpoint-2" / COMPLETE).unlink()
    file.write_text(json.dumps({"run": {"seed": 9}}))
    check_unchanged(tmp_path / "run", begun)


@pytest.mark.parametrize(("rank", "moved"), [("0", True), ("1", False), ("", True)])
def test_of_several_processes_one_puts_aside(begun, tmp_path, monkeypatch, rank, moved):
    monkeypatch.setenv("RANK", rank)
    assert running._begin(begun, tmp_path / "run", resume=False) is None
    assert (tmp_path / "run" / "before-1" / "checkpoint-2").exists() == moved


def test_a_build_of_scenes_that_was_broken_off_goes_on(tmp_path, monkeypatch):
    def ended(recipe):
        return Outcome(tmp_path / "out" / LAST, recipe.optim.steps, None)

    def killed(*_):
        raise KeyboardInterrupt

    part = Finetune(recipe="nano-rft", scenes=12, steps=1)
    monkeypatch.setattr("gemvg.training.run.run_recipe", ended)
    with monkeypatch.context() as once:
        once.setattr("gemvg.training.data.build._merge", killed)
        with pytest.raises(KeyboardInterrupt):
            finetuning.finetune(part, tmp_path / "base", tmp_path / "out")
    assert not (tmp_path / "out" / "scenes" / "samples.jsonl").exists()
    assert finetuning.finetune(part, tmp_path / "base", tmp_path / "out") is not None
    assert (tmp_path / "out" / "scenes" / "samples.jsonl").is_file()
