"""Batches whose folders, disks and locks fail: what stops a job, and that nothing is lost."""

import errno
import os
import resource
import shutil
import signal
import stat

import pytest

from gemvg.agent import GroundingAgent
from gemvg.agent.batch.job import BatchJob, run_batch
from gemvg.policy.scripted import ScriptedPolicy
from gemvg.tools.errors import DataError, ImageError, OutputError, UsageError
from tests.agent.batch_jobs import (
    SETTINGS,
    errors,
    job,
    results,
    rows,
    write_lines,
    write_pictures,
)


@pytest.fixture
def place(tmp_path):
    """A folder with pictures and 12 lines."""
    write_lines(tmp_path, 12, write_pictures(tmp_path))
    return tmp_path


def test_a_picture_that_was_missing_is_looked_for_again(place):
    (place / "1.png").rename(place / "away.png")
    assert run_batch(job(place)).failures == 3
    assert run_batch(job(place)).known == 12
    (place / "away.png").rename(place / "1.png")
    summary = run_batch(job(place))
    assert (summary.answered, summary.failures, errors(place)) == (3, 0, [])


def test_a_vanished_folder_stops_the_job_and_loses_nothing(place):
    def vanish(request):
        if (place / "pictures").exists():
            shutil.rmtree(place / "pictures")
        return "[]"

    (place / "pictures").mkdir()
    for n in range(4):
        (place / f"{n}.png").rename(place / "pictures" / f"{n}.png")
    write_lines(place, 12, [f"pictures/{n}.png" for n in range(4)])
    globals()["_vanish"] = vanish
    with pytest.raises(ImageError, match="vanished"):
        run_batch(job(place, make_agent=vanishing_agent, in_flight=1))
    assert errors(place) == [] if (place / "out.errors.jsonl").exists() else True
    (place / "pictures").mkdir()
    write_pictures(place / "pictures")
    assert run_batch(job(place)).failures == 0
    assert len(results(place)) == 12


def vanishing_agent(settings):
    return GroundingAgent(ScriptedPolicy(globals()["_vanish"]), tools=settings.tools)


def test_a_full_disk_stops_the_job(place):
    with pytest.raises(OutputError, match="no space"):
        run_batch(job(place, output="/dev/full"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_disk_that_fills_up_in_the_middle_tears_no_line(place):
    pid = os.fork()
    if pid == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            run_batch(job(place, in_flight=2, window=4))
        except OutputError:
            os._exit(7)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    kept = len(rows(place / "out.jsonl"))
    assert 0 < kept < 12
    summary = run_batch(job(place))
    assert (summary.known, summary.answered) == (kept, 12 - kept)
    assert len(results(place)) == 12


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anything")
def test_a_read_only_folder_is_told(place):
    place.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(OutputError, match="can't be written"):
        run_batch(job(place))
    place.chmod(0o700)


@pytest.mark.parametrize("output", ["/proc/out.jsonl", "in.jsonl/out.jsonl"])
def test_an_output_that_cannot_be_written_is_told_at_once(place, output):
    with pytest.raises(OutputError, match="can't be written"):
        run_batch(job(place, output=output))


def test_a_disk_without_locks_is_no_other_run(place, monkeypatch):
    def none(fd, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", none)
    with pytest.raises(OutputError, match="no locks available") as caught:
        run_batch(job(place))
    assert "another run" not in str(caught.value)


def test_two_jobs_do_not_write_one_output(place):
    from gemvg.agent.journal import Journal

    with Journal(place / "out.jsonl"), pytest.raises(OutputError, match="another run"):
        run_batch(job(place))


@pytest.mark.parametrize(
    ("source", "output", "error"),
    [
        ("none.jsonl", "out.jsonl", DataError),
        ("in.jsonl", "in.jsonl", UsageError),
        ("in.jsonl", ".", UsageError),
        ("bare.csv", "out.jsonl", DataError),
        ("text.parquet", "out.jsonl", DataError),
    ],
)
def test_wrong_names_are_told(place, source, output, error):
    (place / "bare.csv").write_text("a,b\n1,2\n")
    (place / "text.parquet").write_text("no table")
    with pytest.raises(error):
        run_batch(BatchJob(str(place / source), str(place / output), SETTINGS))
