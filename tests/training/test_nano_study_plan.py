"""The study's plan: arms are recipes or made of others; a run that fails stops no other."""

import dataclasses
from concurrent.futures import Future
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from gemvg.tools.errors import GemvgError, TrainingError, UsageError
from gemvg.training.nano.study import (
    ARMS,
    StudyPlan,
    read_study,
    runs,
)
from gemvg.training.rewards.presets import get_preset
from gemvg.training.run_folder import Outcome
from tests.training.study_answers import answers


def plan_of(folder, **changes):
    trained = (folder / "train",)
    return StudyPlan(folder / "study", "nano", trained, (folder / "held",), **changes)


@pytest.mark.parametrize("arm", ARMS)
def test_every_arm_is_a_whole_recipe(arm, tmp_path):
    recipe = plan_of(
        tmp_path, arms=(arm, "hybrid"), steps=7, overrides=("optim.batch=16",),
        again=(tmp_path / "more",), episodes=(tmp_path / "said",),
    )  # fmt: skip
    found = recipe.recipe_of(arm, 3)
    assert (found.optim.steps, found.optim.batch, found.run.seed) == (7, 16, 3)
    assert found.run.output.endswith(f"{arm}-3")
    kept = get_preset(found.rft.preset).without(*found.rft.drop_terms)
    assert len(kept.terms) == len(get_preset(found.rft.preset).terms) - len(found.rft.drop_terms)
    modes = set(found.rft.shares.layout(8))
    assert modes == {"direct-only": {"direct"}, "think-only": {"think"}}.get(
        arm, {"think", "direct", "auto"}
    )


def test_one_arm_is_trained_on_conversations_too(tmp_path):
    plan = plan_of(tmp_path, episodes=(tmp_path / "said",))
    names = {
        arm: [Path(folder).name for folder in plan.recipe_of(arm, 0).data.train]
        for arm in ("hybrid", "with-episodes")
    }
    assert names == {"hybrid": ["train"], "with-episodes": ["train", "said"]}


def test_paths_are_taken_as_they_are(tmp_path):
    plan = StudyPlan(
        tmp_path / "my #1: study", str(tmp_path / "a #2"), (tmp_path / "t",), (tmp_path / "h",)
    )
    recipe = plan.recipe_of("hybrid", 0)
    assert recipe.model.base == str(tmp_path / "a #2")
    assert Path(recipe.run.output) == plan.folder("hybrid", 0)


def test_a_run_that_was_stopped_is_not_measured(tmp_path, monkeypatch):
    plan = plan_of(tmp_path)
    stopped = Outcome(plan.folder("hybrid", 0) / "last", 37, "a signal asked for it")
    monkeypatch.setattr("gemvg.training.run.run_recipe", lambda recipe: stopped)
    with pytest.raises(TrainingError, match="hybrid 0 was stopped at step 37: a signal"):
        runs._one(plan, "hybrid", 0, 1)
    assert not list(tmp_path.rglob("measured*.json"))


class HereAndNow:
    """A pool that runs in this process."""

    def __init__(self, *_, **__):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def submit(self, call, *given):
        made = Future()
        try:
            made.set_result(call(*given))
        except GemvgError as error:
            made.set_exception(error)
        return made


def test_a_run_that_fails_stops_no_other(tmp_path, monkeypatch):
    def one(plan, arm, seed, threads):
        if seed == 0:
            raise TrainingError("no luck")
        return f"{arm} {seed} done"

    monkeypatch.setattr(runs, "ProcessPoolExecutor", HereAndNow)
    monkeypatch.setattr(runs, "_one", one)
    told = []
    with pytest.raises(TrainingError, match="no luck"):
        runs.run_study(plan_of(tmp_path, arms=("hybrid",), seeds=(0, 1, 2)), told.append)
    assert sorted(told) == ["hybrid 0 failed: no luck", "hybrid 1 done", "hybrid 2 done"]


def test_there_is_no_other_arm(tmp_path):
    with pytest.raises(UsageError, match="no arm 'lucky'"):
        plan_of(tmp_path, arms=("lucky",))


