import asyncio
import base64
import io
import json
from dataclasses import replace

import pytest
from PIL import Image

from gemvg.policy.backends.endpoints import discover
from gemvg.policy.backends.openai_compatible import OpenAICompatiblePolicy
from gemvg.policy.backends.retry import Retry, parse_retry_after
from gemvg.policy.dialects import get_dialect
from gemvg.policy.messages import Message, TextPart, ToolCall, ViewPart
from gemvg.policy.policy import ToolSpec
from gemvg.tools.errors import BackendError, BackendTimeout, ContextOverflow
from tests.fake_server import Reply, chat, chunks, serving
from tests.policy.served import QUICK, ask, request


def picture_sizes(body):
    urls = [
        part["image_url"]["url"]
        for message in body["messages"]
        if isinstance(message["content"], list)
        for part in message["content"]
        if part["type"] == "image_url"
    ]
    data = [base64.b64decode(url.split(",", 1)[1]) for url in urls]
    return [Image.open(io.BytesIO(d)).size for d in data]


@pytest.mark.parametrize("form", ["jpeg", "png"])
@pytest.mark.parametrize(("dialect", "factor"), [("qwen3-vl", 32), ("qwen2.5-vl", 28)])
def test_pictures_arrive_at_their_planned_size(dialect, factor, form):
    name = f"tiny-{dialect}"
    with serving(lambda *_: Reply(chat()), id=name, max_model_len=32768) as server:
        usage = chat()
        usage["usage"]["prompt_tokens"] = 30000
        server.handler = lambda *_: Reply(usage)
        got = ask(server, request((1, 2, 3)), dialect, image_format=form)
    sizes = picture_sizes(server.bodies[0])
    assert sizes == [tuple(map(int, got.grids[v])) for v in (1, 2, 3)]
    assert all(w % factor == 0 and h % factor == 0 for w, h in sizes)
    assert got.usage.image_tokens == sum(w * h // factor**2 for w, h in sizes)
    # In order, each after its name.
    parts = server.bodies[0]["messages"][0]["content"]
    assert [p.get("text", p["type"]) for p in parts][:4] == [
        "Image 1: ", "image_url", "Image 2: ", "image_url",
    ]  # fmt: skip


def test_pictures_shrink_to_the_servers_context():
    with serving(lambda *_: Reply(chat()), max_model_len=2000) as server:
        got = ask(server, request((1, 2, 3), max_tokens=512))
    assert got.usage.image_tokens + 512 < 2000
    with (
        serving(lambda *_: Reply(chat()), max_model_len=400) as server,
        pytest.raises(ContextOverflow, match=r"3000x2000\.png \(view 3\)"),
    ):
        ask(server, request((1, 2, 3), max_tokens=200))
    assert server.bodies == []


def test_a_prompt_that_the_server_finds_too_long_is_sent_smaller():
    words = "This model's maximum context length is 4096 tokens."

    def handler(body, number):
        return Reply({"error": {"message": words}}, 400) if number < 2 else Reply(chat("[]"))

    with serving(handler) as server:
        ask(server, request((3,)))
    areas = [w * h for body in server.bodies for w, h in picture_sizes(body)]
    assert areas == sorted(areas, reverse=True)
    assert len(areas) == 3
    always = Reply({"error": {"message": words}}, 400)
    with serving(lambda *_: always) as server, pytest.raises(ContextOverflow):
        ask(server, request((3,)))


@pytest.mark.parametrize("status", [429, 500, 502, 503, 529])
def test_a_busy_or_failing_server_is_asked_again(status):
    def handler(body, number):
        return Reply({"error": {}}, status) if number < 2 else Reply(chat("[]"))

    with serving(handler) as server:
        assert ask(server, request()).text == "[]"
    assert len(server.bodies) == 3
    broken = Reply({"error": {"message": "boom at 0x7f00deadbeef /root/x.py"}}, status)
    with serving(lambda *_: broken) as server, pytest.raises(BackendError) as raised:
        ask(server, request())
    assert len(server.bodies) == QUICK.attempts
    assert str(status) in str(raised.value)
    assert "boom" not in str(raised.value)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("cut", [0.0, 0.3, 0.7])
def test_a_cut_connection_is_made_again(cut, stream):
    body = chunks("[{", '"bbox', "_2d", '": 1}]') if stream else chat('[{"bbox_2d": 1}]')

    def handler(_, number):
        return Reply(body, cut=cut if number < 2 else None)

    shown = []
    with serving(handler) as server:
        got = ask(server, request(on_text=shown.append if stream else None))
    assert got.text == '[{"bbox_2d": 1}]'
    assert len(server.bodies) == 3
    # What was shown before the cut is not shown again.
    assert "".join(shown) == (got.text if stream else "")


def test_a_stream_without_an_end_is_no_answer():
    with serving(lambda *_: Reply(chunks("[")[:1])) as server, pytest.raises(BackendError):
        ask(server, request(on_text=lambda _: None))
    assert len(server.bodies) == QUICK.attempts


def test_retry_after_is_honoured_and_bounded():
    waits = []

    async def sleep(seconds):
        waits.append(seconds)

    def handler(_, number):
        after = ["1.5", "99999", "junk"][min(number, 2)]
        return Reply({}, 429, {"Retry-After": after}) if number < 3 else Reply(chat())

    with serving(handler) as server:
        asyncio.run(
            OpenAICompatiblePolicy(
                [server.url], discover(server.url), get_dialect("qwen3-vl"),
                retry=Retry(first=1, longest=7, sleep=sleep),
            ).complete(request())
        )  # fmt: skip
    assert waits[:2] == [1.5, 7]
    assert 2.0 <= waits[2] <= 4.0


@pytest.mark.parametrize(
    ("value", "seconds"), [("3", 3.0), ("0.5", 0.5), ("-4", 0.0), ("", None), (None, None),
                           ("soon", None), ("nan", None), ("inf", None),
                           ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)]
)  # fmt: skip
def test_retry_after_is_read_whatever_it_holds(value, seconds):
    assert parse_retry_after(value) == seconds


