"""Batches: every accepted shape, errors that stop nothing, going on."""

import asyncio
import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from gemvg.agent import GroundingAgent
from gemvg.agent.batch.job import BatchJob, run_batch
from gemvg.agent.cli import main as cli
from gemvg.agent.export.records import read_records
from gemvg.agent.settings import AskSettings
from gemvg.policy.scripted import ScriptedPolicy
from gemvg.tools.errors import UsageError
from tests.agent.batch_jobs import (
    SETTINGS,
    errors,
    job,
    lines_of,
    results,
    rows,
    write_lines,
    write_pictures,
)

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def place(tmp_path):
    """A folder with pictures and 12 lines."""
    write_lines(tmp_path, 12, write_pictures(tmp_path))
    return tmp_path


def openai_line(number, image):
    content = [{"type": "text", "text": f"every dog {number}"}, {"type": "image_url"}]
    content[1]["image_url"] = {"url": image}
    body = {"model": "any", "messages": [{"role": "user", "content": content}]}
    return {"custom_id": f"q{number}", "method": "POST", "url": "/v1/chat/completions"} | {
        "body": body
    }


def test_a_job_writes_each_line_once(place):
    summary = run_batch(job(place))
    assert (summary.answered, summary.failures) == (12, 0)
    lines = rows(place / "out.jsonl")
    assert sorted(row["custom_id"] for row in lines) == sorted(f"q{n}" for n in range(12))
    assert all(list(row)[:2] == ["custom_id", "key"] and len(row["key"]) == 64 for row in lines)
    assert not (place / "out.errors.jsonl").exists()
    assert len(list(read_records(place / "out.jsonl"))) == 12
    before = (place / "out.jsonl").read_bytes()
    again = run_batch(job(place))
    assert (again.answered, again.known) == (0, 12)
    assert (place / "out.jsonl").read_bytes() == before


def write_shape(place, shape):
    names = [f"{n % 4}.png" for n in range(6)]
    if shape == "openai":
        lines = [openai_line(n, name) for n, name in enumerate(names)]
    elif shape == "openai data":
        data = [base64.b64encode((place / name).read_bytes()).decode() for name in names]
        lines = [openai_line(n, f"data:image/png;base64,{d}") for n, d in enumerate(data)]
    else:
        lines = [
            {"custom_id": f"q{n}", "query": f"every dog {n}", "images": [name]}
            for n, name in enumerate(names)
        ]
    if shape == "parquet":
        pq.write_table(pa.Table.from_pylist(lines), place / "in.parquet")
        return "in.parquet"
    if shape == "csv":
        text = "".join(f"q{n},every dog {n},{name}\n" for n, name in enumerate(names))
        (place / "in.csv").write_text("custom_id,query,image\n" + text)
        return "in.csv"
    (place / "shape.jsonl").write_text("\ufeff" + "".join(json.dumps(x) + "\n\n" for x in lines))
    return "shape.jsonl"


@pytest.mark.parametrize("shape", ["own", "openai", "openai data", "csv", "parquet"])
def test_every_shape_asks_the_same_questions(place, shape):
    """The same questions have the same keys, however they are written."""
    whole = {row["key"]: row["answer"] for row in _answers(place, "own", "whole.jsonl")}
    found = {row["key"]: row["answer"] for row in _answers(place, shape, "out.jsonl")}
    assert found == whole and len(found) == 6


