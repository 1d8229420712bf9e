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
