"""Which server and model are asked, with which key, and what a server's refusals mean."""

import asyncio

import pytest

from gemvg.policy.backends.endpoints import Endpoints, ServedModel, base_url, discover
from gemvg.policy.backends.openai_compatible import OpenAICompatiblePolicy
from gemvg.policy.dialects import dialect_for_model, get_dialect
from gemvg.policy.registry import load_policy, local_folder, view_tokens
from gemvg.tools.errors import (
    AccessRefused,
    BackendError,
    BackendRefused,
    UnknownDialect,
    UsageError,
)
from tests.fake_server import Reply, chat, serving
from tests.policy.served import QUICK, ask, request


@pytest.mark.parametrize(
    ("status", "words", "kind", "message"),
    [
        (401, "", AccessRefused, "refuses the key .*GEMVG_API_KEY"),
        (404, "", AccessRefused, "does not know the model or the address .*after #"),
        (403, "", BackendRefused, "refuses the question or the key .*GEMVG_API_KEY"),
        (
            400,
            "At most 1 image(s) may be provided in one prompt.",
            BackendRefused,
            "fewer pictures",
        ),
        (400, "secret /root/path", BackendRefused, "refuses the question"),
        (422, "secret /root/path", BackendRefused, "refuses the question"),
        (402, "secret /root/path", BackendRefused, "refuses the question"),
    ],
)
def test_refusals_are_asked_once_and_told_in_our_words(status, words, kind, message):
    with (
        serving(lambda *_: Reply({"error": {"message": words}}, status)) as server,
        pytest.raises(BackendRefused, match=message) as raised,
    ):
        ask(server, request())
    assert type(raised.value) is kind
    assert len(server.bodies) == 1
    assert "root" not in str(raised.value)


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529])
def test_what_may_pass_is_no_refusal(status):
    with (
        serving(lambda *_: Reply({"error": {}}, status)) as server,
        pytest.raises(BackendError) as raised,
    ):
        ask(server, request())
    assert (type(raised.value), raised.value.kind) == (BackendError, "backend")
    assert len(server.bodies) == QUICK.attempts


def test_resized_pixels_need_a_server_that_does_not_resize():
    small = chat()
    small["usage"]["prompt_tokens"] = 20
    with (
        serving(lambda *_: Reply(small), id="qwen2.5-vl-7b", max_model_len=32768) as server,
        pytest.raises(BackendError, match="smaller than they are sent"),
    ):
        ask(server, request((3,)), "qwen2.5-vl")


