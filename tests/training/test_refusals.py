"""What a user can get wrong in a training run, through the command line: one line each."""

import json

import pytest

from gemvg.agent.cli.main import run
from gemvg.tools.errors import TrainingError
from gemvg.training.run import run_recipe
from tests.training import toy
from tests.training.tiny_data import data_folder, rft_recipe, sft_recipe


@pytest.fixture(scope="module")
def text_only(tmp_path_factory):
    """A model that sees nothing, with its tokenizer, as a folder."""
    folder = tmp_path_factory.mktemp("text-model")
    toy.model(0).save_pretrained(folder)
    toy.tokenizer().save_pretrained(folder)
    return folder


@pytest.mark.parametrize("make", [sft_recipe, rft_recipe])
def test_a_model_that_sees_nothing_is_refused_before_any_step(tmp_path, text_only, make):
    recipe = make(data_folder(tmp_path / "set", count=2), tmp_path / "run")
    recipe.model.base = str(text_only)
    with pytest.raises(TrainingError, match=r"takes no pictures.*vision-language") as told:
        run_recipe(recipe)
    assert "\n" not in str(told.value)
    assert not list((tmp_path / "run").glob("checkpoint-*"))


@pytest.mark.parametrize("damage", ["missing", "broken"])
def test_a_wrong_picture_stops_the_command_in_one_line(tmp_path, capsys, damage):
    from tests.tiny_models import tiny_model

    folder = data_folder(tmp_path / "set", count=2, pictures=1)
    picture = folder / "pictures" / "1-0.png"
    picture.unlink() if damage == "missing" else picture.write_bytes(b"no picture")
    values = {
        "model.base": str(tiny_model("qwen3-vl")), "data.train": [str(folder)],
        "run.output": str(tmp_path / "run"),
    }  # fmt: skip
    settings = [t for k, v in values.items() for t in ("--set", f"{k}={json.dumps(v)}")]
    assert run(["train", "rft", "tiny", *settings]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "sample s1" in printed.err
    assert "Traceback" not in printed.err


@pytest.fixture
def damaged(tmp_path):
    """A tiny model's folder, to be damaged."""
    import shutil

    from tests.tiny_models import tiny_model

    return shutil.copytree(tiny_model("qwen3-vl"), tmp_path / "model")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("cut", "can't be loaded"),
        ("lacking", r"lacks 1 weights of its config, such as .*layers.0.mlp.up_proj"),
        ("unlike", r"lacks 1 weights of its config, .* in another size"),
    ],
)
def test_a_damaged_base_is_no_base(damaged, damage, said):
    """Transformers would begin by chance what it does not find, and train it."""
    from safetensors.torch import load_file, save_file

    from gemvg.training.loading import load_model
    from gemvg.training.recipe import ModelPart

    file = damaged / "model.safetensors"
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:500])
    else:
        held = load_file(file)
        [name] = [n for n in held if n.endswith("language_model.layers.0.mlp.up_proj.weight")]
        held[name] = held[name][:-1].contiguous()
        if damage == "lacking":
            del held[name]
        save_file(held, file, metadata={"format": "pt"})
    with pytest.raises(TrainingError, match=said) as told:
        load_model(ModelPart(base=str(damaged), dtype="float32"))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("targets", "wrong"),
    [
        ("all-linear", None),
        (["q_proj", "v_proj"], None),
        (["q_proj", "v_prj"], "v_prj"),
        (r".*\.q_proj", None),
        ("q_proj", "q_proj"),
        ("((", r"\(\("),
        (["visual.blocks.0.attn.qkv"], "visual"),
    ],
)
def test_every_target_of_adapters_is_a_layer(damaged, targets, wrong):
    """The library leaves out what it does not find, where it finds something else."""
    from gemvg.training.loading import load_model
    from gemvg.training.recipe import LoraPart, ModelPart

    part = ModelPart(base=str(damaged), dtype="float32", lora=LoraPart(rank=2, targets=targets))
    if wrong is None:
        assert load_model(part) is not None
        return
    with pytest.raises(TrainingError, match=f"no layer '.*{wrong}.*to train"):
        load_model(part)


@pytest.mark.parametrize("kind", ["Bert", "CLIP", "T5", "GPT2", "Mamba"])
@pytest.mark.parametrize("command", ["rft", "plan"])
def test_a_base_of_another_kind_is_one_line(tmp_path, capsys, kind, command):
    import transformers

    getattr(transformers, f"{kind}Config")().save_pretrained(tmp_path)
    for more in ("run.cpu=true", "model.lora={rank: 2}"):
        base = f"model.base={json.dumps(str(tmp_path))}"
        assert run(["train", command, "tiny", "--set", base, "--set", more]) == 1
        printed = capsys.readouterr()
        assert printed.out == ""
        assert f"of the kind {kind.lower()} can't be trained here" in printed.err
        assert printed.err.count("\n") == 1


def test_a_processor_of_another_family_is_one_line(monkeypatch):
    from types import SimpleNamespace

    import transformers

    from gemvg.training.loading import load_processor
    from gemvg.training.recipe import ModelPart

    pictures = SimpleNamespace(size={"height": 336, "width": 336})
    found = SimpleNamespace(image_processor=pictures)
    monkeypatch.setattr(transformers.AutoProcessor, "from_pretrained", lambda *_, **__: found)
    with pytest.raises(TrainingError, match=r"of another kind.*Qwen-VL"):
        load_processor(ModelPart(base="other"))
