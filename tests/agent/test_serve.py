"""The server: questions, steps, limits, the key, metrics, and its stop."""

import asyncio
import json
import threading
import time

import pytest

from gemvg.agent import GroundingAgent
from gemvg.agent.answer import Answer
from gemvg.tools.errors import BackendError
from gemvg.tools.images import ImageLimits
from tests.agent.scripts import agent, answer, item, zoom
from tests.agent.serving import PNG, URI, png, serving

FOUND = answer(item(2, (0, 0, 500, 500), "cat"))


@pytest.fixture(scope="module")
def server():
    with serving(agent(zoom(), FOUND), max_pictures=4, max_request_bytes=2_000_000) as served:
        yield served


def slow(seconds, said=FOUND):
    """A policy that takes its time, and what it remembers: how many began, ended, were stopped."""
    seen = {"began": 0, "ended": 0, "stopped": 0}

    async def say(request):
        seen["began"] += 1
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            seen["stopped"] += 1
            raise
        seen["ended"] += 1
        return said

    return agent(say), seen


def until(true, seconds=10):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def test_json_and_form_get_the_same_answer(server):
    by_json = server.ground(URI, {"data": URI, "name": "C:\\pictures\\two.png"})
    form = {"query": "the cat", "tools": "zoom"}
    files = [("images", ("one.png", PNG)), ("images", ("../../two.png", PNG))]
    by_form = server.post("/v1/ground", data=form, files=files)
    for reply in (by_json, by_form):
        assert reply.status_code == 200
        told = Answer.model_validate_json(reply.content)
        assert told.status == "ok" and told.images[1].source == "two.png"
        assert told.answer[0].box == (0, 0, 32, 24) and told.answer[0].image == 2
    assert by_json.json()["images"][0]["source"] == "picture 1"


def test_choices_of_a_question_hold(server):
    assert server.ground(mode="think").json()["mode"]["asked"] == "think"
    reply = server.ground(URI, URI, tools=[], strategy="one-shot", seed=7).json()
    assert reply["steps"][0]["ok"] is False
    assert "no tool" in server.ground(tools=["shell"]).json()["error"]["message"]


def test_steps_come_as_events(server):
    events = server.events(query="the cat", images=[URI, URI])
    names = [name for name, _ in events]
    assert names == ["started", "mode", "policy", "tool-started", "tool", "policy", "answer"]
    tool = dict(events)["tool"]
    assert tool["views"][0]["image"] == 1 and len(tool["views"][0]["window"]) == 4
    assert dict(events)["answer"]["answer"]["status"] == "ok"


def test_steps_come_while_the_question_is_still_being_answered():
    says, seen = slow(0.7)
    with (
        serving(says) as server,
        server.client.stream(
            "POST", "/v1/ground", json={"query": "x", "images": [URI], "stream": True}
        ) as reply,
    ):
        lines = reply.iter_lines()
        assert next(lines) == "event: started"
        assert seen["ended"] == 0


@pytest.mark.parametrize("change", [{"strategy": "poll"}, {"tools": ["shell"]}, {"query": "  "}])
def test_what_is_wrong_with_a_question_has_a_status_also_where_a_stream_was_asked_for(change):
    with serving(GroundingAgent("planner", tools=["zoom"])) as planner:
        whole, streamed = (planner.ground(stream=stream, **change) for stream in (False, True))
    assert whole.status_code == streamed.status_code == 400
    assert whole.json() == streamed.json() and streamed.json()["error"]["kind"] == "usage"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"query": ""}, 400),
        ({"query": "  "}, 400),
        ({"query": "x" * 9000}, 400),
        ({"query": None}, 400),
        ({"images": []}, 400),
        ({"images": [URI] * 5}, 413),
        ({"images": {"a": 1}}, 400),
        ({"mode": "fast"}, 400),
        ({"seed": -1}, 400),
        ({"seed": 1e400}, 400),
        ({"surprise": 1}, 400),
        ({"images": ["x" * 2_100_000]}, 413),
    ],
)
def test_what_can_not_be_asked(server, change, status):
    body = json.dumps({"query": "x", "images": [URI]} | change)
    reply = server.post("/v1/ground", content=body, headers={"Content-Type": "application/json"})
    assert reply.status_code == status
    error = reply.json()["error"]
    assert error["message"] and "\n" not in error["message"] and error["kind"]


def test_the_whole_of_a_body_is_bounded_however_it_comes(server):
    def chunks():
        for _ in range(40):
            yield b"x" * 100_000

    reply = server.post("/v1/ground", content=chunks())
    assert reply.status_code == 413
    files = [("images", (f"{n}.png", PNG)) for n in range(5)]
    assert server.post("/v1/ground", data={"query": "x"}, files=files).status_code == 413
    fields = {f"f{n}": "x" for n in range(100)}
    one = [("images", ("a.png", PNG))]
    assert server.post("/v1/ground", data=fields, files=one).status_code == 400


def test_pictures_are_bounded_together():
    limits = ImageLimits(max_pixels=100_000)
    with serving(agent(FOUND), max_total_pixels=25_000, picture=limits) as server:
        files = [("images", ("a.png", png(100, 100, v))) for v in range(3)]
        assert server.post("/v1/ground", data={"query": "x"}, files=files[:2]).status_code == 200
        reply = server.post("/v1/ground", data={"query": "x"}, files=files)
        assert reply.status_code == 413 and "together" in reply.json()["error"]["message"]
        one = [("images", ("a.png", png(400, 400)))]
        assert server.post("/v1/ground", data={"query": "x"}, files=one).status_code == 400


