"""vLLM in process answers as transformers in process does."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from gemvg.policy.backends.transformers_local import TransformersPolicy
from gemvg.policy.dialects import get_dialect
from tests.tiny_models import tiny_model
from tests.vllm.conftest import PYTHON, ROOT, SUPPORT, environment
from tests.vllm.run_in_process import record

pytestmark = [pytest.mark.vllm, pytest.mark.slow]


def test_text_tokens_grids_and_prompts_are_equal():
    if not PYTHON.is_file():
        pytest.skip("there is no .venv-vllm; make vllm-env makes it")
    folder = tiny_model("qwen3-vl")
    paths = os.pathsep.join([str(ROOT / ".types"), str(SUPPORT)])
    done = subprocess.run(
        [str(PYTHON), str(Path(__file__).with_name("run_in_process.py")), "qwen3-vl", str(folder)],
        env=environment(PYTHONPATH=paths), cwd=ROOT, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"text"')]
    assert lines, done.stderr[-3000:]
    expected = record(TransformersPolicy(str(folder), get_dialect("qwen3-vl")))
    assert json.loads(lines[-1]) == expected
    assert expected["text"] == expected["streamed"] and expected["grids"].keys() == {"1", "2", "3"}
