"""Recipes, the plan and the guard: what is refused before and during a run, in one line."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from gemvg.agent.cli.main import run
from gemvg.tools.errors import DataError
from gemvg.training.callbacks import Guard
from gemvg.training.plan import plan
from gemvg.training.recipe import RECIPES, GuardPart, read_recipe
from gemvg.training.rft.modes import HybridShares
from gemvg.training.run_folder import COMPLETE, last_good_checkpoint

NAMES = sorted(path.stem for path in RECIPES.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_packaged_recipes_are_valid(name):
    recipe = read_recipe(name)
    assert recipe.name == name
    assert (
        recipe.stage in name or name in ("qwen3-vl-8b", "qwen3-vl-2b-lora", "tiny") or "-s" in name
    )


def test_a_base_that_comes_with_the_package_is_read_from_there():
    part = read_recipe("nano-rft").model
    assert part.base == "nano"
    assert (Path(part.source) / "model.safetensors").is_file()
    assert read_recipe("tiny").model.source == "tiny-model"


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("optim.learning_rat=1", "optim.learning_rat"),
        ("optim.steps=many", "optim.steps"),
        ("optim.batch=6", r"multiple of rft.group \(4\)"),
        ("sft={stage: s1}", "exactly one of sft and rft"),
        ("rft.shares={think: 0.8, direct: 0.8}", "more than 1"),
        ("rft.tools=[fly]", "rft.tools"),
        ("nonsense", "part.key=value"),
        ("name.deep.er=1", "no such part"),
        ("rft.shares={think: 1.0}", r"think and direct shares \(1 and 0.375\)"),
        ("rft.clip=[-0.2, 0.2]", "rft.clip.0"),
        ("run.eval_every=5", "run.eval_every needs data.eval"),
        ("run.seed=-1", "run.seed"),
        ("run.seed=4294967296", "run.seed"),
    ],
)
def test_a_wrong_value_is_named(override, said):
    with pytest.raises(DataError, match=said) as told:
        read_recipe("tiny", [override])
    assert "\n" not in str(told.value)


def test_a_share_that_is_not_given_stays_what_it_is():
    shares = read_recipe("tiny", ["rft.shares.think=0.5"]).rft.shares
    assert (shares.think, shares.direct) == (0.5, 0.375)


@pytest.mark.parametrize("content", ["", "[]", "text", "3"])
def test_a_recipe_that_is_no_mapping_is_refused_with_overrides_too(tmp_path, content):
    (tmp_path / "r.yaml").write_text(content)
    with pytest.raises(DataError, match="mapping of parts"):
        read_recipe(tmp_path / "r.yaml", ["name=x"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rft", "nosuch"], "no such recipe"),
        (["sft", "tiny"], "gemvg-agent train rft tiny"),
        (["rft", "tiny", "--set", "rft.group=1"], "rft.group"),
        (["rft", "tiny", "--set", "model.base=/nowhere"], "can't be loaded"),
        (["plan", "tiny", "--set", "model.base=/nowhere"], "can't be loaded"),
    ],
)
def test_the_command_line_says_it_in_one_line(capsys, arguments, said):
    assert run(["train", *arguments]) != 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err
    assert printed.err.count("\n") <= 2


def config(family):
    """Real shapes without weights: Qwen2-VL-7B and Qwen3-VL-8B as published."""
    import transformers as t

    if family == "qwen2-vl-7b":
        text = {"hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28,
                "num_attention_heads": 28, "num_key_value_heads": 4,
                "vocab_size": 152064}  # fmt: skip
        vision = {"depth": 32, "embed_dim": 1280, "num_heads": 16, "hidden_size": 3584,
                  "mlp_ratio": 4, "patch_size": 14}  # fmt: skip
        return t.Qwen2VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=False)
    text = {"hidden_size": 4096, "intermediate_size": 12288, "num_hidden_layers": 36,
            "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128,
            "vocab_size": 151936}  # fmt: skip
    vision = {"depth": 27, "hidden_size": 1152, "intermediate_size": 4304, "num_heads": 16,
              "patch_size": 16, "out_hidden_size": 4096, 
              "deepstack_visual_indexes": [8, 16, 24]}  # fmt: skip
    return t.Qwen3VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "recipe", "billions"),
    [("qwen2-vl-7b", "gemvg-7b-rft", 8.29), ("qwen3-vl-8b", "qwen3-vl-8b", 8.77)],
)
def test_the_plan_of_real_shapes_is_sane(monkeypatch, family, recipe, billions):
    shape = config(family)
    parsed = read_recipe(recipe)
    made = plan(parsed, shape)
    assert made.parameters / 1e9 == pytest.approx(billions, abs=0.05)
    # Weights, gradients and two moments in float32: 4 + 4 + 8 bytes.
    assert made.memory["weights"] == pytest.approx(billions * 4e9 / 2**30, rel=0.02)
    full = made.memory["gradients"] + made.memory["optimizer"]
    assert full == pytest.approx(made.trained * 12 / 2**30)
    assert made.trained < made.parameters
    assert made.fits

    # On a device of 24 GiB that is refused, and an adapter without vLLM nearly is.
    monkeypatch.setattr("gemvg.training.plan._device", lambda recipe: 24.0)
    assert not plan(parsed, shape).fits
    light = parsed.model_dump()
    light["model"]["lora"] = {"rank": 16}
    adapter = plan(type(parsed).model_validate(light), shape)
    assert adapter.trained < 0.02 * made.parameters
    assert adapter.total < 0.5 * made.total
    monkeypatch.setattr("gemvg.training.plan._device", lambda recipe: 141.0)
    assert plan(parsed, shape).seconds > 0


def step(guard, **logs):
    control = SimpleNamespace(should_training_stop=False)
    guard.on_log(None, None, control, logs=logs)
    return control.should_training_stop


@pytest.mark.parametrize(
    ("bad", "good", "said"),
    [
        ({"entropy": 0.0}, {"entropy": 0.4}, "entropy"),
        ({"modes/auto/think_share": 1.0}, {"modes/auto/think_share": 0.5}, "mode has died"),
        ({"modes/auto/think_share": 0.0}, {"modes/auto/think_share": 0.9}, "mode has died"),
        ({"completions/clipped_ratio": 1.0}, {"completions/clipped_ratio": 0.2}, "token limit"),
        ({"reward_std": 0.0}, {"reward_std": 0.4}, "rewards differ"),
    ],
)
def test_the_guard_stops_a_collapse_and_no_single_odd_step(bad, good, said):
    part = GuardPart(window=5, min_mode_share=0.02)
    guard = Guard(part)
    assert not any(step(guard, **good) for _ in range(5))
    assert not step(guard, **bad)
    assert guard.stopped is None
    stops = [step(guard, **bad) for _ in range(6)]
    assert stops[-1]
    assert said in guard.stopped
    fresh = Guard(part)
    assert not any(step(fresh, **bad) for _ in range(4))


def test_the_guard_of_a_run_that_goes_on_remembers_the_steps_before_its_checkpoint():
    part = GuardPart(window=5)
    whole, resumed = Guard(part), Guard(part)
    logged = [{"entropy": value, "step": k} for k, value in enumerate([0.4, 0, 0, 0, 0, 0])]
    stops = [step(whole, **logs) for logs in logged]
    assert stops == [False] * 5 + [True]
    resumed.on_train_begin(None, SimpleNamespace(log_history=logged[:4]), None)
    assert [step(resumed, **logs) for logs in logged[4:]] == stops[4:]


def test_a_half_written_checkpoint_is_no_checkpoint(tmp_path):
    for number in (9, 10, 100):
        folder = tmp_path / f"checkpoint-{number}"
        folder.mkdir()
        if number < 100:
            (folder / COMPLETE).write_text(json.dumps({"step": number}))
    assert last_good_checkpoint(tmp_path).name == "checkpoint-10"
    assert last_good_checkpoint(tmp_path / "none") is None


@pytest.mark.parametrize(
    ("think", "direct", "group", "counts"),
    [(0.5, 0.5, 8, (4, 4, 0)), (0.375, 0.375, 8, (3, 3, 2)), (1.0, 0.0, 4, (4, 0, 0)),
     (0.0, 1.0, 4, (0, 4, 0)), (0.0, 0.0, 4, (0, 0, 4)), (0.9, 0.05, 4, (2, 1, 1)),
     (0.34, 0.33, 2, (1, 1, 0))],
)  # fmt: skip
def test_shares_become_slots(think, direct, group, counts):
    layout = HybridShares(think=think, direct=direct).layout(group)
    assert len(layout) == group
    assert tuple(layout.count(mode) for mode in ("think", "direct", "auto")) == counts
