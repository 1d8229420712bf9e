"""Of what became of a line, the last counts: results, errors, and those that they replace."""

import json
import os

import pytest
from PIL import Image

from gemvg.agent import GroundingAgent
from gemvg.agent.batch.job import run_batch
from gemvg.agent.batch.progress import progress_words
from gemvg.agent.cli.batch import closing_words
from gemvg.agent.settings import AskSettings
from gemvg.policy.scripted import ScriptedPolicy
from tests.agent.batch_jobs import job, lines_of, write_lines, write_pictures

OTHER = AskSettings.model_validate({"tools": "none", "seed": 1})


@pytest.fixture
def place(tmp_path):
    """A folder with pictures and 4 lines that are answered."""
    write_lines(tmp_path, 4, write_pictures(tmp_path))
    Image.effect_noise((80, 60), 50).save(tmp_path / "torn.png")
    (tmp_path / "torn.png").write_bytes((tmp_path / "torn.png").read_bytes()[:2000])
    assert run_batch(job(tmp_path)).answered == 4
    return tmp_path


def rows(place, name="out.jsonl"):
    return {row["custom_id"]: row for row in map(json.loads, lines_of(place / name))}


def errors(place):
    return rows(place, "out.errors.jsonl")


def superseded(place):
    return rows(place, "out.superseded.jsonl")


def ask(place, custom_id="q0", query="every dog 0", image="0.png"):
    """Have the line of q0 ask something else."""
    others = lines_of(place / "in.jsonl")[1:]
    line = {"custom_id": custom_id, "query": query, "images": [image]}
    (place / "in.jsonl").write_bytes(b"\n".join([json.dumps(line).encode(), *others, b""]))


def failing_agent(settings):
    def fail(request):
        raise RuntimeError("inside")

    return GroundingAgent(ScriptedPolicy(fail), tools=settings.tools, seed=settings.seed)


@pytest.mark.parametrize(("image", "keyed"), [("gone.png", False), ("torn.png", True)])
def test_a_changed_line_that_fails_is_told_at_every_run(place, image, keyed):
    first = rows(place)["q0"]
    ask(place, image=image)
    for known in (3, 4, 4):
        summary = run_batch(job(place))
        assert (summary.answered, summary.known, summary.failures) == (0, known, 1)
        assert list(errors(place)) == ["q0"] and errors(place)["q0"]["kind"] == "image"
        assert (errors(place)["q0"]["key"] is not None) == keyed
        assert sorted(rows(place)) == ["q1", "q2", "q3"]
        assert superseded(place) == {"q0": first}
    ask(place)
    summary = run_batch(job(place))
    assert (summary.answered, summary.known, summary.failures) == (1, 3, 0)
    assert errors(place) == {} and rows(place)["q0"] == first


def test_a_changed_question_about_a_missing_picture_leaves_no_old_answer(place):
    ask(place, query="every cat")
    (place / "0.png").rename(place / "away.png")
    assert run_batch(job(place)).failures == 1
    assert list(superseded(place)) == ["q0"] and sorted(rows(place)) == ["q1", "q2", "q3"]


def test_a_picture_that_is_away_for_a_while_costs_no_answer(place):
    """The same words and names: nobody knows that the answer is wrong, but the failure is told."""
    before = rows(place)
    (place / "0.png").rename(place / "away.png")
    for known in (3, 4):
        summary = run_batch(job(place))
        assert (summary.known, summary.failures, list(errors(place))) == (known, 1, ["q0"])
        assert rows(place) == before
    (place / "away.png").rename(place / "0.png")
    summary = run_batch(job(place))
    assert (summary.answered, summary.known, summary.failures) == (0, 4, 0)
    assert errors(place) == {} and rows(place) == before and superseded(place) == {}


