"""Whose turn it is: one question works at a time, others while it waits for something else."""

import asyncio
import time

import pytest

from gemvg.agent.serve.admission import SOON, Admission
from gemvg.agent.serve.options import ServeOptions
from gemvg.agent.serve.refusal import Refusal

LATER = 6 * SOON


async def question(admission, log, name, *parts):
    """Works (so many seconds) and waits for something else (`-` so many), as `parts` say."""
    async with admission.place() as place, place.turn():
        log.append(f"{name} begins")
        for part in parts:
            if part < 0:
                with place.away():
                    await asyncio.sleep(-part)
            else:
                await asyncio.sleep(part)
        log.append(f"{name} ends")


def run(*questions, running=2):
    async def all_of_them():
        admission, log = Admission(ServeOptions(running=running)), []
        await asyncio.gather(*(question(admission, log, *one) for one in questions))
        await asyncio.sleep(0)
        assert (admission.running, admission.busy, admission.waiting) == (0, 0, 0)
        assert admission.done == admission.taken == len(questions)
        return log

    return asyncio.run(all_of_them())


@pytest.mark.parametrize(
    ("questions", "log"),
    [
        # Both only work: one after the other, though two may be under way.
        ([("a", LATER), ("b", LATER)], ["a begins", "a ends", "b begins", "b ends"]),
        # The first waits long: the second begins meanwhile, and neither has to stop.
        ([("a", -LATER), ("b", LATER, LATER)], ["a begins", "b begins", "a ends", "b ends"]),
        # A short wait gives nothing away.
        ([("a", -SOON / 10, LATER), ("b",)], ["a begins", "a ends", "b begins", "b ends"]),
        # A third has no room while two are under way, whatever they do.
        (
            [("a", -4 * LATER), ("b", -LATER), ("c",)],
            ["a begins", "b begins", "b ends", "c begins", "c ends", "a ends"],
        ),
    ],
    ids=["work", "long wait", "short wait", "room"],
)
def test_a_question_begins_when_those_under_way_wait(questions, log):
    assert run(*questions) == log


def test_calls_at_once_are_one_wait():
    async def two_calls():
        admission = Admission(ServeOptions())
        async with admission.place() as place, place.turn():
            with place.away():
                with place.away():
                    await asyncio.sleep(LATER)
                    assert admission.busy == 0
                await asyncio.sleep(0)
                assert admission.busy == 0
            await asyncio.sleep(0)
            assert admission.busy == 1

    asyncio.run(two_calls())


def test_who_waits_too_long_or_goes_away_leaves_no_trace():
    async def crowd():
        admission = Admission(ServeOptions(running=1))
        async with admission.place() as place, place.turn():
            with pytest.raises(Refusal) as refused:
                await admission.enter(SOON)
            assert refused.value.status == 503
            gone = asyncio.ensure_future(admission.enter(5.0))
            await asyncio.sleep(0)
            gone.cancel()
            late = asyncio.ensure_future(admission.enter(5.0))
            await asyncio.sleep(0)
        # Its turn has come, and at that moment its caller goes away.
        assert admission.running == 1
        late.cancel()
        await asyncio.gather(gone, late, return_exceptions=True)
        assert (admission.running, admission.busy) == (0, 0)

    asyncio.run(crowd())


def test_a_wait_in_another_thread_counts():
    async def threaded():
        admission = Admission(ServeOptions())
        async with admission.place() as place, place.turn():

            def work():
                with place.away():
                    time.sleep(LATER)

            task = asyncio.ensure_future(asyncio.to_thread(work))
            while not task.done():
                if admission.busy == 0:
                    break
                await asyncio.sleep(SOON)
            else:
                pytest.fail("it never counted as away")
            await task

    asyncio.run(threaded())