def test_the_first_seed_of_all_arms_is_run_first(tmp_path):
    plan = plan_of(tmp_path, arms=("hybrid", "sft", "think-only"), seeds=(0, 1))
    assert plan.phases == (
        (("sft", 0), ("hybrid", 0), ("think-only", 0), ("hybrid", 1), ("think-only", 1)),
    )


def test_arms_that_are_made_of_others_come_after_them(tmp_path):
    arms = ("hybrid-again-mean", "hybrid-mean", "hybrid-again", "hybrid")
    plan = plan_of(tmp_path, arms=arms, seeds=(0, 1), again=(tmp_path / "more",))
    assert plan.phases == (
        (("hybrid", 0), ("hybrid", 1)),
        (("hybrid-again", 0), ("hybrid-again", 1)),
        (("hybrid-again-mean", 0), ("hybrid-mean", 0)),
    )
    found = plan.recipe_of("hybrid-again", 1)
    assert found.model.base == str(plan.folder("hybrid", 1) / "last")
    assert [Path(folder).name for folder in found.data.train] == ["more"]


def test_what_goes_on_and_what_is_a_mean_begin_where_the_others_ended(tmp_path, monkeypatch):
    """A run adds 1 to what it begins with, and its seed."""

    def weight(folder):
        return load_file(Path(folder) / "model.safetensors")["w"].item()

    def trained(recipe):
        last = Path(recipe.run.output) / "last"
        last.mkdir(parents=True)
        value = weight(recipe.model.base) + 1.0 + recipe.run.seed
        save_file({"w": torch.tensor(value)}, last / "model.safetensors")
        return Outcome(last, 600, None)

    def asked(model, held):
        seen.append((model.parent.name, weight(model)))
        return answers("a", "common", 1.0, 0.5, True)

    seen = []
    base = tmp_path / "study" / "base"
    base.mkdir(parents=True)
    save_file({"w": torch.tensor(10.0)}, base / "model.safetensors")
    monkeypatch.setattr(runs, "ProcessPoolExecutor", HereAndNow)
    monkeypatch.setattr("gemvg.training.run.run_recipe", trained)
    monkeypatch.setattr("gemvg.training.nano.measure.measure", asked)
    arms = ("hybrid", "hybrid-mean", "hybrid-again", "hybrid-again-mean", "hybrid-cycles")
    plan = dataclasses.replace(
        plan_of(tmp_path, arms=arms, seeds=(0, 1), again=(tmp_path / "more",)), base=str(base)
    )
    runs.run_study(plan, lambda _: None)
    assert dict(seen) == {
        "hybrid-0": 11.0, "hybrid-1": 12.0, "hybrid-mean-0": 11.5,
        "hybrid-again-0": 12.0, "hybrid-again-1": 14.0, "hybrid-again-mean-0": 13.0,
        "hybrid-cycles-0": 11.5, "hybrid-cycles-1": 13.0,
    }  # fmt: skip
    assert {one.arm for one in read_study(plan.output)} == set(arms)


@pytest.mark.parametrize(
    ("arms", "again", "said"),
    [
        (("hybrid-mean",), (), "hybrid-mean is made of hybrid"),
        (("hybrid", "hybrid-again-mean"), (), "hybrid-again-mean is made of hybrid-again"),
        (("hybrid-again",), (Path("more"),), "hybrid-again is made of hybrid"),
        (("hybrid", "hybrid-cycles"), (), "hybrid-cycles is made of hybrid and hybrid-again"),
        (("hybrid", "hybrid-again"), (), "no questions"),
        (("with-episodes",), (), "no conversations"),
    ],
)
def test_arms_without_what_they_are_made_of(tmp_path, arms, again, said):
    with pytest.raises(UsageError, match=said):
        plan_of(tmp_path, arms=arms, again=again)


def test_one_seed_has_no_mean(tmp_path):
    with pytest.raises(UsageError, match="mean of several seeds"):
        plan_of(tmp_path, arms=("hybrid", "hybrid-mean"), seeds=(0,))
