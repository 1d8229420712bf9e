"""Nano runs: exact resume, legs that train what they say, learning, the folder as a policy."""

import asyncio
import json
import signal

import pytest
import torch
import typer
from PIL import Image
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from gemvg.agent.cli import train as train_command
from gemvg.policy.policy import Request
from gemvg.policy.registry import load_policy
from gemvg.tools.errors import DataError, TrainingError, UsageError, WeightsError
from gemvg.tools.images import picture_from_image
from gemvg.tools.views import ViewBook
from gemvg.training import run as runs
from gemvg.training.nano.evaluate import evaluate
from gemvg.training.nano.finetune import WEIGHTS as WEIGHTS_FILE
from gemvg.training.nano.finetune import take
from gemvg.training.nano.leg import STATE, WEIGHTS, LegRun
from gemvg.training.nano.optimizer import is_inner_matrix, rate
from gemvg.training.nano.recipe import Leg, packaged_recipes, read_nano_recipe
from gemvg.training.nano.steps import Steps
from gemvg.training.nano.studio import open_studio
from gemvg.training.nano.train import read_log, train_nano
from gemvg.training.run_folder import LAST

from .test_nano_model import tiny

LEGS = [
    {"name": "vision", "trains": "vision", "steps": 3, "batch": 4},
    {"name": "language", "trains": "language", "steps": 3, "batch": 4, "pictures": {1: 1, 2: 1}},
    {"name": "joint", "trains": "joint", "steps": 3, "batch": 4, "pictures": {2: 1}, "common": 1},
]


def quiet(line):
    pass


def weights(studio):
    return {name: p.detach().clone() for name, p in studio.parameters.items()}


def test_a_run_goes_through_its_legs_and_exports(tmp_path):
    recipe = tiny(tmp_path, legs=LEGS, evaluate=6)
    folder = train_nano(recipe, quiet)
    log = read_log(tmp_path / "log.jsonl")
    assert {line["leg"] for line in log} == {"vision", "language", "joint"}
    assert [line["leg"] for line in log if "accuracy" in line] == ["language", "joint"]
    assert {p.name for p in tmp_path.glob("joint/*")} == {WEIGHTS}
    card = (folder / "README.md").read_text()
    assert "Acc@.5" in card and "| joint | joint | 12 |" in card
    # Once more: everything is done, and nothing is trained again.
    assert train_nano(recipe, quiet) == folder
    assert read_log(tmp_path / "log.jsonl") == log
    with pytest.raises(UsageError, match="another seed"):
        train_nano(recipe.model_copy(update={"seed": 1}), quiet)
    with pytest.raises(UsageError, match="no leg"):
        train_nano(recipe, quiet, "nothing")


def test_a_run_ends_with_finetuning_and_goes_on_where_that_was_broken_off(tmp_path, monkeypatch):
    # Two steps of a model that can't write earn nothing; what moves its weights is their decay.
    small = ["optim.batch=8", "optim.weight_decay=1.0", "optim.learning_rate=0.01",
             "rft.max_completion_tokens=8", "run.save_every=1", "run.sample_every=9"]  # fmt: skip
    stage = {"scenes": 24, "steps": 2, "set": small, "seed": 3}
    recipe = tiny(tmp_path, legs=LEGS[:2], finetune=stage)

    def broken_off(recipe, **given):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(runs, "run_recipe", broken_off)
        with pytest.raises(KeyboardInterrupt):
            train_nano(recipe, quiet)
    assert not (tmp_path / "model").exists()
    folder = train_nano(recipe, quiet)
    before, after = (load_file(tmp_path / part / WEIGHTS_FILE) for part in ("sft", "model"))
    moved = {n for n in before if not torch.equal(before[n], after[n])}
    assert moved
    assert not [name for name in moved if ".visual." in name], "its tower is frozen"
    assert {value.dtype for value in after.values()} == {torch.bfloat16}
    card = (folder / "README.md").read_text()
    assert "recipe nano-rft, seed 3" in card and "2 steps of 8 rollouts" in card
    assert "reinforcement" not in (tmp_path / "sft" / "README.md").read_text()
    with monkeypatch.context() as patched:
        patched.setattr(runs, "run_recipe", broken_off)
        assert train_nano(recipe, quiet) == folder, "it was finetuned twice"