def _answers(place, shape, output):
    name = write_shape(place, shape)
    source = BatchJob(
        str(place / name), str(place / output), SETTINGS, make_agent=job(place).make_agent
    )
    assert run_batch(source).failures == 0
    return rows(place / output)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{broken", "not JSON"),
        ("[1, 2]", "not a JSON object"),
        ('{"query": "x", "images": ["0.png"]}', "no custom_id"),
        ('{"custom_id": "", "query": "x", "images": ["0.png"]}', "no custom_id"),
        ('{"custom_id": "z", "images": ["0.png"]}', "no query"),
        ('{"custom_id": "z", "query": "  ", "images": ["0.png"]}', "empty"),
        ('{"custom_id": "z", "query": "x"}', "names no pictures"),
        ('{"custom_id": "z", "query": "x", "images": [1]}', "names no pictures"),
        ('{"custom_id": "q1", "query": "x", "images": ["0.png"]}', "earlier line"),
        ('{"custom_id": "z", "body": {}}', "no messages"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_bad_line_is_an_error_with_its_number(place, line, words):
    with (place / "in.jsonl").open("a") as file:
        file.write(line + "\n")
    summary = run_batch(job(place))
    assert (summary.answered, summary.failures) == (12, 1)
    [error] = errors(place)
    assert (error["line"], error["kind"]) == (13, "data")
    assert words in error["message"]
    assert run_batch(job(place)).known == 13
    assert len(errors(place)) == 1
    write_lines(place, 12, ["0.png", "1.png", "2.png", "3.png"])
    assert run_batch(job(place)).failures == 0
    assert errors(place) == []


@pytest.mark.slow
def test_one_poisoned_picture_among_a_thousand_lines(tmp_path):
    write_lines(tmp_path, 1000, write_pictures(tmp_path), poison={417})
    summary = run_batch(job(tmp_path))
    assert (summary.answered, summary.failures) == (999, 1)
    [error] = errors(tmp_path)
    assert (error["custom_id"], error["line"], error["kind"]) == ("q417", 418, "image")
    assert error["message"].startswith("poison.png:")


def test_keys_follow_content_and_not_names(place):
    run_batch(job(place))
    shutil.copy(place / "0.png", place / "renamed.png")
    write_lines(place, 12, ["renamed.png", "1.png", "2.png", "3.png"])
    assert run_batch(job(place)).answered == 0
    Image.new("RGB", (24, 16), "white").save(place / "renamed.png")
    assert run_batch(job(place)).answered == 3


def test_other_settings_ask_again_and_replace(place):
    run_batch(job(place))
    first = results(place)
    other = AskSettings.model_validate({"tools": "none", "seed": 1})
    assert run_batch(job(place, settings=other)).answered == 12
    assert len(results(place)) == 12 and not set(first) & set(results(place))
    assert sorted(lines_of(place / "out.superseded.jsonl")) == first


def test_errors_are_retried_when_that_is_asked_for(place):
    broken = job(place, make_agent=failing_agent)
    assert run_batch(broken).failures == 12
    assert {e["kind"] for e in errors(place)} == {"policy"}
    again = run_batch(job(place, make_agent=failing_agent))
    assert (again.known, len(errors(place))) == (12, 12)
    retried = run_batch(job(place, make_agent=failing_agent, retry_errors=True))
    assert (retried.answered, len(errors(place))) == (0, 12)
    assert run_batch(job(place, retry_errors=True)).answered == 12
    assert errors(place) == [] and len(results(place)) == 12


def failing_agent(settings):
    def fail(request):
        raise RuntimeError("inside")

    return GroundingAgent(ScriptedPolicy(fail), tools=settings.tools)


def test_a_running_loop_is_told_what_to_do_and_that_works(place):
    async def notebook():
        with pytest.raises(UsageError, match="to_thread"):
            run_batch(job(place))
        assert not (place / "out.jsonl").exists()
        return await asyncio.to_thread(run_batch, job(place))

    assert asyncio.run(notebook()).answered == 12


@pytest.mark.slow
def test_memory_does_not_grow_with_the_job(tmp_path):
    """Peak memory of 240 lines is that of 80, apart from some hundred bytes a line."""

    def peak(count):
        folder = tmp_path / str(count)
        folder.mkdir()
        write_lines(folder, count, write_pictures(folder))
        tracemalloc.start()
        run_batch(job(folder, window=32))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(20)
    small = peak(80)
    assert peak(240) < small + 160 * 1500


@pytest.mark.slow
def test_processes_give_the_same_and_survive_a_kill(place):
    write_lines(place, 300, ["0.png", "1.png", "2.png", "3.png"], poison={5})
    run_batch(job(place))
    wanted = results(place), sorted(lines_of(place / "out.errors.jsonl"))
    (place / "out.jsonl").unlink()
    (place / "out.errors.jsonl").unlink()
    killed = []

    def kill():
        while len(lines_of(place / "out.jsonl")) < 20:
            time.sleep(0.005)
        children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
        for child in children:
            words = Path(f"/proc/{child}/cmdline").read_bytes()
            if b"spawn_main" in words and not killed:
                os.kill(int(child), signal.SIGKILL)
                killed.append(child)

    thread = threading.Thread(target=kill)
    thread.start()
    summary = run_batch(job(place, processes=2))
    thread.join()
    assert killed and summary.answered == 299
    assert (results(place), sorted(lines_of(place / "out.errors.jsonl"))) == wanted


@pytest.mark.slow
def test_ctrl_c_ends_cleanly_and_the_same_command_goes_on(place):
    write_lines(place, 400, ["0.png", "1.png", "2.png", "3.png"])
    code = (
        "import sys; from tests.agent.batch_jobs import job; from gemvg.agent.cli.batch import run;"
        "sys.exit(run(job(sys.argv[1]), quiet=False))"
    )
    started = subprocess.Popen(
        [sys.executable, "-c", code, str(place)], cwd=REPOSITORY, stderr=subprocess.PIPE, text=True
    )
    while len(lines_of(place / "out.jsonl")) < 30 and started.poll() is None:
        time.sleep(0.01)
    started.send_signal(signal.SIGINT)
    _, said = started.communicate(timeout=60)
    assert started.returncode == 130, said
    assert "The same command goes on." in said and "Traceback" not in said
    done = len(results(place))
    assert 30 <= done < 400
    summary = run_batch(job(place))
    assert (summary.known, summary.answered) == (done, 400 - done)


def test_command_line(place, gemvg):
    done = gemvg("batch", place / "in.jsonl", place / "out.jsonl", "--tools", "none")
    assert (done.code, done.out) == (0, "")
    assert "12 answered." in done.err
    (place / "1.png").unlink()
    shutil.rmtree(place / "none", ignore_errors=True)
    again = gemvg("batch", place / "in.jsonl", place / "o2.jsonl", "--tools", "none", "-q")
    assert again.code == 1 and "3 failed" in again.err
    assert gemvg("batch", place / "none", place / "o.jsonl").code == 2
    assert gemvg("batch", place / "in.jsonl", place / "o.jsonl", "--engine", "x").code == 2
    planner = ("--engine", "vllm", "--policy", "planner")
    assert gemvg("batch", place / "in.jsonl", place / "o.jsonl", *planner).code == 2
    assert gemvg("batch", place / "in.jsonl", place / "o.jsonl", "--mode", "x").code == 2


def test_streams(place):
    """`-` in and out: results on standard output, errors on standard error."""
    text = (place / "in.jsonl").read_text() + "broken\n"
    code = (
        "import sys; from tests.agent.batch_jobs import *; from gemvg.agent.cli.batch import run;"
        "j = BatchJob('-', '-', SETTINGS, folder=sys.argv[1], make_agent=make_agent);"
        "sys.exit(run(j, quiet=True))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(place)],
        cwd=REPOSITORY,
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert len([json.loads(line) for line in done.stdout.splitlines()]) == 12
    assert '"line":13,"kind":"data"' in done.stderr


def test_help_lists_the_commands():
    assert {"batch", "export", "report"} <= set(cli.COMMANDS)
