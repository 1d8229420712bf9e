"""The nano that comes with the package says the same behind a real vLLM server and in process."""

import asyncio
import random

import numpy as np
import pytest
from PIL import Image, ImageDraw

from gemvg.policy.backends.endpoints import discover
from gemvg.policy.backends.openai_compatible import OpenAICompatiblePolicy
from gemvg.policy.dialects import get_dialect
from gemvg.policy.policy import Request
from gemvg.policy.registry import load_policy
from gemvg.tools.images import picture_from_image
from gemvg.tools.views import ViewBook

pytestmark = [pytest.mark.vllm, pytest.mark.slow, pytest.mark.timeout(900)]

QUESTIONS = 200
WORDINGS = (
    "find the {}", "where is the {}?", "Box every {} in the pictures.", "What do all images share?",
    "Which picture has more {}s?", "Find the {} in image 2.", "What is different?", "find the zqxv",
)  # fmt: skip
NAMES = ("owl", "car", "mushroom", "wine glass", "tent", "koala", "egg", "suitcase")
MODES = ("direct", "think", "auto")
SAME = 5e-3
"""Difference of log-probabilities below which two tokens are a tie that rounding decides."""


def drawn(rng):
    """A picture of a few coloured things on a ground that is not plain."""
    size = rng.choice(((112, 112), (128, 96), (96, 128), (240, 160)))
    noise = np.random.default_rng(rng.randrange(1 << 30)).integers(90, 160, (7, 7, 3), np.uint8)
    image = Image.fromarray(noise).resize(size)
    draw = ImageDraw.Draw(image)
    for _ in range(rng.randint(1, 4)):
        x, y = rng.randrange(size[0] - 30), rng.randrange(size[1] - 30)
        box = (x, y, x + rng.randint(14, 30), y + rng.randint(14, 30))
        shape = rng.choice((draw.ellipse, draw.rectangle))
        shape(box, fill=tuple(rng.randrange(256) for _ in range(3)), outline="black")
    return picture_from_image(image)


def asked(number):
    """The question of a number, in its mode."""
    rng = random.Random(number)
    book = ViewBook([drawn(rng) for _ in range(1 + number % 3)])
    words, mode = WORDINGS[number % 8].format(NAMES[number // 8 % 8]), MODES[number % 3]
    dialect = get_dialect("nano")
    messages = dialect.opening(words, book, range(1, book.image_count + 1), mode, ())
    return Request(
        words, messages, book, mode=mode, prefill=dialect.prefill(mode), max_tokens=80,
        logprobs=True,
    )  # fmt: skip


async def said(policy, requests, at_once):
    """Every answer, so many asked at once."""
    room = asyncio.Semaphore(at_once)

    async def one(request):
        async with room:
            return await policy.complete(request)

    try:
        return await asyncio.gather(*map(one, requests))
    finally:
        await policy.aclose()


def test_two_hundred_greedy_answers_are_the_same(nano_server):
    requests = [asked(number) for number in range(QUESTIONS)]
    local = load_policy("nano")
    served = OpenAICompatiblePolicy(
        [nano_server], discover(nano_server), get_dialect("nano"), image_format="png",
        grid=local.grid,
    )  # fmt: skip
    theirs = asyncio.run(said(served, requests, 16))
    ours = asyncio.run(said(local, requests, 1))
    assert len({completion.text for completion in ours}) > QUESTIONS // 10
    ties = 0
    for number, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        assert mine.usage.prompt_tokens == other.usage.prompt_tokens
        if mine.text == other.text:
            continue
        at = next(k for k, (a, b) in enumerate(zip(mine.tokens, other.tokens, strict=False))
                  if a.text != b.text)  # fmt: skip
        gap = abs(mine.tokens[at].logprob - other.tokens[at].logprob)
        print(f"question {number}, token {at}: {mine.tokens[at]} against {other.tokens[at]}")
        assert gap < SAME, f"question {number} parts at token {at}, where it was no tie"
        ties += 1
    assert ties <= QUESTIONS // 50