def test_several_finetunings_become_one_model(tmp_path):
    small = ["optim.batch=8", "optim.weight_decay=1.0", "optim.learning_rate=0.01",
             "rft.max_completion_tokens=8", "run.save_every=1", "run.sample_every=9"]  # fmt: skip
    stage = {"scenes": 24, "steps": 1, "set": small, "seed": 3, "seeds": 2}
    folder = train_nano(tiny(tmp_path, legs=LEGS[:1], finetune=stage), quiet)
    assert "seeds 3, 4, the mean of their weights" in (folder / "README.md").read_text()
    ends = [load_file(tmp_path / "rft" / f"seed-{seed}" / LAST / WEIGHTS_FILE) for seed in (3, 4)]
    mean = load_file(tmp_path / "rft" / LAST / WEIGHTS_FILE)
    for name, value in mean.items():
        assert torch.allclose(value, (ends[0][name] + ends[1][name]) / 2), name
    made = load_file(folder / WEIGHTS_FILE)
    assert all(torch.equal(made[name], mean[name].to(torch.bfloat16)) for name in made)


def test_weights_of_another_size_are_not_taken(tmp_path):
    studio = open_studio(tiny(tmp_path), "cpu")
    save_file({"a": torch.zeros(1)}, tmp_path / WEIGHTS_FILE)
    with pytest.raises(WeightsError, match="another size"):
        take(studio, tmp_path)
    with pytest.raises(WeightsError, match="can't be read"):
        take(studio, tmp_path / "none")


@pytest.mark.parametrize("trains", ["vision", "joint"])
def test_a_resumed_leg_equals_an_uninterrupted_one(tmp_path, trains):
    leg = Leg(name="leg", trains=trains, steps=6, batch=3, questions=2)
    recipe = tiny(tmp_path)
    whole = open_studio(recipe, "cpu")
    assert LegRun(whole, leg, tmp_path / "whole", tmp_path / "a.jsonl", quiet).run()

    first = open_studio(recipe, "cpu")
    run = LegRun(first, leg, tmp_path / "parts", tmp_path / "b.jsonl", quiet)
    run.folder.mkdir()
    for step in range(3):
        run._one(Steps(first, leg)[step])
    run.save()
    # The weights of a process that has died are gone: only the leg's start and its file are left.
    second = open_studio(recipe, "cpu")
    again = LegRun(second, leg, tmp_path / "parts", tmp_path / "b.jsonl", quiet)
    assert again.run()
    assert again.step == 6
    expected = weights(whole)
    for name, value in weights(second).items():
        assert torch.equal(value, expected[name]), name
    assert not (tmp_path / "parts" / STATE).exists()


def test_a_signal_stops_between_steps_and_keeps_the_state(tmp_path):
    studio = open_studio(tiny(tmp_path), "cpu")
    leg = Leg(name="leg", trains="vision", steps=1000, batch=2)

    def stop(line):
        signal.raise_signal(signal.SIGTERM)

    run = LegRun(studio, leg, tmp_path / "leg", tmp_path / "log.jsonl", stop)
    assert not run.run()
    assert run.step == 10
    assert (tmp_path / "leg" / STATE).is_file()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.mark.parametrize("trains", ["vision", "language", "joint"])
def test_a_leg_changes_what_it_trains_and_nothing_else(tmp_path, trains):
    studio = open_studio(tiny(tmp_path), "cpu")
    before = weights(studio)
    leg = Leg(name="leg", trains=trains, steps=1, batch=3, pictures={2: 1})
    LegRun(studio, leg, tmp_path / "leg", tmp_path / "log.jsonl", quiet).run()
    changed = {n for n, v in weights(studio).items() if not torch.equal(v, before[n])}
    tower = {n for n in before if ".visual." in n and "deepstack" not in n}
    heads = {n for n in before if n.startswith("heads.")}
    # Attention does not change with a bias that all keys share, so a key's part may stay.
    expected = {
        "vision": tower | heads, "language": before.keys() - tower - heads, "joint": set(before)
    }[trains]  # fmt: skip
    assert changed <= expected
    assert len(changed) > 0.9 * len(expected)


