"""The same weights behind a real vLLM server and in this process say the same."""

import asyncio
import json
import random

import pytest
from PIL import Image

from gemvg.agent import GroundingAgent
from gemvg.policy.backends.endpoints import discover
from gemvg.policy.backends.hf_prompt import processor_grid
from gemvg.policy.backends.openai_compatible import OpenAICompatiblePolicy
from gemvg.policy.backends.transformers_local import TransformersPolicy
from gemvg.policy.dialect import ReadContext
from gemvg.policy.dialects import get_dialect
from gemvg.policy.messages import Message, TextPart, ToolCall, ViewPart
from gemvg.policy.policy import Request, ToolSpec
from gemvg.tools.boxes import Box
from gemvg.tools.images import picture_from_image
from gemvg.tools.views import ViewBook
from tests.tiny_models import FAMILIES, tiny_model

pytestmark = [pytest.mark.vllm, pytest.mark.slow, pytest.mark.timeout(900)]
SIZES = ((100, 90), (60, 130), (300, 200))
SAME = 2e-3
"""Difference of log-probabilities below which two tokens are a tie that rounding decides."""

NUMBERS = {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 1000},
           "minItems": 4, "maxItems": 4}  # fmt: skip
ITEM = {"type": "object", "properties": {"image": {"type": "integer", "minimum": 1, "maximum": 3},
        "bbox_2d": NUMBERS}, "required": ["image", "bbox_2d"],
        "additionalProperties": False}  # fmt: skip
SCHEMA = {"type": "array", "items": ITEM, "minItems": 1, "maxItems": 2}


class Described:
    """A family's dialect that leaves the tools to the server's template and parser."""

    tools_in_prompt = False

    def __init__(self, family):
        self._base = get_dialect(family)

    def __getattr__(self, name):
        return getattr(self._base, name)


def book():
    rng = random.Random(11)
    return ViewBook(
        [picture_from_image(Image.frombytes("RGB", s, rng.randbytes(s[0] * s[1] * 3)), f"p{i}.png")
         for i, s in enumerate(SIZES, 1)]
    )  # fmt: skip


def request(text, views=(1, 2, 3), pictures=None, **options):
    parts = [part for v in views for part in (TextPart(f"Image {v}: "), ViewPart(v))]
    messages = options.pop("messages", (Message("user", (*parts, TextPart(text))),))
    return Request(text, messages, pictures or book(), max_tokens=60, **options)


@pytest.fixture(scope="module", params=FAMILIES)
def pair(request, servers):
    """(family, the policy in process, the policy on the server)."""
    family = request.param
    local = TransformersPolicy(str(tiny_model(family)), get_dialect(family))
    url = servers[family]
    served = OpenAICompatiblePolicy(
        [url], discover(url), get_dialect(family), image_format="png",
        grid=processor_grid(local.prompts.processor),
    )  # fmt: skip
    yield family, local, served
    asyncio.run(local.aclose())


def both(pair, asked):
    async def run():
        try:
            return await asyncio.gather(pair[1].complete(asked), pair[2].complete(asked))
        finally:
            await pair[2].aclose()

    return asyncio.run(run())


def same_or_a_tie(pair, asked):
    """Both answers; where their texts part, the first differing token must have been a tie."""
    ours, theirs = both(pair, asked)
    if ours.text != theirs.text:
        at = next(k for k, (a, b) in enumerate(zip(ours.tokens, theirs.tokens, strict=False))
                  if a.text != b.text)  # fmt: skip
        gap = abs(ours.tokens[at].logprob - theirs.tokens[at].logprob)
        print(f"token {at}: {ours.tokens[at]} against {theirs.tokens[at]}")
        assert gap < SAME, f"they part at token {at}, where it was no tie"
    return ours, theirs


