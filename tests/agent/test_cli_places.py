"""Places on a command line that can't be what they are meant for: one line, and nothing written."""

import os

import pytest

from tests.agent.test_cli_ask import one_line

RESULT = (
    '{"custom_id": "q", "query": "it", "images": [], "status": "none", "mode": {"asked": "auto", '
    '"used": "direct", "why": ""}, "policy": {"name": "p", "backend": "b", "dialect": "d", '
    '"coordinates": "c"}}\n'
)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["report", "."], ". is a folder"),
        (["report", "/"], "/ is a folder"),
        (["report", "../r.jsonl", "-o", "."], ". is a folder"),
        (["export", ".", "--to", "coco"], ". is a folder"),
        (["export", "/", "--to", "csv"], "/ is a folder"),
        (["export", "../r.jsonl", "--to", "yolo", "-o", "."], "the folder that you are in"),
        (["export", "../r.jsonl", "--to", "yolo", "-o", ".", "--force"], "that you are in"),
        (["export", "../r.jsonl", "--to", "yolo", "-o", "..", "--force"], "one around it"),
        (["export", "../r.jsonl", "--to", "yolo", "-o", "/", "--force"], "one around it"),
        (["export", "../r.jsonl", "--to", "coco", "-o", "."], "that you are in"),
    ],
)
def test_a_folder_in_a_files_place(gemvg, folder, arguments, words):
    (folder.parent / "r.jsonl").write_text(RESULT)
    before = sorted(os.listdir(folder.parent))
    outcome = gemvg(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert words in one_line(outcome.err)
    assert sorted(os.listdir(folder.parent)) == before and os.listdir(folder) == []


@pytest.mark.parametrize(
    ("to", "target"), [("csv", "runs/r.jsonl"), ("csv", "link"), ("yolo", "runs"), ("coco", "runs")]
)
def test_no_export_replaces_the_results_that_it_reads(gemvg, folder, to, target):
    results = folder / "runs" / "r.jsonl"
    results.parent.mkdir()
    results.write_text(RESULT)
    (folder / "link").symlink_to(results)
    outcome = gemvg("export", "runs/r.jsonl", "--to", to, "-o", target, "--force")
    assert outcome.code == 2 and "holds the results" in one_line(outcome.err)
    assert results.read_text() == RESULT


def test_what_can_be_written_is_named_as_it_was_given(gemvg, folder):
    (folder / "r.jsonl").write_text(RESULT)
    assert gemvg("export", "r.jsonl", "--to", "yolo", "-o", "labels").out == "labels\n"
    assert gemvg("report", "r.jsonl").out == "r.html\n"
