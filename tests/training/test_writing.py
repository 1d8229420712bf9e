"""A full disk, stood in for by a limit on the size of files: one kind of error, whoever writes."""

import resource

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from gemvg.tools.errors import OutputError
from gemvg.training.average import average
from gemvg.training.writing import disk_errors

WEIGHTS = {"a": torch.zeros(50_000)}


@pytest.fixture
def little_room(tmp_path):
    """Two models are there, and no further file becomes longer than 20 kB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for name in "ab":
        (tmp_path / name).mkdir()
        save_file(WEIGHTS, tmp_path / name / "model.safetensors")
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("write", [save_file, torch.save])
def test_what_can_not_be_written_is_an_os_error(tmp_path, little_room, write):
    with pytest.raises(OSError, match=r"large|unexpected pos"), disk_errors():
        write(WEIGHTS, tmp_path / "file")


def test_what_is_not_about_writing_stays_what_it_is(tmp_path):
    (tmp_path / "torn").write_bytes(b"torn")
    with pytest.raises(SafetensorError), disk_errors():
        load_file(tmp_path / "torn")
    with pytest.raises(RuntimeError, match="shape"), disk_errors():
        torch.zeros(2).reshape(3)


def test_an_average_without_room_is_one_line(tmp_path, little_room):
    with pytest.raises(OutputError, match="can't be written") as told:
        average([tmp_path / "a", tmp_path / "b"], tmp_path / "mean")
    assert "\n" not in str(told.value)
    assert not (tmp_path / "mean").exists()