def test_a_loss_that_is_no_number_stops_the_run(tmp_path):
    studio = open_studio(tiny(tmp_path), "cpu")
    with torch.no_grad():
        studio.heads["class"].bias.fill_(float("nan"))
    leg = Leg(name="leg", trains="vision", steps=2, batch=2)
    with pytest.raises(TrainingError, match="no number"):
        LegRun(studio, leg, tmp_path / "leg", tmp_path / "log.jsonl", quiet).run()


def test_matrices_inside_the_towers_go_to_muon():
    studio = open_studio(tiny(), "cpu")
    inner = {n for n, p in studio.parameters.items() if is_inner_matrix(n, p)}
    assert any("qkv" in n for n in inner) and any("down_proj" in n for n in inner)
    assert not [n for n in inner if "embed" in n or n.startswith("heads") or "bias" in n]


def test_the_schedule():
    assert rate(0.02) == pytest.approx(1.0)
    assert rate(1.0) == pytest.approx(0.05)
    assert 0 < rate(0.0) < rate(0.01) < rate(0.02)
    assert rate(0.3) > rate(0.6) > rate(0.99)


@pytest.mark.parametrize("name", packaged_recipes())
def test_packaged_recipes(name):
    recipe = read_nano_recipe(name)
    # The tower learns to see before anything is said of what it sees; tools come last.
    kinds = [leg.trains for leg in recipe.legs]
    assert kinds[:3] == ["vision", "vision", "language"]
    assert "vision" not in kinds[2:]
    assert recipe.episodes is not None
    assert recipe.legs[-1].tools > 0
    short = recipe.within(2.0)
    assert sum(leg.minutes for leg in short.legs) == pytest.approx(2.0)
    if recipe.finetune is not None:
        assert 1 <= short.finetune.steps < recipe.finetune.steps


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": "huge"}, "size"),
        ({"legs": []}, "legs"),
        ({"legs": [{"name": "a", "trains": "vision"}]}, "steps or minutes"),
        ({"legs": [{"name": "../a", "trains": "vision", "steps": 1}]}, "name"),
        ({"wordings": ["find it"]}, "label"),
        ({"colour": 1}, "colour"),
    ],
)
def test_wrong_recipes_say_what_is_wrong(tmp_path, change, message):
    file = tmp_path / "r.yaml"
    base = json.loads(tiny(tmp_path).model_dump_json())
    file.write_text(json.dumps({**base, **change}))
    with pytest.raises(DataError, match=message):
        read_nano_recipe(str(file))
    with pytest.raises(DataError, match="nano-4m"):
        read_nano_recipe("nowhere")


def test_the_command_and_the_folder_as_a_policy(tmp_path):
    file = tmp_path / "r.yaml"
    file.write_text(tiny(tmp_path / "run", legs=LEGS).model_dump_json())
    app = typer.Typer()
    train_command.register(app)
    result = CliRunner().invoke(app, ["train", "nano", str(file)], catch_exceptions=False)
    folder = result.stdout.strip().splitlines()[-1]
    assert folder == str(tmp_path / "run" / "model")
    policy = load_policy(folder)
    assert policy.dialect.name == "nano"
    pixels = [Image.new("RGB", size, (90, 120, 30)) for size in ((64, 64), (300, 200))]
    book = ViewBook([picture_from_image(p, f"{k}.png") for k, p in enumerate(pixels)])
    messages = policy.dialect.opening("find the red disc", book, [1, 2], "direct", [])
    prefill = policy.dialect.prefill("direct")
    request = Request("find the red disc", messages, book, prefill=prefill, max_tokens=8)
    completion = asyncio.run(policy.complete(request))
    assert completion.usage.completion_tokens >= 1
    asyncio.run(policy.aclose())


@pytest.mark.slow
def test_the_tower_learns_to_see(tmp_path):
    leg = Leg(name="vision", trains="vision", steps=160, batch=16)
    studio = open_studio(tiny(tmp_path), "cpu")
    before = evaluate(studio, 100, answers=False)
    LegRun(studio, leg, tmp_path / "leg", tmp_path / "log.jsonl", quiet).run()
    after = evaluate(studio, 100, answers=False)
    losses = [line["dense"] for line in read_log(tmp_path / "log.jsonl")]
    # Eight names: chance is an eighth of the cells.
    assert before.cells < 0.3
    assert after.cells > 0.6
    assert after.cell_iou > 0.5
    # The soft labels of the corners alone leave 1.8.
    assert losses[-1] - 1.8 < 0.6 * (losses[0] - 1.8)