def test_a_full_line_is_429_and_a_long_wait_is_503():
    says, _ = slow(1.5)
    with serving(says, running=1, waiting=1, max_wait=0.4) as server:
        replies = []
        threads = [
            threading.Thread(target=lambda: replies.append(server.ground())) for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        until(lambda: server.service.admission.taken == 2)
        busy = server.ground()
        assert busy.status_code == 429 and busy.headers["retry-after"] == "1"
        for thread in threads:
            thread.join()
        assert sorted(reply.status_code for reply in replies) == [200, 503]
        assert server.ground().status_code == 200
        assert server.service.admission.bytes_held == 0


def test_too_many_bytes_at_once_are_429():
    with serving(agent(FOUND), max_bytes_held=1000) as server:
        assert server.ground().status_code == 200
        files = [("images", ("a.png", PNG + b"\0" * 5000))]
        reply = server.post("/v1/ground", data={"query": "x"}, files=files)
        assert reply.status_code == 429


def test_a_question_that_takes_too_long_ends():
    says, seen = slow(30)
    with serving(says, max_seconds=1.0) as server:
        assert server.ground().status_code == 503
        assert [name for name, _ in server.events(query="x", images=[URI])][-1] == "error"
        # A busy machine may not even reach the policy in time; what began has been stopped.
        until(lambda: seen["stopped"] == seen["began"])
        assert seen["ended"] == 0
        until(lambda: server.service.admission.running == 0)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_caller_who_leaves_ends_the_question(streamed):
    says, seen = slow(30)
    with serving(says) as server:
        body = {"query": "x", "images": [URI], "stream": streamed}
        with pytest.raises(Exception, match="timed out"):
            server.post("/v1/ground", json=body, timeout=3.0)
        until(lambda: seen["stopped"] == 1)
        until(lambda: server.service.admission.done == 1)


def test_a_failed_policy_tells_nothing_of_the_machine():
    def broken(request):
        raise BackendError("gone: http://10.1.2.3:8000/v1 with /home/a/key at 0x7f001122")

    def bug(request):
        raise RuntimeError("secret words at /srv/app/x.py")

    for policy in (broken, bug):
        with serving(agent(policy)) as server:
            told = server.ground().json()
            assert told["status"] == "failed"
            for gone in ("10.1.2.3", "/home", "/srv", "0x7f", "secret"):
                assert gone not in json.dumps(told)


def test_the_key_guards_everything_but_the_page_and_health():
    key = "k" * 20
    with serving(agent(FOUND), key=key) as server:
        for path in ("/metrics", "/v1/models", "/openapi.json", "/nothing", "/docs"):
            reply = server.get(path)
            assert reply.status_code == 401 and key not in reply.text
        assert server.ground().status_code == 401
        for path in ("/", "/page/app.js", "/healthz", "/page/config.json"):
            assert server.get(path).status_code == 200
        for wrong in ("x", "k", "k" * 21, "é"):
            header = {"Authorization": f"Bearer {wrong}".encode()}
            assert server.get("/metrics", headers=header).status_code == 401
        named = [{"Authorization": f"{word} {key}"} for word in ("Bearer", "bearer", "BEARER")]
        for header in (*named, {"X-API-Key": key}):
            assert server.get("/metrics", headers=header).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example.org"}, 403),
        ({"Host": "127.0.0.1.evil.org:80"}, 403),
        ({"Host": "localhost:1"}, 200),
        ({"Origin": "https://evil.example.org"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Host": "localhost:80", "Origin": "http://localhost:80"}, 200),
    ],
)
def test_other_sites_can_not_use_the_server_of_this_machine(server, headers, status):
    assert server.get("/healthz", headers=headers).status_code == status


def test_metrics_count_without_callers_words(server):
    server.ground(query="a very secret question")
    server.get("/some/secret/path")
    text = server.get("/metrics").text
    assert "secret" not in text
    for line in (
        'gemvg_requests_total{route="/v1/ground",status="200"}',
        'gemvg_requests_total{route="other",status="404"}',
        'gemvg_answers_total{mode="direct",status="ok"}',
        'gemvg_tool_calls_total{ok="true",tool="zoom"}',
        "gemvg_own_seconds_bucket",
        "gemvg_running 0.0",
    ):
        assert line in text, line


def test_every_reply_is_plain_json_with_safe_headers(server):
    for reply in (server.get("/nothing"), server.get("/v1/ground"), server.post("/v1/ground")):
        assert reply.status_code in (404, 405, 415)
        assert reply.json()["error"]["message"]
        assert reply.headers["x-content-type-options"] == "nosniff"
    policy = server.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert server.get("/page/..%2fapp.py").status_code == 404
    assert server.get("/page/missing.js").status_code == 404


def test_a_stopping_server_says_so(server):
    with serving(agent(FOUND)) as stopping:
        stopping.service.admission.close()
        assert stopping.get("/healthz").status_code == 503
        assert stopping.ground().status_code == 503