def test_keys_go_only_where_they_belong(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other")
    monkeypatch.delenv("GEMVG_API_KEY", raising=False)
    with serving(lambda *_: Reply(chat())) as server:
        asyncio.run(load_policy(server.url).complete(request()))
        monkeypatch.setenv("GEMVG_API_KEY", "mine")
        asyncio.run(load_policy(server.url).complete(request()))
    assert [h.get("authorization") for h in server.headers] == [None, "Bearer mine"]


def test_the_model_and_its_dialect_are_found():
    with serving(lambda *_: Reply(chat()), id="Qwen/Qwen2.5-VL-7B-Instruct") as server:
        policy = load_policy(server.url.removesuffix("/v1"))
        assert (policy.name, policy.dialect.name) == ("Qwen/Qwen2.5-VL-7B-Instruct", "qwen2.5-vl")
        assert load_policy(server.url, dialect="migician").dialect.name == "migician"
    with serving(lambda *_: Reply(chat()), id="llama-4") as server:
        with pytest.raises(UnknownDialect, match=r"llama-4.*--dialect"):
            load_policy(server.url)
        with pytest.raises(UsageError, match="has no model other"):
            load_policy(f"{server.url}#other")
    with pytest.raises(BackendError, match="no server answers"):
        load_policy(server.url)


def test_several_models_must_be_told_apart():
    with serving(lambda *_: Reply(chat())) as server:
        server.model = [{"id": "a-qwen3-vl", "root": "a"}, {"id": "b-qwen3-vl", "root": "b"}]
        with pytest.raises(UsageError, match=r"several models.*a-qwen3-vl, b-qwen3-vl"):
            discover(server.url)
        assert load_policy(f"{server.url}#b-qwen3-vl").name == "b-qwen3-vl"
        server.model = [{"id": "x", "root": "same"}, {"id": "y", "root": "same"}]
        assert discover(server.url).name == "x"


def test_a_dialect_that_is_none_is_never_passed_over():
    with serving(lambda *_: Reply(chat()), id="mine", root="Qwen/Qwen2.5-VL-7B") as server:
        assert load_policy(server.url).dialect.name == "qwen2.5-vl"
        with pytest.raises(UnknownDialect, match="no dialect 'qwen3vl'"):
            load_policy(server.url, dialect="qwen3vl")


def test_a_password_in_an_address_stands_in_no_message():
    with serving(lambda *_: Reply(chat())) as server:
        server.model = [{"id": "a", "root": "a"}, {"id": "b", "root": "b"}]
        url = server.url.replace("//", "//user:secret@")
        for asked in (url, f"{url}#c"):
            with pytest.raises(UsageError, match=f"Name one as {server.url}#MODEL") as raised:
                load_policy(asked)
            assert "secret" not in str(raised.value)
    for wrong in ("http://user:secret@/v1", "http://user:secret@h:port/v1", "user:secret@h"):
        with pytest.raises(UsageError) as raised:
            base_url(wrong)
        assert "secret" not in str(raised.value)


def test_a_stray_folder_hides_no_preset_and_odd_names_are_no_policies(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nano").mkdir()
    assert local_folder("nano") is None
    assert load_policy("nano").name == "nano_4m"
    (tmp_path / "nano" / "config.json").write_text("{}")
    assert local_folder("nano") is not None
    for name in ("~nobody-of-this-name/model", "a" * 5000):
        with pytest.raises(UsageError, match="there is no policy"):
            load_policy(name)
        with pytest.raises(UnknownDialect):
            dialect_for_model(name)


@pytest.mark.parametrize("value", ["60s", "5m", "nan", "0", "-1"])
def test_a_time_that_is_none_is_not_passed_over(value, monkeypatch):
    monkeypatch.setenv("GEMVG_TIMEOUT", value)
    with pytest.raises(UsageError, match="GEMVG_TIMEOUT is"):
        OpenAICompatiblePolicy(["http://h/v1"], ServedModel("m"), get_dialect("qwen3-vl"))


@pytest.mark.parametrize("value", ["1e6", "\u00b2", "9" * 5000, "0"])
def test_pixels_that_are_none_are_not_passed_over(value, monkeypatch):
    monkeypatch.setenv("GEMVG_MAX_PIXELS", value)
    with pytest.raises(UsageError, match="GEMVG_MAX_PIXELS is"):
        view_tokens("qwen3-vl")


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://h:1", "http://h:1/v1"),
        ("http://h:1/v1/", "http://h:1/v1"),
        ("https://h/api/v3", "https://h/api/v3"),
        ("http://h/v1/chat/completions", "http://h/v1"),
    ],
)
def test_addresses(url, base):
    assert base_url(url) == base


@pytest.mark.parametrize("url", ["", "ftp://h/v1", "http://", "http://h:port/v1", "h:8000"])
def test_wrong_addresses(url):
    with pytest.raises(UsageError):
        base_url(url)


def test_several_servers_share_the_calls_and_cover_for_each_other():
    with serving(lambda *_: Reply(chat(), delay=0.2)) as one, serving(
        lambda *_: Reply(chat(), delay=0.2)
    ) as two:  # fmt: skip
        policy = load_policy(f"{one.url},{two.url}")

        async def eight():
            await asyncio.gather(*(policy.complete(request()) for _ in range(8)))

        asyncio.run(eight())
        assert one.most_open == two.most_open == 4
        assert len(one.bodies) == len(two.bodies) == 4
    with serving(lambda *_: Reply(chat())) as two:
        pool = OpenAICompatiblePolicy(
            [one.url, two.url], discover(two.url), get_dialect("qwen3-vl"), retry=QUICK
        )

        async def four():
            return [(await pool.complete(request())).text for _ in range(4)]

        assert asyncio.run(four()) == ["[]"] * 4
        assert len(two.bodies) == 4


def test_the_least_busy_server_is_taken():
    pool = Endpoints.of(["http://a/v1", "http://b/v1"])
    with pool.lease() as first, pool.lease() as second:
        assert first.url != second.url
        pool.failed(first)
    with pool.lease() as third:
        assert third.url == second.url
