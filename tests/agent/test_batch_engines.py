"""Engines: a server that dies and comes back, a cluster whose worker dies."""

import asyncio
import json
import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gemvg.agent import GroundingAgent
from gemvg.agent.batch.job import BatchJob, run_batch
from gemvg.agent.batch.outage import OWN_FAULT, Outage
from gemvg.agent.batch.processes import ProcessEngine
from gemvg.agent.batch.record import Outcome
from gemvg.agent.batch.witness import MOST_LISTED, Witness, model_lists
from gemvg.agent.batch.worker import WorkerSpec
from gemvg.policy.scripted import ScriptedPolicy
from gemvg.tools.errors import BackendError
from tests.agent.batch_jobs import (
    SETTINGS,
    job,
    lines_of,
    make_agent,
    said,
    write_lines,
    write_pictures,
)
from tests.fake_server import Reply, serving

AWAY = {"kind": "backend", "message": "no server answers at host:1."}


class Server:
    """Answers between outages; `poison` is never answered."""

    def __init__(self, down, poison=None):
        self.calls, self.down, self.poison = 0, down, poison

    def asker(self, number):
        async def ask():
            self.calls += 1
            await asyncio.sleep(0)
            if self.calls in self.down or number == self.poison:
                return Outcome(number, "waiting", error=AWAY)
            return Outcome(number, "result", line=b"x")

        return ask


def outcomes(server, patience, lines=20):
    said = []

    async def sleep(seconds):
        await asyncio.sleep(0)

    async def run():
        outage = Outage(patience, said.append, sleep)
        return await asyncio.gather(*(outage.run(server.asker(n)) for n in range(lines)))

    return asyncio.run(run()), said


def test_a_server_that_comes_back_answers_every_line():
    found, said = outcomes(Server(range(5, 60)), 1000.0)
    assert [o.kind for o in found] == ["result"] * 20
    assert any("Waiting" in words for words in said) and said[-1] == "the server is back."


def test_waits_grow_and_are_bounded():
    _, said = outcomes(Server(range(1, 12)), 1000.0, lines=1)
    waits = [float(words.split("Waiting ")[1].split()[0]) for words in said[:-1]]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60]


def test_a_server_that_stays_away_stops_the_job():
    with pytest.raises(BackendError, match="Nothing is lost"):
        outcomes(Server(range(5, 10_000)), 0.0)


def test_a_question_that_only_fails_itself_is_an_error():
    server = Server((), poison=3)
    server.down = ()
    calls = []

    async def run():
        outage = Outage(1000.0, calls.append, lambda seconds: asyncio.sleep(0))

        async def others():
            for n in range(10, 80):
                await outage.run(server.asker(n))

        task = asyncio.create_task(others())
        found = await outage.run(server.asker(3))
        await task
        return found

    found = asyncio.run(run())
    assert (found.kind, found.error) == ("error", AWAY)
    assert OWN_FAULT == 3


@pytest.mark.parametrize("there", [True, False])
def test_a_question_that_is_left_alone_is_compared_with_something_neutral(there):
    words, asked = [], []

    async def answers(error):
        asked.append(error)
        return there

    async def run():
        sleep = lambda seconds: asyncio.sleep(0)
        outage = Outage(0.2, words.append, sleep, answers=answers)
        return await outage.run(Server((), poison=3).asker(3))

    if there:
        found = asyncio.run(run())
        assert (found.kind, found.error, len(asked)) == ("error", AWAY, OWN_FAULT)
    else:
        with pytest.raises(BackendError, match="Nothing is lost"):
            asyncio.run(run())
    assert asked[0] == AWAY


class PoisonPolicy(ScriptedPolicy):
    """Answers every question but the one that it can't bear."""

    async def complete(self, request):
        if request.query.endswith(" 3"):
            raise BackendError("the server failed inside (HTTP 500).", "Try again later.")
        return await super().complete(request)


def poisoned_agent(settings):
    return GroundingAgent(PoisonPolicy(said), tools="none", hand_to=None)


