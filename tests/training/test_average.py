"""The mean of models' weights: what is averaged, what is copied, what is refused."""

import json
import os

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from gemvg.agent.cli.main import run
from gemvg.tools.errors import OutputError, UsageError, WeightsError
from gemvg.training.average import average

WEIGHTS = "model.safetensors"


def model(folder, value, dtype=torch.float32, **more):
    """A folder of one tensor and what lies beside it."""
    folder.mkdir()
    tensors = {"a": torch.full((2, 3), float(value), dtype=dtype), **more}
    save_file(tensors, folder / WEIGHTS)
    (folder / "config.json").write_text(json.dumps({"value": value}))
    (folder / "README.md").write_text(f"the run of {value}")
    for name in ("training_args.bin", "optimizer.pt", "outcome.json", "trainer_state.json"):
        (folder / name).write_bytes(b"{}")
    (folder / "checkpoint-1").mkdir()
    return folder


def test_weights_are_averaged_and_the_rest_is_the_first_ones(tmp_path):
    folders = [model(tmp_path / str(value), value) for value in (1, 2, 6)]
    out = average(folders, tmp_path / "mean")
    assert torch.equal(load_file(out / WEIGHTS)["a"], torch.full((2, 3), 3.0))
    assert sorted(file.name for file in out.iterdir()) == ["README.md", "config.json", WEIGHTS]
    assert json.loads((out / "config.json").read_text()) == {"value": 1}
    card = (out / "README.md").read_text()
    assert "3 models" in card
    assert all(str(folder) in card for folder in folders)
    with safe_open(out / WEIGHTS, "pt") as stored:
        assert stored.metadata() == {"format": "pt"}, "transformers asks for it"


def test_halves_are_averaged_in_float32_and_stay_halves(tmp_path):
    # 256 + 1 is 256 in bfloat16: a sum in it would lose the one.
    folders = [model(tmp_path / f"{n}", v, torch.bfloat16) for n, v in enumerate((256, 1, 1, 2))]
    found = load_file(average(folders, tmp_path / "mean") / WEIGHTS)["a"]
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, torch.full((2, 3), 65.0, dtype=torch.bfloat16))


def test_whole_numbers_are_not_averaged(tmp_path):
    one = model(tmp_path / "one", 1, places=torch.tensor([1, 2]))
    two = model(tmp_path / "two", 3, places=torch.tensor([1, 3]))
    found = load_file(average([one, two], tmp_path / "mean") / WEIGHTS)
    assert found["places"].tolist() == [1, 2]
    assert found["a"].mean() == 2.0


def test_models_that_lie_in_several_files_divided_otherwise(tmp_path):
    for name, split in (("one", ("ab", "c")), ("two", ("a", "bc"))):
        (tmp_path / name).mkdir()
        for number, own in enumerate(split):
            tensors = {key: torch.tensor([float(ord(key)) + (name == "two")]) for key in own}
            save_file(tensors, tmp_path / name / f"model-0000{number}.safetensors")
    out = average([tmp_path / "one", tmp_path / "two"], tmp_path / "mean")
    found = {}
    for file in sorted(out.glob("*.safetensors")):
        found |= {key: value.item() for key, value in load_file(file).items()}
        assert load_file(file).keys() == load_file(tmp_path / "one" / file.name).keys()
    assert found == {key: ord(key) + 0.5 for key in "abc"}


def test_what_can_not_be_averaged_is_refused(tmp_path):
    one, two = model(tmp_path / "one", 1), model(tmp_path / "two", 2)
    with pytest.raises(UsageError, match="two or more"):
        average([one], tmp_path / "mean")
    with pytest.raises(UsageError, match="there already"):
        average([one, two], two)
    with pytest.raises(WeightsError, match="no weights"):
        average([one, tmp_path / "none"], tmp_path / "mean")
    other = model(tmp_path / "other", 1, b=torch.zeros(1))
    with pytest.raises(WeightsError, match=r"other: holds other weights than .*one"):
        average([one, other], tmp_path / "mean")
    large = tmp_path / "large"
    large.mkdir()
    save_file({"a": torch.zeros(4)}, large / WEIGHTS)
    with pytest.raises(WeightsError, match="large: holds other weights"):
        average([one, large], tmp_path / "mean")
    (two / WEIGHTS).write_bytes(b"cut")
    with pytest.raises(WeightsError, match="can't be read"):
        average([one, two], tmp_path / "mean")
    (two / "adapter_config.json").write_text("{}")
    with pytest.raises(UsageError, match="is an adapter"):
        average([one, two], tmp_path / "mean")
    assert not list(tmp_path.glob("mean*")), "nothing is left of a failed one"


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_that_can_not_be_written(tmp_path):
    folders = [model(tmp_path / str(value), value) for value in (1, 2)]
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError):
            average(folders, tmp_path / "mean")
    finally:
        tmp_path.chmod(0o700)


def test_a_file_in_the_way_is_an_output_error(tmp_path):
    folders = [model(tmp_path / str(value), value) for value in (1, 2)]
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="can't be written"):
        average(folders, tmp_path / "file" / "mean")


def test_the_command(tmp_path, capsys):
    folders = [str(model(tmp_path / str(value), value)) for value in (1, 2)]
    assert run(["train", "average", *folders, "-o", str(tmp_path / "mean")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "mean")
    assert run(["train", "average", folders[0], "-o", str(tmp_path / "other")]) == 2
    assert "two or more models" in capsys.readouterr().err
