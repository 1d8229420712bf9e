"""Runs that are killed, torn, resumed, shared and refused."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gemvg.agent import GroundingAgent
from gemvg.agent.settings import AskSettings
from gemvg.policy.policy import Completion, Request, Usage
from gemvg.policy.scripted import ScriptedPolicy
from gemvg.tools.boxes import Box
from gemvg.tools.errors import BackendError, DataError, OutputError, UsageError
from gemvg.training.benchmarks import evaluate
from gemvg.training.benchmarks.asking import AgentAsker, Listening
from gemvg.training.benchmarks.evaluate import Chosen
from gemvg.training.benchmarks.item import FilePicture, Item, TrueBox
from gemvg.training.benchmarks.journal import Journal, read_journal
from gemvg.training.benchmarks.outcome import FoundBox, Outcome
from gemvg.training.benchmarks.registry import make_benchmark
from gemvg.training.benchmarks.report import write_json
from gemvg.training.benchmarks.runner import (
    RECORDS,
    RunSettings,
    choose,
    data_digest,
    latest,
    open_run,
    run_items,
)
from tests.shared import SHARED, needs_shared

PHOTOS = sorted((SHARED / "photos" / "images").glob("*.jpg"))


def items(count: int) -> list[Item]:
    truth = (TrueBox(1, Box(0, 0, 10, 10)),)
    return [Item(f"t{k % 3}/{k:03d}", f"t{k % 3}", f"find {k}", (), truth) for k in range(count)]


async def answer(item: Item) -> Outcome:
    await asyncio.sleep(0)
    return Outcome(item.id, item.task, raw=f"said {item.query}")


def run(folder: Path, count: int = 10, ask: Any = answer, **options: Any) -> dict[str, Outcome]:
    return asyncio.run(run_items(items(count), ask, folder, **options))


def test_a_run_asks_each_item_once(tmp_path: Path) -> None:
    asked: list[str] = []
    busy, most = 0, 0

    async def ask(item: Item) -> Outcome:
        nonlocal busy, most
        busy, most = busy + 1, max(most, busy + 1)
        asked.append(item.id)
        await asyncio.sleep(0.002)
        busy -= 1
        return await answer(item)

    done = run(tmp_path, 12, ask, concurrency=3)
    assert sorted(asked) == sorted(done) == [i.id for i in sorted(items(12), key=lambda i: i.id)]
    assert most == 3
    again = run(tmp_path, 12, ask, concurrency=3)
    assert len(asked) == 12 and again == done


@pytest.mark.parametrize("torn", [b"", b'{"id": "t0/0', b'{"id": "x", "task": "t"}', b"\xff\xfe"])
def test_a_torn_last_line_is_cut_and_asked_again(tmp_path: Path, torn: bytes) -> None:
    whole = run(tmp_path / "whole", 9)
    run(tmp_path / "cut", 5)
    path = tmp_path / "cut" / RECORDS
    path.write_bytes(path.read_bytes() + torn)
    assert len(read_journal(path)) == 5
    assert run(tmp_path / "cut", 9) == whole
    assert len(path.read_bytes().splitlines()) == 9


def test_failed_items_are_asked_again_and_the_last_line_counts(tmp_path: Path) -> None:
    async def fail(item: Item) -> Outcome:
        error = {"kind": "image", "message": "no"}
        return Outcome(item.id, item.task, "failed", error=error)

    assert all(o.status == "failed" for o in run(tmp_path, 3, fail).values())
    assert all(o.status == "ok" for o in run(tmp_path, 3).values())
    assert len(latest(read_journal(tmp_path / RECORDS))) == 3


def test_a_dead_backend_stops_the_run_and_keeps_what_is_done(tmp_path: Path) -> None:
    async def ask(item: Item) -> Outcome:
        if item.id.endswith(("000", "001", "002")):
            return await answer(item)
        error = {"kind": "backend", "message": "connection refused"}
        return Outcome(item.id, item.task, "failed", error=error)

    with pytest.raises(BackendError, match="connection refused"):
        run(tmp_path, 40, ask, concurrency=2)
    rows = latest(read_journal(tmp_path / RECORDS))
    assert sum(o.status == "ok" for o in rows.values()) == 3 and len(rows) < 20
    assert len(run(tmp_path, 40)) == 40


def test_one_writer(tmp_path: Path) -> None:
    with Journal(tmp_path / "a.jsonl"), pytest.raises(OutputError, match="another run"):
        Journal(tmp_path / "a.jsonl")
    with Journal(tmp_path / "a.jsonl") as journal:
        journal.append({"é": 1})
        assert journal.rows() == [{"é": 1}]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text('{"id": 1}\nbroken\n')
    with pytest.raises(DataError, match="line 2"):
        read_journal(path)
    with pytest.raises(DataError, match="can't be opened"):
        read_journal(tmp_path / "none")


def test_a_folder_belongs_to_one_run(tmp_path: Path) -> None:
    settings = RunSettings("photos", data_digest(items(3)), {"seed": 0, "mode": "auto"})
    open_run(tmp_path, settings)
    open_run(tmp_path, settings)
    with pytest.raises(UsageError, match="another value of 'mode'"):
        open_run(tmp_path, RunSettings("photos", settings.data, {"seed": 0, "mode": "think"}))
    with pytest.raises(UsageError, match="another value of 'data'"):
        open_run(tmp_path, RunSettings("photos", data_digest(items(4)), settings.asked))


def test_choosing_tasks_and_limit() -> None:
    chosen = choose(items(12), ["t1"], 2)
    assert [i.id for i in chosen] == ["t1/001", "t1/004"]
    assert len(choose(items(12), [], 1)) == 3 and len(choose(items(12), [], None)) == 12
    with pytest.raises(UsageError, match="t0, t1, t2"):
        choose(items(3), ["t9"], None)
    with pytest.raises(UsageError, match="--limit"):
        choose(items(3), [], 0)


DRIVER = """
import asyncio, sys
from pathlib import Path
from tests.training.test_benchmarks_runner import answer, items
from gemvg.training.benchmarks.runner import run_items

