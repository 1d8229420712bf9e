"""The study: arms are recipes, answers add up, a run that is measured is left alone."""

import dataclasses
import json
from concurrent.futures import Future
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from gemvg.agent.cli.main import run
from gemvg.policy.presets import get_preset as get_policy
from gemvg.tools.errors import DataError, GemvgError, TrainingError, UsageError
from gemvg.training.data.build import build
from gemvg.training.data.recipe import load_recipe
from gemvg.training.nano.measure import Measured, measure
from gemvg.training.nano.study import (
    ARMS,
    StudyPlan,
    paired_gain,
    plots,
    pooled,
    read_study,
    runs,
    write_gains,
    write_room,
    write_table,
)
from gemvg.training.nano.study.runs import read_curve
from gemvg.training.nano.study.summary import SUMMARY, WAYS, summarize
from gemvg.training.rewards.presets import get_preset
from gemvg.training.run_folder import Outcome


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


def answers(sample, task, think, direct, auto_thinks):
    auto = think if auto_thinks else direct
    return [
        Measured(sample, task, "think", think, 40, True),
        Measured(sample, task, "direct", direct, 10, False),
        Measured(sample, task, "auto", auto, 40 if auto_thinks else 10, auto_thinks),
    ]


def test_answers_add_up_by_task_and_the_oracle_takes_the_better():
    found = [
        *answers("a", "retrieval", 0.0, 1.0, False),
        *answers("b", "retrieval", 1.0, 1.0, True),
        *answers("c", "common", 1.0, 0.5, True),
    ]
    one = summarize("sft", 0, found)
    assert one.questions == 3
    assert one.macro("direct") == pytest.approx(0.75)
    assert one.macro("think") == pytest.approx(0.75)
    assert one.macro("oracle") == pytest.approx(1.0)
    # What is right either way goes to the shorter.
    assert one.tokens["oracle"] == {"common": 40.0, "retrieval": 10.0}
    assert one.thinks == {"common": 1.0, "retrieval": 0.5}
    with pytest.raises(DataError):
        summarize("sft", 0, [])


def test_a_table_gives_means_and_ranges(tmp_path):
    for seed, worth in enumerate((0.5, 0.7)):
        for arm in ("sft", "hybrid"):
            folder = tmp_path / f"{arm}-{seed}"
            folder.mkdir()
            found = summarize(arm, seed, answers("a", "common", worth, worth, False))
            (folder / SUMMARY).write_text(found.text)
    header, *rows = write_table(read_study(tmp_path))
    assert header[0] == "arm"
    assert len(header) == 3 + 2 * len(WAYS)
    assert [row[:3] for row in rows] == [
        ["sft", "2", "0.600 (0.500-0.700)"], ["hybrid", "2", "0.600 (0.500-0.700)"],
    ]  # fmt: skip
    (tmp_path / "hybrid-0" / SUMMARY).write_text("{")
    with pytest.raises(DataError, match="no summary"):
        read_study(tmp_path)


def measured(arm, seed, worths):
    """A run whose answers to questions of two tasks are worth the same in every mode."""
    found = [
        one
        for task, own in worths.items()
        for number, worth in enumerate(own)
        for one in answers(f"{task}{number}", task, worth, worth, False)
    ]
    return summarize(arm, seed, found)


def in_auto(*runs):
    return [(run, "auto") for run in runs]


def test_a_gain_is_paired_by_question():
    """Questions differ more than arms do: unpaired, the interval would be wide."""
    base = measured("sft", 0, {"common": [0.0, 0.2, 0.5, 0.9], "absent": [0.1, 0.8]})
    more = measured("hybrid", 0, {"common": [0.1, 0.3, 0.6, 1.0], "absent": [0.2, 0.9]})
    gain = paired_gain(in_auto(more), in_auto(base))
    assert gain.mean == pytest.approx(0.1)
    assert gain.low == pytest.approx(0.1)
    assert gain.high == pytest.approx(0.1)
    assert gain.points == "+10.0 (+10.0 to +10.0)"