@pytest.mark.parametrize("in_flight", [1, 4])
def test_a_last_line_that_the_server_cant_bear_is_an_error_of_its_own(tmp_path, in_flight):
    write_lines(tmp_path, 4, write_pictures(tmp_path))
    poisoned = job(tmp_path, make_agent=poisoned_agent, in_flight=in_flight, patience=60.0)
    summary = run_batch(poisoned)
    assert (summary.answered, summary.failed) == (3, 1)
    (failed,) = map(json.loads, lines_of(tmp_path / "out.errors.jsonl"))
    assert (failed["custom_id"], failed["kind"]) == ("q3", "backend")
    # Where it alone is left, a line of the earlier run is what it is compared with.
    summary = run_batch(replace(poisoned, retry_errors=True))
    assert (summary.answered, summary.failed_before, summary.failures) == (0, 1, 1)
    assert len(lines_of(tmp_path / "out.jsonl")) == 3


def test_while_nothing_is_answered_the_list_of_models_counts_for_a_few_lines_only():
    assert model_lists("planner") is None and model_lists("/models/a") is None
    with serving(lambda body, number: Reply({}, 500)) as server:
        lists = model_lists(f"http://127.0.0.1:9/v1, {server.url}")
        assert lists() is True
    assert lists() is False
    witness = Witness(None, lambda: True)
    failed = {"kind": "backend", "message": "host failed inside (HTTP 500)."}
    busy = {"kind": "backend", "message": "host is busy (HTTP 429)."}
    assert asyncio.run(witness.answers(busy)) is False
    found = [asyncio.run(witness.answers(failed)) for _ in range(MOST_LISTED + 3)]
    assert found == [True] * MOST_LISTED + [False] * 3


def ray_workers():
    """Process ids of Ray's actors of ours."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"ray::MapWorker" in path.read_bytes():
                yield int(path.parent.name)
        except OSError:
            continue


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ray_gives_the_same_though_a_worker_dies(tmp_path, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    write_lines(tmp_path, 600, write_pictures(tmp_path), poison={5})
    run_batch(job(tmp_path))
    wanted = sorted(lines_of(tmp_path / "out.jsonl"))
    before, killed = set(ray_workers()), []

    def kill():
        while not lines_of(tmp_path / "ray.jsonl"):
            time.sleep(0.02)
        ours = sorted(set(ray_workers()) - before)
        os.kill(ours[0], signal.SIGKILL)
        killed.append(ours[0])

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    summary = run_batch(job(tmp_path, output="ray.jsonl", engine="ray", processes=2))
    assert killed and (summary.answered, summary.failures) == (599, 1)
    assert sorted(lines_of(tmp_path / "ray.jsonl")) == wanted
    errors = lines_of(tmp_path / "ray.errors.jsonl")
    assert errors == lines_of(tmp_path / "out.errors.jsonl")


def test_an_object_store_keeps_parts_and_joins_them(tmp_path):
    """Through fsspec: input, pictures and output, here with the file system as the store."""
    pytest.importorskip("fsspec")
    write_lines(tmp_path, 12, write_pictures(tmp_path), poison={5})
    run_batch(job(tmp_path))
    remote = BatchJob(
        f"file://{tmp_path}/in.jsonl",
        f"file://{tmp_path}/far.jsonl",
        SETTINGS,
        make_agent=make_agent,
        in_flight=3,
    )
    assert run_batch(remote).answered == 11
    assert sorted(lines_of(tmp_path / "far.jsonl")) == sorted(lines_of(tmp_path / "out.jsonl"))
    assert list((tmp_path / "far.jsonl.parts").iterdir()) == []
    again = run_batch(remote)
    assert (again.known, again.answered, again.failures) == (12, 0, 1)
    assert len(lines_of(tmp_path / "far.errors.jsonl")) == 1


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="needs signals")
def test_an_interrupt_does_not_reach_a_process_that_is_being_loaded(tmp_path):
    """A terminal sends Ctrl-C to all of them: each would end with a traceback of its own."""
    # A shell's background job, and what it starts, ignores Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        spec = WorkerSpec(SETTINGS, str(tmp_path), make_agent=make_agent)
        child = ProcessEngine(spec, 1, 1)._launch()
    finally:
        signal.signal(signal.SIGINT, before)
    os.kill(child.process.pid, signal.SIGINT)
    try:
        assert child.pipe.poll(60) and child.pipe.recv() is None
        assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set())
    finally:
        child.process.kill()
        child.process.join()
