"""A run's folder: what a kill leaves is gone on from, another recipe's run is not taken for it."""

import json
from pathlib import Path

import pytest

from gemvg.tools.errors import TrainingError
from gemvg.training import run as running
from gemvg.training.nano import finetune as finetuning
from gemvg.training.nano.recipe import Finetune
from gemvg.training.nano.study.runs import read_curve
from gemvg.training.recipe_kept import check_unchanged, keep_recipe
from gemvg.training.run_folder import (
    COMPLETE,
    LAST,
    Outcome,
    put_aside,
    put_back,
    read_log,
    read_outcome,
    read_steps,
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
        ("model", {"lora": {"rank": 4}}, r"model.lora null, not \{.rank.: 4"),
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


@pytest.mark.parametrize("part", ["lora", "stage"])
def test_a_part_that_one_of_two_recipes_has_makes_them_others(begun, tmp_path, part):
    other = begun.model_dump()
    if part == "lora":
        other["model"]["lora"] = {"rank": 4}
    else:
        other |= {"rft": None, "sft": {"stage": "s1"}}
    changed = type(begun).model_validate(other)
    for first, second in ((begun, changed), (changed, begun)):
        keep_recipe(tmp_path / "run", first)
        with pytest.raises(TrainingError, match=r"model.lora|sft"):
            check_unchanged(tmp_path / "run", second)


def test_a_limit_that_stopped_a_run_may_be_raised(begun, tmp_path):
    """The cure that its error names."""
    given = begun.model_dump() | {"rft": None, "sft": {"max_tokens": 9}}
    keep_recipe(tmp_path / "run", type(begun).model_validate(given))
    given["sft"] = {"max_tokens": 99}
    check_unchanged(tmp_path / "run", type(begun).model_validate(given))


def test_half_written_checkpoints_do_not_outlive_good_ones(begun, tmp_path):
    """With keep=1 the newest one stays, which would be the torn one for ever."""
    (tmp_path / "run" / "checkpoint-9").mkdir()
    assert running._begin(begun, tmp_path / "run", resume=True).name == "checkpoint-2"
    assert [p.name for p in (tmp_path / "run").glob("checkpoint-*")] == ["checkpoint-2"]


def test_a_model_that_was_set_aside_does_not_come_back_into_a_run_that_began_anew(tmp_path):
    model(tmp_path / "last.old", 1)
    put_aside(tmp_path)
    put_back(tmp_path)
    assert read_outcome(tmp_path / LAST) is None


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
        once.setattr("gemvg.training.data.build.merge", killed)
        with pytest.raises(KeyboardInterrupt):
            finetuning.finetune(part, tmp_path / "base", tmp_path / "out")
    assert not (tmp_path / "out" / "scenes" / "samples.jsonl").exists()
    assert finetuning.finetune(part, tmp_path / "base", tmp_path / "out") is not None
    assert (tmp_path / "out" / "scenes" / "samples.jsonl").is_file()


def test_a_line_that_a_kill_cut_costs_no_other(tmp_path):
    from types import SimpleNamespace

    from gemvg.training.callbacks import JsonLog

    def told(log, step):
        state = SimpleNamespace(is_world_process_zero=True, global_step=step)
        log.on_log(None, state, None, logs={"reward": step / 10})

    file = tmp_path / "log.jsonl"
    told(JsonLog(tmp_path), 1)
    with file.open("a") as out:
        out.write('{"step": 2, "rew')
    again = JsonLog(tmp_path)
    told(again, 2)
    told(again, 3)
    assert [line["step"] for line in read_log(file)] == [1, 2, 3]
    assert [line["reward"] for line in read_steps(file, "reward")] == [0.1, 0.2, 0.3]
    assert read_log(tmp_path / "none") == []


def test_of_a_step_that_was_done_again_the_last_line_counts(tmp_path):
    """Killed at step 4, gone on with from checkpoint 2, logging every second step by then."""
    tried = [{"step": step, "reward": 0.0} for step in (1, 2, 3, 4)]
    again = [{"step": 2, "eval_loss": 1.0}, {"step": 2, "reward": 0.5}, {"step": 4, "reward": 0.6}]
    file = tmp_path / "log.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in [*tried, *again, {"step": 4}]))
    found = [(line["step"], line["reward"]) for line in read_steps(file, "reward")]
    assert found == [(1, 0.0), (2, 0.5), (4, 0.6)]
    assert read_curve(file) == [{"step": float(step), "reward": value} for step, value in found]
    assert read_steps(tmp_path / "none", "reward") == []
