"""Engines: a server that dies and comes back, a cluster whose worker dies."""

import asyncio
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from gemvg.agent.batch.job import BatchJob, run_batch
from gemvg.agent.batch.outage import OWN_FAULT, Outage
from gemvg.agent.batch.record import Outcome
from gemvg.tools.errors import BackendError
from tests.agent.batch_jobs import (
    SETTINGS,
    job,
    lines_of,
    make_agent,
    write_lines,
    write_pictures,
)

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