def test_other_settings_that_fail_leave_no_answer_of_the_old_ones(place):
    before = rows(place)
    summary = run_batch(job(place, settings=OTHER, make_agent=failing_agent))
    assert (summary.answered, summary.failures) == (0, 4)
    assert (rows(place), superseded(place)) == ({}, before)
    summary = run_batch(job(place, settings=OTHER))
    assert (summary.known, summary.failures) == (4, 4)
    summary = run_batch(job(place, settings=OTHER, retry_errors=True))
    assert (summary.answered, summary.failures, errors(place)) == (4, 0, {})
    assert superseded(place) == before


def write_error(place, key):
    """The error of a job that was killed before it could put its files in order."""
    error = {"custom_id": "q0", "key": key, "line": 1, "kind": "image", "message": "no."}
    (place / "out.errors.jsonl").write_text(json.dumps(error) + "\n")


@pytest.mark.parametrize("key", ["same", "0" * 64, None])
def test_after_a_kill_the_line_says_which_stands(place, key):
    """It asks what the result answers, so the error came first, whatever its key."""
    before = rows(place)
    write_error(place, before["q0"]["key"] if key == "same" else key)
    summary = run_batch(job(place))
    assert (summary.answered, summary.known, summary.failures) == (0, 4, 0)
    assert (errors(place), rows(place), superseded(place)) == ({}, before, {})


@pytest.mark.parametrize("image", ["gone.png", "torn.png"])
def test_after_a_kill_an_error_that_came_later_stands(place, image):
    ask(place, image=image)
    assert run_batch(job(place)).failures == 1
    key = errors(place)["q0"]["key"]
    old = superseded(place)["q0"]
    (place / "out.superseded.jsonl").unlink()
    with (place / "out.jsonl").open("a") as file:
        file.write(json.dumps(old) + "\n")
    summary = run_batch(job(place))
    assert (summary.known, summary.failures) == (4, 1)
    assert errors(place)["q0"]["key"] == key
    assert superseded(place) == {"q0": old} and "q0" not in rows(place)


def test_a_line_that_failed_before_is_told_as_failed_and_not_as_done(tmp_path):
    write_lines(tmp_path, 4, [*write_pictures(tmp_path, 1), "gone.png"])
    (tmp_path / "in.jsonl").write_bytes((tmp_path / "in.jsonl").read_bytes() + b"no line\n")
    both = job(tmp_path)
    words = [closing_words(run_batch(both), both) for _ in range(2)]
    assert words[0].startswith("gemvg-agent: 2 answered, 3 failed (in ")
    assert words[1].startswith("gemvg-agent: 0 answered, 2 done before, 3 failed (in ")
    summary = run_batch(job(tmp_path, make_agent=failing_agent))
    assert (summary.known, summary.failed_before, summary.failures) == (5, 3, 3)
    assert progress_words(summary, 1.0, 5).endswith("2 done before")


def test_what_no_file_can_hold_is_known_again_as_it_was_written(tmp_path):
    """Python writes names that are no UTF-8 as lone surrogates, also into JSON."""
    names = write_pictures(tmp_path)
    lines = [("\ud800", names[0]), ("gone", "\udcff.png"), ("\ud801", names[1])]
    with (tmp_path / "in.jsonl").open("w") as file:
        for custom_id, image in lines:
            line = {"custom_id": custom_id, "query": "every dog", "images": [image]}
            file.write(json.dumps(line) + "\n")
    first = run_batch(job(tmp_path))
    # Two names that are written alike are one name.
    assert (first.answered, first.failed) == (1, 2)
    for _ in range(2):
        again = run_batch(job(tmp_path))
        assert (again.answered, again.known, again.failed) == (0, 3, 0)
        assert len(lines_of(tmp_path / "out.jsonl")) == 1


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_a_picture_of_an_odd_name_that_is_away_for_a_while_costs_no_answer(place):
    odd = os.fsdecode(b"\xff.png")
    try:
        (place / "0.png").rename(place / odd)
    except OSError:
        pytest.skip("this disk has no such names")
    ask(place, image=odd)
    (place / "out.jsonl").unlink()
    assert run_batch(job(place)).answered == 4
    (place / odd).rename(place / "away")
    run_batch(job(place))
    (place / "away").rename(place / odd)
    assert run_batch(job(place)).answered == 0
