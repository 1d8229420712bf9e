"""Requests to a fake server, and what a policy that talks to it is given."""

import asyncio
from functools import cache

import numpy as np

from gemvg.policy.backends.endpoints import discover
from gemvg.policy.backends.openai_compatible import OpenAICompatiblePolicy
from gemvg.policy.backends.retry import Retry
from gemvg.policy.dialects import get_dialect
from gemvg.policy.messages import Message, TextPart, ViewPart
from gemvg.policy.policy import Request
from gemvg.tools.images import picture_from_array
from gemvg.tools.views import ViewBook

QUICK = Retry(first=0.01, longest=0.05, seconds=20)
SIZES = ((640, 480), (100, 900), (3000, 2000))


@cache
def pictures(sizes):
    return tuple(
        picture_from_array(np.full((h, w, 3), 90, np.uint8), f"{w}x{h}.png") for w, h in sizes
    )


def book(sizes=SIZES):
    return ViewBook(pictures(sizes))


def request(views=(1,), text="the dog", **options):
    made = options.pop("book", None) or book()
    parts = [part for v in views for part in (TextPart(f"Image {v}: "), ViewPart(v))]
    messages = (Message("user", (*parts, TextPart(text))),)
    return Request(text, options.pop("messages", messages), made, **options)


def ask(server, asked, dialect="qwen3-vl", **options):
    async def run():
        policy = OpenAICompatiblePolicy(
            [server.url], discover(server.url), get_dialect(dialect), retry=QUICK, **options
        )
        try:
            return await policy.complete(asked)
        finally:
            await policy.aclose()

    return asyncio.run(run())