def test_a_gain_is_as_sure_as_questions_and_seeds_allow():
    base = measured("sft", 0, {"common": [0.0, 0.0, 0.0, 0.0]})
    some = measured("hybrid", 0, {"common": [1.0, 0.0, 0.0, 0.0]})
    gain = paired_gain(in_auto(some), in_auto(base))
    # Of four differences 1, 0, 0, 0: mean 1/4, variance 1/4, so the mean's is 1/16.
    assert gain.mean == pytest.approx(0.25)
    assert gain.high - gain.mean == pytest.approx(1.96 * 0.25)
    again = measured("hybrid", 1, {"common": [1.0, 1.0, 0.0, 0.0]})
    both = paired_gain(in_auto(some, again), in_auto(base))
    assert both.seeds == pytest.approx((0.25, 0.5))
    # Questions 1, 1/2, 0, 0: variance 11/48 of four; seeds 1/4 and 1/2: variance 1/32 of two.
    assert both.high - both.mean == pytest.approx(1.96 * (11 / 192 + 1 / 64) ** 0.5)


def test_no_gain_where_the_questions_are_not_the_same():
    base = measured("sft", 0, {"common": [0.0, 1.0]})
    other = measured("hybrid", 0, {"common": [0.0, 1.0, 1.0]})
    old = dataclasses.replace(base, arm="hybrid", scores={})
    for one in (other, old, measured("hybrid", 0, {"absent": [0.0, 1.0]})):
        assert paired_gain(in_auto(one), in_auto(base)) is None
        assert len(write_gains([base, one])) == 1
    assert paired_gain([], in_auto(base)) is None


def test_arms_are_held_against_hybrid_in_the_way_that_they_were_trained_for():
    base = measured("sft", 0, {"common": [0.0, 0.2]})
    hybrid = measured("hybrid", 0, {"common": [0.6, 0.8]})
    found = [answers("a", "common", 0.9, 0.4, False), answers("b", "common", 1.0, 0.5, False)]
    think = summarize("think-only", 0, [one for own in found for one in own])
    header, *rows = write_gains([base, hybrid, think])
    assert header == ["arm", "think over sft", "direct over sft", "auto over sft", "hybrid over it"]
    assert [row[0] for row in rows] == ["hybrid", "think-only"]
    assert rows[0][3].startswith("+60.0 (")
    assert rows[0][4] == ""
    assert rows[1][1].startswith("+85.0 (")
    assert rows[1][4].startswith("-25.0 (")


def test_a_second_try_gains_where_there_is_no_choice():
    def run(seed, think, direct):
        found = measured("hybrid", seed, {"common": [0.5] * 4, "absent": [1.0] * 4})
        scores = {"think": think, "direct": direct}
        flat = {way: {"common": values, "absent": [1.0] * 4} for way, values in scores.items()}
        return dataclasses.replace(found, scores=found.scores | flat)

    first = run(0, think=[1.0, 0.0, 0.0, 0.0], direct=[0.0, 1.0, 1.0, 0.0])
    second = run(1, think=[1.0, 0.0, 0.0, 0.0], direct=[1.0, 0.0, 0.0, 1.0])
    header, row = write_room([first, second])
    assert len(header) == len(row)
    # Direct has 2 of 4; with thoughts 3 and 2. Two direct answers have all, two thoughts 1.
    assert row == ["hybrid", "0.750", "0.750", "0.750", "0.812", "1.000", "0.625"]
    assert write_room([first])[1][5:] == ["", ""]
    assert len(write_room([dataclasses.replace(first, scores={})])) == 1


def test_no_two_arms_of_a_plot_look_alike():
    assert len({plots._colour(number) for number in range(20)}) == 20


