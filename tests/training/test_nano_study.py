"""The study as it is run: weights are measured in every mode; what is measured is left alone."""

import json

import pytest

from gemvg.agent.cli.main import run
from gemvg.policy.presets import get_preset as get_policy
from gemvg.training.data.build import build
from gemvg.training.data.recipe import load_recipe
from gemvg.training.nano.measure import measure
from gemvg.training.nano.study.runs import read_curve
from gemvg.training.nano.study.summary import SUMMARY


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
