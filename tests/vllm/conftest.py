"""Real vLLM servers of the tiny models, one a family, started together and stopped at the end."""

import os
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from gemvg.policy.presets import get_preset
from tests.tiny_models import FAMILIES, tiny_model

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-vllm" / "bin" / "python"
SUPPORT = Path(__file__).parent / "support"
START_SECONDS = 420
OPTIONS = (
    "--enforce-eager", "--dtype", "float32", "--max-model-len", "4096", "--max-num-seqs", "8",
    "--limit-mm-per-prompt", '{"image":6}', "--enable-auto-tool-choice",
    "--tool-call-parser", "hermes", "--structured-outputs-config",
    '{"backend":"xgrammar","disable_any_whitespace":true}',
)  # fmt: skip


def environment(**more):
    """What vLLM's processes need: the import mended, the hub left alone, one thread each."""
    return os.environ | {
        "PYTHONPATH": str(SUPPORT), "VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1", "VLLM_NO_USAGE_STATS": "1",
    } | more  # fmt: skip


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _start(folder, name, log):
    port = _free_port()
    command = [
        str(PYTHON), "-m", "vllm.entrypoints.openai.api_server", "--model", str(folder),
        "--served-model-name", name, "--host", "127.0.0.1", "--port", str(port), *OPTIONS,
    ]  # fmt: skip
    process = subprocess.Popen(command, env=environment(), stdout=log, stderr=log, cwd=ROOT)
    return process, f"http://127.0.0.1:{port}/v1"


def _wait(process, url, log):
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            if httpx.get(f"{url}/models", timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(1)
    log.seek(0)
    pytest.fail(f"vLLM did not start:\n{log.read().decode(errors='replace')[-4000:]}")


@pytest.fixture(scope="session")
def servers():
    """The address of each family's server."""
    models = {family: (tiny_model(family), f"tiny-{family}") for family in FAMILIES}
    yield from _served(models)


@pytest.fixture(scope="module")
def nano_server():
    """The address of a server of the nano that comes with the package."""
    for urls in _served({"nano": (get_preset("nano").folder, "gemvg-nano")}):
        yield urls["nano"]


def _served(models):
    if not PYTHON.is_file():
        pytest.skip("there is no .venv-vllm; make vllm-env makes it")
    running = {}
    with ExitStack() as stack:
        logs = {key: stack.enter_context(tempfile.TemporaryFile()) for key in models}
        try:
            for key, (folder, name) in models.items():
                running[key] = _start(folder, name, logs[key])
            for key, (process, url) in running.items():
                _wait(process, url, logs[key])
            yield {key: url for key, (_, url) in running.items()}
        finally:
            for process, _ in running.values():
                process.terminate()
            for process, _ in running.values():
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