def test_sets_of_the_same_tasks_are_pooled():
    def of(arm, held, scores):
        return dataclasses.replace(measured(arm, 0, scores), held=held)

    sets = {
        "near": [of("sft", "near", {"common": [0.0, 0.0]}),
                 of("hybrid", "near", {"common": [1.0, 1.0]}),
                 of("think-only", "near", {"common": [1.0, 1.0]})],
        "far": [of("sft", "far", {"common": [0.5, 0.5]}),
                of("hybrid", "far", {"common": [0.5, 0.5]})],
        "other": [of("hybrid", "other", {"common": [1.0], "absent": [1.0]})],
    }  # fmt: skip
    found = pooled(sets)
    assert list(found) == ["near + far"]
    base, hybrid = found["near + far"]
    assert (base.arm, hybrid.arm, hybrid.questions) == ("sft", "hybrid", 4)
    gain = paired_gain(in_auto(hybrid), in_auto(base))
    # Of four differences 1, 1, 0, 0: mean 1/2, variance 1/3.
    assert gain.mean == pytest.approx(0.5)
    assert gain.high - gain.mean == pytest.approx(1.96 * (1 / 12) ** 0.5)


def test_summaries_without_scores_are_not_pooled():
    old = [dataclasses.replace(measured("sft", 0, {"common": [1.0]}), scores={}) for _ in "ab"]
    assert pooled({"a": [old[0]], "b": [old[1]]}) == {}


def test_a_log_becomes_a_short_curve(tmp_path):
    lines = [{"step": k, "reward": float(k), "modes/auto/think_share": 0.5} for k in range(1, 101)]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, [*lines, {"step": 100}])))
    curve = read_curve(tmp_path / "log.jsonl")
    assert len(curve) == 20
    assert curve[0] == {"step": 5.0, "reward": 3.0, "think_share": 0.5}
    assert read_curve(tmp_path / "none.jsonl") == []


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """A training and a held-out set of composed scenes."""
    folder = tmp_path_factory.mktemp("scenes")
    for name, seed in (("train", 1), ("held", 2)):
        recipe = load_recipe("nano-scenes").model_copy(update={"size": 24, "seed": seed})
        build(recipe, folder / name, folder, workers=1)
    return folder


def test_the_shipped_weights_are_measured_in_every_mode(scenes):
    found = list(measure(get_policy("nano").folder, scenes / "held", limit=6))
    assert [one.mode for one in found] == ["think", "direct", "auto"] * 6
    assert all(0.0 <= one.f1 <= 1.0 and one.tokens > 0 for one in found)
    assert not any(one.thought for one in found if one.mode == "direct")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_study_runs_prints_and_goes_on(scenes, tmp_path, capfd):
    command = [
        "train", "nano-study", str(tmp_path / "study"), "--train", str(scenes / "train"),
        "--held", str(scenes / "held"), "--held", str(scenes / "train"), "--arms", "sft,hybrid",
        "--seeds", "1", "--steps", "1", "--jobs", "2", "--set", "optim.batch=8",
    ]  # fmt: skip
    assert run(command) == 0
    first = capfd.readouterr()
    assert "hybrid" in first.out
    assert "nano_study_tokens_held.png" in first.out
    assert "nano_study_tokens_train.png" in first.out
    summary = tmp_path / "study" / "hybrid-0" / SUMMARY
    stamp = summary.stat().st_mtime_ns
    assert json.loads(summary.read_text())["curve"][0]["step"] == 1.0
    model = tmp_path / "study" / "hybrid-0" / "last" / "model.safetensors"
    trained = model.stat().st_mtime_ns
    (summary.parent / "measured-train.json").unlink()
    assert run(command) == 0
    assert summary.stat().st_mtime_ns == stamp
    # A run that is trained is only measured on what it was not measured on yet.
    assert model.stat().st_mtime_ns == trained
    assert (summary.parent / "measured-train.json").is_file()
    assert run(["train", "nano", "--study", str(tmp_path / "study")]) == 0
    assert capfd.readouterr().out.count("nano_study_rewards_held.png") == 2