def test_time_limit_and_cancellation():
    with serving(lambda *_: Reply(chat(), delay=30)) as server:
        policy = OpenAICompatiblePolicy(
            [server.url], discover(server.url), get_dialect("qwen3-vl"), retry=Retry(seconds=2)
        )
        with pytest.raises(BackendTimeout, match="2 seconds"):
            asyncio.run(policy.complete(request()))
        assert server.gone.wait(10)
        server.gone.clear()

        async def cancelled():
            task = asyncio.create_task(replace_retry(policy).complete(request()))
            while len(server.bodies) < 2:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(cancelled())
        assert server.gone.wait(10)


def replace_retry(policy):
    policy._retry = replace(policy._retry, seconds=60)
    return policy


def test_an_answer_cut_in_a_loop_is_cut():
    body = {"choices": [{"message": {"content": "[1, 1, 1"}, "finish_reason": "repetition"}]}
    with serving(lambda *_: Reply(body)) as server:
        assert ask(server, request()).finish_reason == "length"


@pytest.mark.parametrize("reason", ["content_filter", "max_tokens", "abort"])
def test_an_answer_that_a_server_broke_off_is_cut(reason):
    with serving(lambda *_: Reply(chat("(1,2),(3,4)", finish=reason))) as server:
        assert ask(server, request()).finish_reason == "length"


@pytest.mark.parametrize("odd", [10**400, -(10**400), float("nan"), float("-inf"), "x", None])
def test_odd_numbers_of_a_server_are_no_failure_and_no_certainty(odd):
    body = chat("[1]", logprobs=[("[1", odd), ("]", -0.5)])
    body["usage"] = {"prompt_tokens": odd, "completion_tokens": odd}
    with serving(lambda *_: Reply(body)) as server:
        got = ask(server, request(logprobs=True))
    assert (got.text, got.usage.prompt_tokens, got.usage.completion_tokens) == ("[1]", 0, 0)
    # A number below all others is one: the token was as good as impossible.
    if odd in (-(10**400), float("-inf")):
        assert "".join(t.text for t in got.tokens) == "[1]"
        assert got.tokens[0].logprob < -1e6
    else:
        assert got.tokens is None


