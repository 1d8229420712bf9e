"""`gemvg-agent batch` as a process of its own, asking a server over HTTP that misbehaves."""

import json
import os
import subprocess
import sys

import pytest

from tests.agent.batch_jobs import lines_of, write_lines, write_pictures
from tests.fake_server import Reply, chat, serving

pytestmark = pytest.mark.slow

FOUND = '[{"bbox_2d": [100, 100, 500, 500], "label": "dog"}]'
BUSY = Reply({"error": {"message": "slow down, /root/queue is full"}}, 429, {"Retry-After": "0"})


def batch(folder, url, key="the-right-key", **variables):
    """Run the command on a folder's in.jsonl; what it said and how it ended."""
    command = [sys.executable, "-m", "gemvg.agent.cli.main", "batch", "in.jsonl", "out.jsonl"]
    command += ["--policy", url, "--tools", "none", "--strategy", "one-shot", "--mode", "direct"]
    env = os.environ | {"GEMVG_API_KEY": key, "OMP_NUM_THREADS": "1", "NO_COLOR": "1"} | variables
    return subprocess.run(
        [*command, "--in-flight", "4"],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.fixture
def folder(tmp_path):
    """Eight questions about tiny pictures."""
    write_lines(tmp_path, 8, write_pictures(tmp_path))
    return tmp_path


def answered(folder):
    return {json.loads(line)["custom_id"] for line in lines_of(folder / "out.jsonl")}


def test_a_busy_server_is_waited_for_and_a_refused_line_stops_nothing(folder):
    def handler(body, number):
        if number < 24:
            return BUSY
        refused = "every dog 5" in json.dumps(body)
        return Reply({"error": {"message": "moderated"}}, 400) if refused else Reply(chat(FOUND))

    with serving(handler) as server:
        done = batch(folder, server.url)
    assert (done.returncode, answered(folder)) == (1, {f"q{n}" for n in range(8) if n != 5})
    boxes = json.loads(lines_of(folder / "out.jsonl")[0])["answer"]
    assert [(box["image"], box["label"]) for box in boxes] == [(1, "dog")]
    (failed,) = map(json.loads, lines_of(folder / "out.errors.jsonl"))
    assert (failed["custom_id"], failed["kind"]) == ("q5", "refused")
    assert "is busy (HTTP 429)" in done.stderr and "the server is back" in done.stderr
    assert "Traceback" not in done.stderr and "/root/queue" not in done.stderr


def test_a_wrong_key_stops_the_job_at_once_and_the_right_one_goes_on(folder):
    def handler(body, number):
        right = server.headers[-1].get("authorization") == "Bearer the-right-key"
        return Reply(chat(FOUND)) if right else Reply({"error": {"message": "bad key"}}, 401)

    with serving(handler) as server:
        wrong = batch(folder, server.url, key="another-key")
        asked = len(server.bodies)
        right = batch(folder, server.url)
    assert wrong.returncode == 1 and asked <= 4
    (line,) = wrong.stderr.strip().splitlines()
    assert "refuses the key (HTTP 401). Set GEMVG_API_KEY" in line and "Nothing is lost" in line
    assert "another-key" not in wrong.stderr
    assert not lines_of(folder / "out.errors.jsonl")
    assert (right.returncode, answered(folder)) == (0, {f"q{n}" for n in range(8)})
