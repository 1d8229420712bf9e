"""Runs are compared and scored over their own questions, whole; anything else is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gemvg.tools.boxes import Box
from gemvg.tools.errors import DataError, UsageError
from gemvg.training.benchmarks.compare import by_id, compare
from gemvg.training.benchmarks.evaluate import (
    Chosen,
    compare_scored,
    evaluated,
    score_answers,
    write_records,
)
from gemvg.training.benchmarks.outcome import FoundBox, Outcome
from gemvg.training.benchmarks.runner import open_run


def mig(folder: Path, questions: list[str]) -> Path:
    """A small MIG-Bench: two tasks, every question in both."""
    folder.mkdir(exist_ok=True)
    rows = [
        {"task": t, "question": q, "answer": [100, 100, 500, 500], "images": ["a.jpg", "b.jpg"]}
        for t in ("diff", "region") for q in questions
    ]  # fmt: skip
    (folder / "revised_MIG_bench.json").write_text(json.dumps(rows))
    return folder


def asked(
    out: Path, data: Path, tasks: tuple[str, ...] = (), limit: int | None = None, **kept: Any
) -> Path:
    """The folder of a finished run; `kept` replaces what its run.json holds (None: removes)."""
    chosen = Chosen.of("mig-bench", data, tasks, limit)
    settings = chosen.settings({"mode": "direct"})
    open_run(out, settings)
    found = {
        i.id: Outcome(i.id, i.task, boxes=(FoundBox(1, Box(100, 100, 500, 490)),))
        for i in chosen.items
    }
    write_records(out, evaluated(chosen, found, settings.to_json(), False).scored.outcomes)
    held = {**json.loads((out / "run.json").read_text()), **kept}
    (out / "run.json").write_text(json.dumps({k: v for k, v in held.items() if v is not None}))
    return out


def strip(run: Path, keep: int, status: str = "ok") -> None:
    """Take the scores of all but the first records away, as they are before a run ends."""
    lines = [json.loads(x) for x in (run / "records.jsonl").read_text().splitlines()]
    for line in lines[keep:]:
        line.update(scores={}, status=status)
    (run / "records.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))


@pytest.mark.parametrize(
    ("keep", "status", "told"),
    [(0, "ok", "8 of its 8"), (3, "ok", "5 of its 8"), (0, "failed", "8 of its 8"),
     (3, "failed", None)],
)  # fmt: skip
def test_a_run_that_did_not_end_is_no_bad_run(
    tmp_path: Path, keep: int, status: str, told: str | None
) -> None:
    data = mig(tmp_path / "data", ["q1", "q2", "q3", "q4"])
    whole, cut = asked(tmp_path / "whole", data), asked(tmp_path / "cut", data)
    strip(cut, keep, status)
    if told is None:
        assert compare_scored(whole, cut, None).micro.b == pytest.approx(37.5)
        return
    for pair in ((whole, cut), (cut, whole)):
        with pytest.raises(UsageError, match=f"cut was not finished: {told} items") as error:
            compare_scored(*pair, None)
        assert "\n" not in str(error.value)
    a, b = (by_id([Outcome("x", "t", scores=s)]) for s in ({"acc": 1.0}, {}))
    with pytest.raises(UsageError, match="not finished"):
        compare(a, b, "acc")


OLD = {"data_by_task": None}


@pytest.mark.parametrize(
    ("a", "b", "n"),
    [
        ({}, {}, 8), ({}, {"limit": 2}, 4), ({"limit": 1}, {"tasks": ("diff",)}, 1),
        (OLD, {}, 8), (OLD, OLD, 8), ({**OLD, "limit": 2}, {}, 4),
        ({}, {"other": True}, 0), ({"tasks": ("diff",)}, {"other": True, "limit": 1}, 0),
        (OLD, {**OLD, "other": True}, 0), ({}, {**OLD, "other": True}, 0),
        ({}, {"benchmark": "mig-bench-original"}, 0),
    ],
)  # fmt: skip
def test_runs_are_compared_over_the_same_data_alone(
    tmp_path: Path, a: dict[str, Any], b: dict[str, Any], n: int
) -> None:
    here = mig(tmp_path / "here", ["q1", "q2", "q3", "q4"])
    there = mig(tmp_path / "there", ["q1", "q2", "q3", "another"])
    runs = [
        asked(tmp_path / name, there if how.pop("other", False) else here, **how)
        for name, how in (("a", dict(a)), ("b", dict(b)))
    ]
    if n:
        assert compare_scored(runs[0], runs[1], None).micro.n == n
        return
    with pytest.raises(UsageError, match=r"of different (data|benchmarks)") as error:
        compare_scored(runs[0], runs[1], None)
    assert "\n" not in str(error.value)


def test_another_set_in_the_folder_does_not_part_runs(tmp_path: Path) -> None:
    data = mig(tmp_path / "data", ["q1", "q2"])
    before = asked(tmp_path / "before", data)
    path = data / "revised_MIG_bench.json"
    more = [{**row, "task": "reasoning"} for row in json.loads(path.read_text())[:1]]
    path.write_text(json.dumps(json.loads(path.read_text()) + more))
    assert compare_scored(before, asked(tmp_path / "after", data), None).micro.n == 4
    done = score_answers(Chosen.of("mig-bench", data), [before])
    assert [o.status for o in done.scored.outcomes] == ["ok"] * 4 + ["missing"]


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({}, None), ({"limit": 1}, None), ({"tasks": ("diff",)}, None), (OLD, None),
        ({**OLD, "limit": 1}, None), ({"other": True}, "over other data"),
        ({**OLD, "other": True}, "over other data"),
        ({**OLD, "chosen": {"tasks": ["none"]}}, "over other data"),
        ({"benchmark": "photos"}, "is a run of photos, not of mig-bench"),
        ({"tasks": ("region",)}, "no answer in what was named belongs to a chosen item"),
    ],
)  # fmt: skip
def test_records_are_scored_over_their_own_data_alone(
    tmp_path: Path, how: dict[str, Any], told: str | None
) -> None:
    here = mig(tmp_path / "here", ["q1", "q2"])
    there = mig(tmp_path / "there", ["q1", "another"])
    how = dict(how)
    run = asked(tmp_path / "run", there if how.pop("other", False) else here, **how)
    chosen = Chosen.of("mig-bench", here, ["diff"])
    for path in (run, run / "records.jsonl"):
        if told is None:
            done = score_answers(chosen, [path]).scored
            assert done.summary.headline[1] >= 50.0
            continue
        with pytest.raises(DataError, match=told) as error:
            score_answers(chosen, [path], tmp_path / "out")
        assert "\n" not in str(error.value) and not (tmp_path / "out").exists()


def test_records_without_a_run_must_name_items_of_the_benchmark(tmp_path: Path) -> None:
    chosen = Chosen.of("mig-bench", mig(tmp_path / "data", ["q1", "q2"]))
    path = tmp_path / "records.jsonl"
    lines = [{"id": "absent/001", "task": "absent"}, {"id": "diff/0001", "task": "diff"}]
    path.write_text(json.dumps(lines[0]) + "\n")
    with pytest.raises(DataError, match="belongs to a chosen item of mig-bench"):
        score_answers(chosen, [path])
    path.write_text("".join(json.dumps(x) + "\n" for x in lines))
    assert score_answers(chosen, [path]).scored.outcomes[0].status == "ok"