def test_a_thought_that_was_begun_for_the_model_is_streamed_as_it_is_kept():
    said = [{"reasoning_content": "be"}, {"reasoning_content": "cause"}, {"content": "[]"}]
    body = [{"choices": [{"delta": part}]} for part in said]
    body.append({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    for prefill in ("<think>", None):
        shown = []
        with serving(lambda *_: Reply(body)) as server:
            got = ask(server, request(on_text=shown.append, prefill=prefill))
        assert "".join(shown) == got.text == "<think>because</think>[]"


def test_tool_calls_streamed_in_pieces_and_damaged():
    first = {"index": 0, "id": "c1", "function": {"name": "zo", "arguments": '{"a"'}}
    second = {"index": 0, "function": {"name": "om", "arguments": ": 1}"}}
    third = {"index": 1, "id": "c2", "function": {"name": "detect", "arguments": "{oh"}}
    body = [{"choices": [{"delta": {"tool_calls": [c]}}]} for c in (first, second, third)]
    body.append({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]})
    with serving(lambda *_: Reply(body)) as server:
        got = ask(server, request(on_text=lambda _: None))
    assert got.finish_reason == "tool_calls"
    assert [(c.id, c.name, dict(c.arguments)) for c in got.tool_calls] == [
        ("c1", "zoom", {"a": 1}), ("c2", "detect", {}),
    ]  # fmt: skip
    assert got.tool_calls[0].error is None
    assert "not a JSON object" in got.tool_calls[1].error


class OpenDialect:
    """A dialect whose prompt does not describe the tools."""

    def __init__(self):
        self._base = get_dialect("qwen3-vl")

    tools_in_prompt = False

    def __getattr__(self, name):
        return getattr(self._base, name)


def test_a_server_without_a_tool_parser_still_gets_the_tools():
    spec = ToolSpec("zoom", "Look closer.", {"type": "object", "properties": {}})

    def handler(body, number):
        if body.get("tool_choice") == "auto":
            words = '"auto" tool choice requires --enable-auto-tool-choice'
            return Reply({"error": {"message": words}}, 400)
        return Reply(chat('<tool_call>{"name": "zoom", "arguments": {}}</tool_call>'))

    async def run(server):
        policy = OpenAICompatiblePolicy(
            [server.url], discover(server.url), OpenDialect(), retry=QUICK
        )
        first = await policy.complete(request(tools=(spec,)))
        await policy.complete(request(tools=(spec,)))
        return first

    with serving(handler) as server:
        got = asyncio.run(run(server))
    assert "<tool_call>" in got.text
    # It is learned once.
    assert [b["tool_choice"] for b in server.bodies] == ["auto", "none", "none"]
    assert server.bodies[1]["tools"][0]["function"]["name"] == "zoom"


def test_a_hosted_model_that_takes_other_names_is_asked_by_them():
    """In OpenAI's own words."""
    length = (
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
        "'max_completion_tokens' instead."
    )
    heat = (
        "Unsupported value: 'temperature' does not support 0 with this model. Only the default "
        "(1) value is supported."
    )

    def handler(body, number):
        wrong = length if "max_tokens" in body else heat if "temperature" in body else None
        return Reply({"error": {"message": wrong}}, 400) if wrong else Reply(chat("[]"))

    with serving(handler, owned_by="openai") as server:
        assert ask(server, request(max_tokens=77)).text == "[]"
    assert len(server.bodies) == 3
    assert server.bodies[-1]["max_completion_tokens"] == 77
    # What vLLM says of an answer too long for it names both, and is no such refusal.
    words = (
        "'max_tokens' or 'max_completion_tokens' is too large: 77. This model's maximum context "
        "length is 64 tokens."
    )
    with (
        serving(lambda *_: Reply({"error": {"message": words}}, 400)) as server,
        pytest.raises(ContextOverflow),
    ):
        ask(server, request(max_tokens=77))
    assert all(body["max_tokens"] == 77 for body in server.bodies)


def test_prefill_reasoning_schema_logprobs_and_abilities():
    schema = {"type": "array"}
    body = chat("x</think>[]", logprobs=[("x", -0.1), ("[]", 0.3), ("<|im_end|>", -1.0)])
    with serving(lambda *_: Reply(body)) as server:
        got = ask(
            server,
            request(prefill="<think>", logprobs=True, response_schema=schema, seed=7, stop=("S",)),
        )
    sent = server.bodies[0]
    assert sent["messages"][-1] == {"role": "assistant", "content": "<think>"}
    assert sent["continue_final_message"] and not sent["add_generation_prompt"]
    assert sent["response_format"]["json_schema"]["schema"] == schema
    assert (sent["seed"], sent["stop"], sent["logprobs"]) == (7, ["S"], True)
    assert got.text == "<think>x</think>[]"
    assert [(t.text, t.logprob) for t in got.tokens] == [("x", -0.1), ("[]", 0.0)]
    # A hosted server is not sent what it does not know; reasoning that it takes apart comes back.
    message = {"role": "assistant", "reasoning_content": "because", "content": "[]"}
    hosted = {"choices": [{"message": message, "finish_reason": "stop"}]}
    with serving(lambda *_: Reply(hosted), owned_by="someone") as server:
        got = ask(server, request(prefill="<think>"))
    assert "continue_final_message" not in server.bodies[0]
    assert "skip_special_tokens" not in server.bodies[0]
    assert got.text == "<think>because</think>[]"


def test_conversations_keep_calls_results_and_new_views():
    messages = (
        Message("system", (TextPart("be brief"),)),
        Message("user", (ViewPart(1), TextPart("q"))),
        Message("assistant", (TextPart("hm <|image_pad|>"),), (ToolCall("c1", "zoom", {"a": 1}),)),
        Message("tool", (TextPart("done"),), call_id="c1"),
        Message("assistant", (TextPart("<tool_call>..</tool_call>"),), (ToolCall("text-0", "z"),)),
        Message("user", (TextPart("View 2: "), ViewPart(2))),
    )
    with serving(lambda *_: Reply(chat())) as server:
        ask(server, request(messages=messages))
    sent = server.bodies[0]["messages"]
    assert [m["role"] for m in sent] == [
        "system", "user", "assistant", "tool", "assistant", "user",
    ]  # fmt: skip
    # A picture token that a model wrote can't pose as a picture.
    assert "<|image_pad|>" not in sent[2]["content"]
    assert json.loads(sent[2]["tool_calls"][0]["function"]["arguments"]) == {"a": 1}
    assert sent[3]["tool_call_id"] == "c1"
    assert "tool_calls" not in sent[4]