async def ask(item):
    await asyncio.sleep(0.004)
    return await answer(item)

asyncio.run(run_items(items(150), ask, Path(sys.argv[1]), concurrency=3))
"""


@pytest.mark.slow
def test_killed_again_and_again_it_ends_like_an_uninterrupted_run(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", 150)
    path = tmp_path / "killed" / RECORDS
    kills, root = 0, Path(__file__).parents[2]
    for round_ in range(40):
        size = path.stat().st_size if path.exists() else 0
        process = subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(path.parent)], cwd=root, env={**os.environ}
        )
        if round_ < 3:
            begun = time.monotonic()
            while process.poll() is None and time.monotonic() - begun < 60:
                if path.exists() and path.stat().st_size > size + 700:
                    break
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
        if process.wait() == 0:
            break
        kills += 1
    assert kills >= 2
    assert latest(read_journal(path)) == whole
    assert len(path.read_bytes().splitlines()) == 150


def scripted(request: Request) -> Completion:
    box = {"image": 1, "bbox_2d": [100, 200, 500, 600], "label": "dog"}
    return Completion(json.dumps([box]), usage=Usage(50, 12, 40, 1))


@needs_shared
def test_an_answer_becomes_an_outcome_in_the_items_space() -> None:
    agent = GroundingAgent(Listening(ScriptedPolicy(scripted)), tools="none")
    pictures = (FilePicture(str(PHOTOS[0])), FilePicture(str(PHOTOS[1])))
    asker = AgentAsker(agent, clock=lambda: 0.0)
    truth = (TrueBox(1, Box(100, 200, 500, 600)),)
    item = Item("a", "t", "the dog", pictures, truth, "relative-1000")
    outcome = asyncio.run(asker(item))
    assert outcome.status == "ok" and outcome.error is None
    assert list(outcome.boxes[0].box) == pytest.approx([100, 200, 500, 600], abs=0.05)
    assert outcome.raw == json.dumps(json.loads(outcome.raw)) and "bbox_2d" in outcome.raw
    assert outcome.tokens["completion_tokens"] == 12 and len(outcome.sizes) == 2
    assert Outcome.from_json(json.loads(json.dumps(outcome.to_json()))) == outcome
    lost = Item("b", "t", "the dog", (FilePicture("nowhere.jpg"),), truth)
    failed = asyncio.run(asker(lost))
    assert failed.status == "failed" and failed.error and failed.error["kind"] == "image"


@needs_shared
def test_an_interrupted_evaluation_ends_in_the_same_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way: stopped after five questions, started again, compared byte by byte."""
    calls = 0

    def make(self: AskSettings, **_: Any) -> GroundingAgent:
        def say(request: Request) -> Completion:
            nonlocal calls
            calls += 1
            if calls == stop_at:
                raise KeyboardInterrupt
            return scripted(request)

        return GroundingAgent(ScriptedPolicy(say), tools="none")

    monkeypatch.setattr(AskSettings, "make_agent", make)
    monkeypatch.setattr(AgentAsker, "__call__", _without_time(AgentAsker.__call__))
    chosen = Chosen.of("photos", SHARED / "photos", limit=2)
    settings = AskSettings()
    stop_at = -1
    evaluate.ask_all(chosen, settings, tmp_path / "whole", concurrency=1)
    calls, stop_at = 0, 6
    with pytest.raises(KeyboardInterrupt):
        evaluate.ask_all(chosen, settings, tmp_path / "cut", concurrency=1)
    assert 0 < len(read_journal(tmp_path / "cut" / RECORDS)) < len(chosen.items)
    assert not (tmp_path / "cut" / "report.json").exists()
    stop_at = -1
    evaluate.ask_all(chosen, settings, tmp_path / "cut", concurrency=1)
    assert calls == len(chosen.items) + 1
    for name in ("run.json", RECORDS, "report.json", "report.html"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def _without_time(call: Any) -> Any:
    async def timeless(self: AgentAsker, item: Item) -> Outcome:
        outcome = await call(self, item)
        return Outcome.from_json({**outcome.to_json(), "seconds": 0.0})

    return timeless


def test_nan_boxes_survive_the_journal(tmp_path: Path) -> None:
    wild = Outcome("a", "t", boxes=(FoundBox(1, Box(float("nan"), 0, 1, float("inf"))),))
    with Journal(tmp_path / "a.jsonl") as journal:
        journal.append(wild.scored({"iou": float("nan")}).to_json())
        (row,) = journal.rows()
    found = Outcome.from_json(row)
    assert not found.boxes[0].box.is_valid and found.scores["iou"] == 0.0


@pytest.mark.parametrize(
    ("score", "kept"),
    [(None, None), (0.25, 0.25), (3, 3.0), (float("nan"), -1e9), (float("inf"), 1e9),
     (float("-inf"), -1e9)],
)  # fmt: skip
def test_scores_that_are_no_number_survive_the_journal(
    tmp_path: Path, score: float | None, kept: float | None
) -> None:
    wild = Outcome("a", "t", boxes=(FoundBox(1, Box(0, 0, 1, 1), None, score),))
    with Journal(tmp_path / "a.jsonl") as journal:
        journal.append(wild.to_json())
        (row,) = journal.rows()
    assert Outcome.from_json(row).boxes[0].score == kept
    # As another program, or an older version of this one, writes it.
    row["boxes"][0]["score"] = score
    assert Outcome.from_json(json.loads(json.dumps(row))).boxes[0].score == kept
    row["boxes"][0]["score"] = "high"
    with pytest.raises(DataError, match="not a line of a results file"):
        Outcome.from_json(row)


def test_half_a_surrogate_pair_ends_nothing(tmp_path: Path) -> None:
    """JSON may hold one (a text cut in the middle of an emoji), UTF-8 can't."""
    evaluate.write_records(tmp_path, [Outcome("a", "t", raw="cut \ud83d"), Outcome("b", "t")])
    rows = read_journal(tmp_path / RECORDS)
    assert [r["raw"] for r in rows] == ["cut ?", ""]
    write_json(tmp_path / "report.json", {"said": "\ud83d"})
    assert json.loads((tmp_path / "report.json").read_bytes()) == {"said": "?"}
    truth = (TrueBox(1, Box(0, 0, 1, 1)),)
    one, two = (data_digest([Item("a", "t", q, (), truth)]) for q in ("\ud83d", "\ud83e"))
    assert one != two


@pytest.mark.parametrize("name", ["odinw-13", "refcoco", "muirbench", "photos"])
def test_official_is_refused_before_anything_is_asked(name: str, tmp_path: Path) -> None:
    truth = (TrueBox(1, Box(0, 0, 9, 9)),)
    item = Item("a", "t", "q", (FilePicture("nowhere.jpg"),), truth)
    chosen = Chosen(make_benchmark(name), (item,), (item,))
    with pytest.raises(UsageError, match="no --official mode"):
        evaluate.ask_all(chosen, AskSettings(), tmp_path / "run", official=True)
    assert not (tmp_path / "run").exists()
    for official in ("mig-bench", "mig-bench-original", "mc-bench"):
        make_benchmark(official).check_mode(True)
