"""Work that a question leaves behind: nobody waits for it but Python itself, at its own end."""

import asyncio
import threading
import time
from concurrent.futures import Future
from contextvars import ContextVar

import pytest

from gemvg.agent import work_threads
from gemvg.agent.work_threads import allow_threads, in_work_thread, still_working

ASKER = ContextVar("ASKER", default="nobody")


def test_it_gives_what_the_work_gives():
    async def ask():
        ASKER.set("somebody")
        assert await in_work_thread(ASKER.get) == "somebody"
        thread = await in_work_thread(threading.current_thread)
        assert thread is not threading.current_thread()
        with pytest.raises(KeyError):
            await in_work_thread({}.__getitem__, "nothing")

    asyncio.run(ask())


def test_closing_a_loop_does_not_wait_for_work_that_was_left():
    done = threading.Event()

    async def ask():
        async with asyncio.timeout(0.05):
            await in_work_thread(done.wait, 60)

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        asyncio.run(ask())
    assert time.monotonic() - began < 30
    assert still_working()
    done.set()
    while still_working():
        time.sleep(0.01)


class AtOnce:
    """A pool whose work begins before `submit` has returned."""

    def submit(self, work):
        made = Future()
        made.set_result(work())
        return made


def test_work_is_under_way_before_it_begins(monkeypatch):
    """An interrupt may come while it begins; the process must know then that it need not wait."""
    monkeypatch.setattr(work_threads, "_pool", AtOnce())
    assert asyncio.run(in_work_thread(still_working))
    assert not still_working()


def test_as_many_work_at_once_as_were_allowed(monkeypatch):
    monkeypatch.setattr(work_threads, "_threads", 2)
    monkeypatch.setattr(work_threads, "_pool", None)
    together = threading.Barrier(12)

    async def meet():
        first = asyncio.ensure_future(in_work_thread(together.wait, 30))
        await asyncio.sleep(0)
        allow_threads(11)
        allow_threads(3)
        await asyncio.gather(first, *(in_work_thread(together.wait, 30) for _ in range(11)))

    asyncio.run(meet())
