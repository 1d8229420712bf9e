"""OpenAI's own client against the server, streaming and not."""

import asyncio
import json

import openai
import pytest

from gemvg.agent.embed import function_schema
from gemvg.tools.errors import BackendError, QueryNotUnderstood
from tests.agent.scripts import agent, answer, item, zoom
from tests.agent.serving import URI, serving

FOUND = answer(item(2, (0, 0, 500, 500), "cat"))
KEY = "a-key-of-this-test"


@pytest.fixture(scope="module")
def server():
    with serving(agent(zoom(), f"<think>It is left.</think>{FOUND}"), key=KEY) as served:
        yield served


@pytest.fixture(scope="module")
def client(server):
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY, max_retries=0) as made:
        yield made


def turn(text="the cat", count=2):
    pictures = [{"type": "image_url", "image_url": {"url": URI}}] * count
    return {"role": "user", "content": [*pictures, {"type": "text", "text": text}]}


def ask(client, *messages, **options):
    given = {"model": "gemvg-agent", "messages": list(messages) or [turn()]} | options
    return client.chat.completions.create(**given)


def test_a_whole_answer(client):
    reply = ask(client)
    told = json.loads(reply.choices[0].message.content)
    assert told["status"] == "ok" and told["answer"][0]["box"] == [0, 0, 32, 24]
    assert told["answer"][0]["image"] == 2 and reply.choices[0].finish_reason == "stop"
    assert reply.model_extra["gemvg"]["steps"][0]["tool"] == "zoom"
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
    assert [model.id for model in client.models.list()] == ["gemvg-agent"]


def test_a_streamed_answer(client):
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    content = "".join(delta.content or "" for delta in deltas)
    thought = "".join((delta.model_extra or {}).get("reasoning_content", "") for delta in deltas)
    assert json.loads(content)["answer"][0]["label"] == "cat"
    assert "zoom: " in thought and "It is left." in thought
    assert deltas[0].role == "assistant" and chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None and len({chunk.id for chunk in chunks}) == 1


def test_pictures_of_earlier_turns_count_and_the_last_words_ask(client):
    reply = ask(
        client,
        {"role": "system", "content": "Be brief."},
        turn("the dog", 1),
        {"role": "assistant", "content": "none"},
        turn("the cat", 1),
        reasoning_effort="none",
        seed=3,
    )
    told = reply.model_extra["gemvg"]
    assert told["query"] == "the cat" and len(told["images"]) == 2
    assert told["mode"]["asked"] == "direct"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"model": "gpt-9"}, openai.NotFoundError),
        ({"n": 2}, openai.BadRequestError),
        ({"tools": [function_schema()]}, openai.BadRequestError),
        ({"reasoning_effort": "absurd"}, openai.BadRequestError),
        ({"messages": [{"role": "user", "content": "the cat"}]}, openai.BadRequestError),
        ({"messages": [turn("  ")]}, openai.BadRequestError),
        ({"messages": [{"role": "assistant", "content": "x"}]}, openai.BadRequestError),
        ({"messages": [turn(count=17)]}, openai.APIStatusError),
        ({"messages": [turn()], "seed": -1}, openai.BadRequestError),
    ],
)
def test_what_can_not_be_asked_is_the_clients_own_error(client, change, error):
    for streamed in (False, True):
        with pytest.raises(error) as told:
            ask(client, stream=streamed, **change)
        assert told.value.body["message"] and told.value.body["type"] == "invalid_request_error"


def test_a_wrong_key_is_an_authentication_error(server):
    with (
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        ask(client)


@pytest.mark.parametrize(
    ("failure", "status"),
    [(QueryNotUnderstood("I could not read the question."), 422), (BackendError("gone."), 502)],
)
def test_a_failed_question_is_an_error(failure, status):
    def fails(request):
        raise failure

    with (
        serving(agent(fails)) as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client,
    ):
        with pytest.raises(openai.APIStatusError) as told:
            ask(client)
        assert told.value.status_code == status and failure.message in str(told.value)
        with pytest.raises(openai.APIError, match=failure.message[:8]):
            list(ask(client, stream=True))


def test_the_async_client_may_ask_many_at_once(server):
    async def many():
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=KEY) as client:
            asked = [
                client.chat.completions.create(model="gemvg-agent", messages=[turn()])
                for _ in range(16)
            ]
            return await asyncio.gather(*asked)

    assert all('"ok"' in reply.choices[0].message.content for reply in asyncio.run(many()))
