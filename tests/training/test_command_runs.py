"""`gemvg-agent train` as a user runs it: a process that is stopped midway, and two launched."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from gemvg.agent.cli.main import run
from gemvg.training.run_folder import last_good_checkpoint
from tests.tiny_models import tiny_model
from tests.training.tiny_data import data_folder, logged

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
COMMAND = [sys.executable, "-m", "gemvg.agent.cli.main"]
QUIET = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return data_folder(tmp_path_factory.mktemp("data") / "set")


def arguments(data, output, **values):
    """`train rft tiny` with the values of a run that takes seconds."""
    given = {
        "model.base": str(tiny_model("qwen3-vl")), "data.train": [str(data)],
        "run.output": str(output), "run.tensorboard": False, "rft.max_completion_tokens": 16,
        "guard.max_cut_share": 1.0, "guard.min_reward_std": 0.0, "model.max_pixels": 4096,
        **values,
    }  # fmt: skip
    settings = [t for k, v in given.items() for t in ("--set", f"{k}={json.dumps(v)}")]
    return ["train", "rft", "tiny", *settings]


def test_a_terminated_command_goes_on_where_it_stopped(data, tmp_path, capsys):
    torch.set_num_threads(1)
    steps = {"optim.steps": 6, "run.save_every": 100}
    assert run(arguments(data, tmp_path / "whole", **steps)) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "whole" / "last")

    again = [*COMMAND, *arguments(data, tmp_path / "parts", **steps)]
    log = tmp_path / "parts" / "log.jsonl"
    with subprocess.Popen(again, env=QUIET, stderr=subprocess.PIPE, text=True) as running:
        until = time.monotonic() + 400
        while not log.is_file() and running.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=400)
    assert running.returncode == 0, said[-2000:]
    assert "Traceback" not in said
    stopped = int(last_good_checkpoint(tmp_path / "parts").name.split("-")[1])
    assert 1 <= stopped < 6
    assert f"stopped at step {stopped}" in said

    assert run(arguments(data, tmp_path / "parts", **steps)) == 0
    for name in ("loss", "reward", "entropy", "completions/mean_length"):
        assert logged(tmp_path / "parts", name) == logged(tmp_path / "whole", name)
    first, second = (
        (tmp_path / name / "last" / "model.safetensors").read_bytes() for name in ("whole", "parts")
    )
    assert first == second


def test_the_launch_line_of_the_docs_trains_on_two_processes(data, tmp_path):
    output = tmp_path / "run"
    launch = ["-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2",
              "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no",
              "--main_process_port", str(20_000 + os.getpid() % 20_000),
              "-m", "gemvg.agent.cli.main"]  # fmt: skip
    done = subprocess.run(
        [sys.executable, *launch, *arguments(data, output, **{"optim.steps": 1})], env=QUIET,
        capture_output=True, text=True, timeout=550, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    # One log and one model, written by the first process alone.
    assert len(logged(output, "loss")) == 1
    assert (output / "last" / "model.safetensors").is_file()
    assert not (output / "last.new").exists()
