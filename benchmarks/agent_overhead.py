"""What the agent adds to the time of the bare backend calls that it makes, side by side.

    python benchmarks/agent_overhead.py [--rounds 12] [--latency 0.7] [--tiny]

The same question is asked through the agent and, with the very same request, of the policy alone,
in turn, so that whatever else the machine does falls on both. Against a server on the loopback that
answers after a realistic time, and (--tiny) with a tiny Qwen3-VL in process. Prints the medians and
the share that the agent adds; the bar is 3%. A poll about five pictures is timed beside one call.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from gemvg.agent import GroundingAgent
from gemvg.agent.budgets import Budgets
from gemvg.policy.dialect import ReadContext
from gemvg.policy.policy import Completion, Policy, Request
from gemvg.policy.registry import load_policy
from gemvg.tools.images import Picture, picture_from_image
from gemvg.tools.views import ViewBook
from tests.fake_server import Reply, chat, serving

ANSWER = '[{"image": 1, "bbox_2d": [100, 100, 500, 500], "label": "dog"}]'
QUERY = "the dog"


class Recording:
    """A policy that keeps a question's requests, to make the same calls again bare."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.requests: list[Request] = []
        self.name, self.backend, self.dialect = policy.name, policy.backend, policy.dialect

    async def complete(self, request: Request) -> Completion:
        """Pass on."""
        self.requests.append(request)
        return await self.policy.complete(request)

    async def aclose(self) -> None:
        """Pass on."""
        await self.policy.aclose()


def photographs(count: int, size: tuple[int, int]) -> list[Picture]:
    """Noise of a photograph's size: the worst case for encoding."""
    rng = random.Random(0)
    return [
        picture_from_image(Image.frombytes("RGB", size, rng.randbytes(size[0] * size[1] * 3)))
        for _ in range(count)
    ]


async def compare(policy: Policy, pictures: list[Picture], rounds: int) -> tuple[float, float]:
    """Median seconds of (the bare call, the same through the agent), in turn."""
    recording = Recording(policy)
    once = Budgets(max_steps=1)
    agent = GroundingAgent(recording, tools="none", mode="direct", max_tokens=60, budgets=once)
    await agent.aask(QUERY, pictures)
    calls = tuple(recording.requests)
    bare: list[float] = []
    whole: list[float] = []
    for turn in range(rounds):
        for through_agent in (False, True) if turn % 2 else (True, False):
            began = time.perf_counter()
            if through_agent:
                await agent.aask(QUERY, pictures)
            else:
                # A question's pictures are encoded for it alone: so here.
                book = ViewBook(pictures)
                for call in calls:
                    again = replace(call, book=book)
                    completion = await policy.complete(again)
                    policy.dialect.read(completion, ReadContext(book, completion.grids))
            (whole if through_agent else bare).append(time.perf_counter() - began)
    return statistics.median(bare), statistics.median(whole)


async def poll(policy: Policy, pictures: list[Picture], rounds: int) -> tuple[float, float]:
    """Median seconds of (one picture's question, a poll about five)."""
    agent = GroundingAgent(policy, tools="none", mode="direct")
    await agent.aask(QUERY, pictures, strategy="poll")
    one: list[float] = []
    five: list[float] = []
    for _ in range(rounds):
        began = time.perf_counter()
        await agent.aask(QUERY, pictures[:1], strategy="one-shot")
        one.append(time.perf_counter() - began)
        began = time.perf_counter()
        await agent.aask(QUERY, pictures, strategy="poll")
        five.append(time.perf_counter() - began)
    return statistics.median(one), statistics.median(five)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--latency", type=float, default=0.7)
    parser.add_argument("--tiny", action="store_true")
    given = parser.parse_args()
    pictures = photographs(5, (1024, 768))

    async def against_server() -> None:
        with serving(lambda *_: Reply(chat(ANSWER), delay=given.latency)) as server:
            policy = load_policy(server.url)
            bare, whole = await compare(policy, pictures[:3], given.rounds)
            _say(f"server, {given.latency:g} s, 3 pictures", bare, whole)
            one, five = await poll(policy, pictures, max(3, given.rounds // 4))
            print(f"poll on 5 pictures: {five:.3f} s, one call {one:.3f} s, {five / one:.2f} times")
            await policy.aclose()

    async def in_process() -> None:
        from tests.tiny_models import tiny_model

        small = photographs(3, (280, 200))
        policy = load_policy(str(tiny_model("qwen3-vl")), dialect="qwen3-vl")
        bare, whole = await compare(policy, small, given.rounds)
        _say("tiny Qwen3-VL in process, 3 pictures", bare, whole)
        await policy.aclose()

    asyncio.run(against_server())
    if given.tiny:
        asyncio.run(in_process())


def _say(what: str, bare: float, whole: float) -> None:
    added = whole / bare - 1.0
    print(f"{what}: bare {bare:.4f} s, through the agent {whole:.4f} s, {added:+.2%}")


if __name__ == "__main__":
    main()
