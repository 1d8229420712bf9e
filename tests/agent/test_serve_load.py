"""Many clients at once, and a stop in the middle of it, against a server of its own process."""

import asyncio
import re

import pytest

from benchmarks.serve_load import quantile, run_load, start_server

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path):
    """(process, url, log) of a server that lets 16 wait."""
    log = tmp_path / "log"
    process, url = start_server(2, 16, log)
    yield process, url, log
    process.kill()
    process.wait()


def test_over_the_limit_is_429_and_sigterm_finishes_what_was_taken(server):
    process, url, log = server
    load = asyncio.run(run_load(url, process.pid, 64, 4.0, None))
    assert set(load.statuses) == {"200", "429"}
    assert max(load.memory) < 1000
    stopped = asyncio.run(run_load(url, process.pid, 16, 6.0, 2.0))
    assert process.wait(60) == 0
    assert stopped.statuses["200"] and not stopped.statuses["broken"]
    taken, finished = re.search(r"(\d+) taken, (\d+) finished", log.read_text()).groups()
    assert taken == finished and int(taken) >= load.statuses["200"] + stopped.statuses["200"]


def test_a_quantile_is_that_of_what_came_between():
    before = 'own_bucket{le="0.1"} 5\nown_bucket{le="0.2"} 9\nown_bucket{le="+Inf"} 9\n'
    after = 'own_bucket{le="0.1"} 105\nown_bucket{le="0.2"} 109\nown_bucket{le="+Inf"} 109\n'
    assert quantile(before, after, "own", 0.99) == (0.0, 0.1)
    assert quantile(before, before.replace("9\n", "19\n"), "own", 0.5) == (0.1, 0.2)
