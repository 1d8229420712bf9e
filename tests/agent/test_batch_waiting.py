"""Measured seconds of a batch: a question's own, however many are under way."""

import asyncio
import json
import threading
import time
from dataclasses import replace
from statistics import median

from gemvg.agent import GroundingAgent
from gemvg.agent.batch.detection import BatchingDetector
from gemvg.agent.batch.job import run_batch
from gemvg.agent.batch.waiting import Turns, turns_of_question
from gemvg.policy.scripted import ScriptedPolicy
from gemvg.tools.tool import Tool, ToolResult
from tests.agent.batch_jobs import job, lines_of, said, write_lines, write_pictures
from tests.agent.scripts import NoArguments, call

WORK = 0.15
"""Seconds of one call here."""


class OneAtATime(ScriptedPolicy):
    """Answers one question after another, as nano does."""

    backend = "numpy"

    def __init__(self):
        super().__init__(said)
        self._one = threading.Lock()

    async def complete(self, request):
        await asyncio.to_thread(self._work)
        return await super().complete(request)

    def _work(self):
        with self._one:
            time.sleep(WORK)


class Slow(Tool[NoArguments]):
    """Takes its time."""

    name = "slow"
    description = "Take your time."
    arguments = NoArguments

    def run(self, arguments, context):
        time.sleep(WORK)
        return ToolResult(True, "done", "done")


def one_at_a_time(settings):
    return GroundingAgent(OneAtATime(), tools="none", hand_to=None)


def slow_tool(settings):
    def say(request):
        return said(request) if len(request.messages) > 2 else call("slow")

    return GroundingAgent(ScriptedPolicy(say), tools=[Slow()], hand_to=None)


def seconds(folder, **options):
    """Own and waited seconds of eight questions that are asked at once."""
    write_lines(folder, 8, write_pictures(folder))
    asked = job(folder, timings=True, in_flight=8, **options)
    assert run_batch(asked).answered == 8
    rows = [json.loads(line) for line in lines_of(folder / "out.jsonl")]
    return [row["seconds"] for row in rows], [row["usage"]["waited_seconds"] for row in rows]


def test_what_a_question_waits_for_its_turn_at_the_policy_is_no_part_of_its_seconds(tmp_path):
    own, waited = seconds(tmp_path, make_agent=one_at_a_time)
    assert min(own) >= WORK and max(waited) >= 6 * WORK > median(own)


def test_what_a_question_waits_for_a_processor_is_no_part_of_its_seconds(tmp_path, monkeypatch):
    monkeypatch.setattr("gemvg.agent.batch.engine.cores", lambda: 1)
    own, waited = seconds(tmp_path, make_agent=slow_tool)
    assert min(own) >= WORK and max(waited) >= 6 * WORK > median(own)


def test_results_without_timings_hold_no_seconds(tmp_path):
    write_lines(tmp_path, 2, write_pictures(tmp_path))
    plain = job(tmp_path, make_agent=one_at_a_time)
    run_batch(plain)
    before = lines_of(tmp_path / "out.jsonl")
    assert b"_seconds" not in b"".join(before)
    assert run_batch(replace(plain, timings=True)).known == 2


def test_only_time_in_which_nothing_of_a_question_is_worked_on_counts():
    now = 0.0
    mine = Turns(lambda: now)
    with mine.waits():
        now = 2.0
        with mine.works():
            now = 5.0
        now = 6.0
    now = 9.0
    assert mine.waited == 3.0


def test_a_look_of_others_is_waited_for_and_ones_own_is_not():
    class Looks:
        vocabulary = "closed"

        def detect(self, scenes, labels, min_score):
            time.sleep(WORK)
            return [[] for _ in scenes]

    shared, waited = BatchingDetector(Looks), []

    def ask():
        mine = Turns()
        turns_of_question.set(mine)
        shared.detect([None], [], 0.5)
        waited.append(mine.waited)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(waited) == 4 and min(waited) < WORK / 2 <= max(waited)
