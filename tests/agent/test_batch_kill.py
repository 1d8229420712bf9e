"""Killed at any point, a job loses nothing and repeats nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gemvg.agent import journal as journal_module
from gemvg.agent.journal import Journal, read_journal
from gemvg.tools.errors import OutputError

REPOSITORY = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_hundred_kills(tmp_path):
    """SIGKILL at 200 random points, half of them inside the journal's own system calls."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.agent.batch_killing", str(tmp_path), "200", "7"],
        cwd=REPOSITORY,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=580,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads(done.stdout)
    assert report["wrong"] == []
    assert report["kills"] >= 200 and report["inside_calls"] >= 50
    assert (report["results"], report["errors"]) == (22, 4)
    assert report["recomputed"] <= report["allowed"]


class Died(BaseException):
    """Stands for the process's death."""


class FailingOs:
    """`os`, whose next writes are cut short: by a death, or by a full disk."""

    def __init__(self):
        self.plan = None

    def __getattr__(self, name):
        return getattr(os, name)

    def write(self, fd, data):
        if self.plan is None:
            return os.write(fd, data)
        kind, share = self.plan
        self.plan = None
        os.write(fd, data[: int(len(data) * share)])
        if kind == "death":
            raise Died
        raise OSError(28, "No space left on device")


class JournalMachine(RuleBasedStateMachine):
    """A journal between writes, deaths, full disks and rewrites, against a plain list."""

    def __init__(self):
        super().__init__()
        self.os = FailingOs()

    @initialize(folder=st.integers(0, 10**12))
    def start(self, folder):
        self.path = Path(os.environ["JOURNAL_MACHINE"]) / f"{os.getpid()}-{folder}.jsonl"
        self.path.unlink(missing_ok=True)
        journal_module.os = self.os
        self.journal = Journal(self.path)
        self.acknowledged, self.number = [], 0

    def batch(self, count, text):
        rows = [{"n": self.number + k, "text": text} for k in range(count)]
        self.number += count
        return rows

    @rule(count=st.integers(1, 4), text=st.text(max_size=30))
    def append(self, count, text):
        rows = self.batch(count, text)
        self.journal.append_lines([journal_module.encode_line(row) for row in rows])
        self.acknowledged += [row["n"] for row in rows]

    @rule(count=st.integers(1, 4), share=st.floats(0, 1), text=st.text(max_size=30))
    def full_disk(self, count, share, text):
        self.os.plan = ("full", share)
        with pytest.raises(OutputError, match="no space"):
            self.journal.append_lines(
                [journal_module.encode_line(row) for row in self.batch(count, text)]
            )

    @rule(count=st.integers(1, 4), share=st.floats(0, 0.999), text=st.text(max_size=30))
    def death(self, count, share, text):
        """Whole lines of the cut write may stand; they were never acknowledged, nor torn."""
        rows = self.batch(count, text)
        self.os.plan = ("death", share)
        with pytest.raises(Died):
            self.journal.append_lines([journal_module.encode_line(row) for row in rows])
        self.journal.close()
        self.journal = Journal(self.path)
        standing = [row["n"] for row in self.journal.rows()]
        extra = standing[len(self.acknowledged) :]
        assert extra == [row["n"] for row in rows][: len(extra)]
        self.acknowledged = standing

    @rule()
    def rewrite(self):
        kept = [line for n, line in enumerate(self.journal.lines()) if n % 3]
        self.journal.replace(kept)
        self.acknowledged = [n for k, n in enumerate(self.acknowledged) if k % 3]
        with pytest.raises(OutputError, match="another run"):
            Journal(self.path)

    @invariant()
    def holds_what_it_acknowledged(self):
        if hasattr(self, "journal"):
            assert [row["n"] for row in read_journal(self.path)] == self.acknowledged

    def teardown(self):
        journal_module.os = os
        if hasattr(self, "journal"):
            self.journal.close()
            self.path.unlink()


def test_journal_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("JOURNAL_MACHINE", str(tmp_path))
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        JournalMachine,
        settings=settings(max_examples=40, stateful_step_count=20, deadline=None),
    )