@pytest.mark.parametrize(
    ("text", "views"),
    [("Find dog in it", (1, 2, 3)), ("zoom cat where", (2, 1)), ("Find box", (3,))],
)
def test_greedy_text_grids_and_boxes_are_equal(pair, text, views):
    asked = request(text, views, logprobs=True)
    ours, theirs = same_or_a_tie(pair, asked)
    assert dict(ours.grids) == dict(theirs.grids)
    assert ours.usage.prompt_tokens == theirs.usage.prompt_tokens
    assert ours.usage.image_tokens == theirs.usage.image_tokens
    if ours.text == theirs.text:
        assert ours.finish_reason == theirs.finish_reason
        assert ours.usage.completion_tokens == theirs.usage.completion_tokens
        assert [t.text for t in ours.tokens] == [t.text for t in theirs.tokens]
        gaps = [abs(a.logprob - b.logprob)
                for a, b in zip(ours.tokens, theirs.tokens, strict=True)]  # fmt: skip
        assert max(gaps) < SAME
        context = ReadContext(asked.book, ours.grids, default_view=views[0])
        dialect = get_dialect(pair[0])
        read, again = (dialect.read(c, context) for c in (ours, theirs))
        assert (read.status, read.boxes) == (again.status, again.boxes)


def test_a_given_beginning_is_gone_on_with(pair):
    asked = request("Find dog in it", prefill='[{"bbox_2d": [2', logprobs=True)
    ours, theirs = same_or_a_tie(pair, asked)
    assert ours.text.startswith('[{"bbox_2d": [2')
    assert theirs.text.startswith('[{"bbox_2d": [2')


def test_a_conversation_with_a_new_view(pair):
    pictures = book()
    view = pictures.add(1, Box(10, 10, 60, 60), (100, 100), "zoom")
    first = request("zoom dog", (1, 2), pictures)
    turn = Message("assistant", (TextPart("<tool_call>{}</tool_call>"),), (ToolCall("text-1", ""),))
    shown = Message("user", (TextPart("View 4: "), ViewPart(view.index), TextPart("go on")))
    asked = request(
        "zoom dog", pictures=pictures, messages=(*first.messages, turn, shown), logprobs=True
    )
    ours, theirs = same_or_a_tie(pair, asked)
    assert set(ours.grids) == set(theirs.grids) == {1, 2, 4}
    assert ours.usage.prompt_tokens == theirs.usage.prompt_tokens


def test_json_schema_answers(pair):
    for got in both(pair, request("Find dog", (1, 2), response_schema=SCHEMA)):
        items = json.loads(got.text)
        assert 1 <= len(items) <= 2
        assert all(len(item["bbox_2d"]) == 4 for item in items)


def test_streaming_says_what_is_said_at_once(pair):
    _, served = both(pair, request("Find dog", (1,)))
    pieces = []
    _, streamed = both(pair, request("Find dog", (1,), on_text=lambda _: None))
    asked = request("Find dog", (1,), on_text=pieces.append)

    async def run():
        try:
            return await pair[2].complete(asked)
        finally:
            await pair[2].aclose()

    got = asyncio.run(run())
    assert got.text == streamed.text == served.text == "".join(pieces)
    assert len(pieces) > 3
    assert got.usage.prompt_tokens == served.usage.prompt_tokens > 0


def test_tools_with_pictures(pair, servers):
    """The tools reach the template; the server's parser gives calls, or the text holds them."""
    family = pair[0]
    url = servers[family]
    schema = {"type": "object", "properties": {"bbox_2d": NUMBERS, "label": {"type": "string"}}}
    spec = ToolSpec("image_zoom_in_tool", "Look closer.", schema)

    async def run(tools):
        policy = OpenAICompatiblePolicy([url], discover(url), Described(family), image_format="png")
        try:
            return await policy.complete(request("zoom dog", (1, 2), tools=tools))
        finally:
            await policy.aclose()

    bare, told = asyncio.run(run(())), asyncio.run(run((spec,)))
    assert told.usage.prompt_tokens > bare.usage.prompt_tokens + 40
    for call in told.tool_calls:
        assert call.name == "image_zoom_in_tool"
        assert call.error is None
    assert told.tool_calls or "bbox_2d" in told.text or "tool" in told.text


def test_the_agent_answers_through_the_server_by_its_address_alone(pair, servers):
    agent = GroundingAgent(servers[pair[0]], tools="none", max_tokens=60)
    answer = agent.ask("Find dog in it", [p.pixels for p in book().pictures], mode="direct")
    assert answer.policy.backend == "openai"
    assert answer.policy.dialect == pair[0]
    # What a tiny model says may be a call of a tool that it was not given.
    assert answer.error is None or answer.error.kind == "budget"
    assert answer.usage["prompt_tokens"] > 0
