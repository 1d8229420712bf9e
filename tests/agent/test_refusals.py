"""One suite of refusals for every entry point: command line, Python, server, OpenAI's route, batch.

The MCP server's part stands in test_mcp.py, with the SDK's client. Here the network is ours: any
dialled connection is a failure, and the resolver is as careless as some systems' are.
"""

import json
import socket

import httpcore
import pytest

from gemvg.agent.cli.main import COMMANDS
from gemvg.agent.embed import call_function
from gemvg.agent.fetch import dialing
from gemvg.agent.fetch.address import HostList
from gemvg.agent.fetch.fetcher import SafeFetcher
from gemvg.agent.grounding_agent import GroundingAgent
from gemvg.policy.scripted import ScriptedPolicy
from gemvg.tools.errors import GemvgError
from tests.agent.conftest import png_header
from tests.agent.refusals import (
    BAD_DATA_URIS,
    OUTSIDE_PATHS,
    PRIVATE_ADDRESSES,
    REFUSED_ADDRESSES,
    leaks,
)
from tests.agent.scripts import agent, answer, item
from tests.agent.serving import PNG, URI, serving

NAMED = [f"http://n{n}.example.org/p.png" for n in range(len(PRIVATE_ADDRESSES))]
"""Public names that lead to private addresses."""
ADDRESSES = [*REFUSED_ADDRESSES, *NAMED]


@pytest.fixture(scope="module")
def dialled():
    """Every connection that was tried; there must be none."""
    tried = []

    class Network(httpcore.NetworkBackend):
        def connect_tcp(self, host, port, **rest):
            tried.append((host, port))
            raise httpcore.ConnectError("secret words")

    real = dialing.PublicDialler

    def dialler(deadline, resolver, network):
        return real(deadline, resolver, Network())

    def resolve(host, port):
        if host.endswith(".example.org"):
            return [PRIVATE_ADDRESSES[int(host[1:].split(".")[0])]]
        return [socket.inet_ntoa(socket.inet_aton(host))]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dialing, "PublicDialler", dialler)
        patch.setattr(dialing, "system_resolver", resolve)
        yield tried


@pytest.fixture(scope="module")
def server(dialled):
    policy = agent(answer(item()))
    fetch = SafeFetcher(HostList.of(["*"]))
    with serving(policy, fetch, max_pictures=4, max_request_bytes=3_000_000) as served:
        yield served


def refused(reply, *statuses):
    text = json.dumps(reply.json(), ensure_ascii=False)
    assert reply.status_code in (statuses or (400, 413)), (reply.status_code, text)
    assert not leaks(text) and "\\n" not in text, text


def chat(*urls):
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    content = [*parts, {"type": "text", "text": "it"}]
    return {"model": "gemvg-agent", "messages": [{"role": "user", "content": content}]}


def test_no_address_is_fetched_by_the_server(server, dialled):
    for url in ADDRESSES:
        refused(server.ground(url))
        refused(server.post("/v1/chat/completions", json=chat(url)))
    assert len(ADDRESSES) >= 60 and dialled == []


def test_a_public_address_would_have_been_dialled(server, dialled):
    refused(server.ground("http://93.184.216.34/p.png"))
    assert dialled == [("93.184.216.34", 80)]
    dialled.clear()


def test_no_path_is_opened_by_the_server(server):
    for name in OUTSIDE_PATHS:
        refused(server.ground(name))
        refused(server.ground({"data": name, "name": name}))
        reply = server.ground({"data": URI, "name": name[:200]})
        assert reply.status_code == 200
        shown = reply.json()["images"][0]["source"]
        assert "/" not in shown and "\\" not in shown


def test_no_bad_picture_passes_the_server(server):
    for uri in [*BAD_DATA_URIS, "data:image/png;base64," + "A" * 2_990_000]:
        refused(server.ground(uri))
        refused(server.post("/v1/chat/completions", json=chat(uri)))
        streamed = server.post("/v1/ground", json={"query": "it", "images": [uri], "stream": True})
        refused(streamed)
    for content in (b"", b"text", png_header(60_000, 60_000), PNG[:40]):
        files = [("images", ("a.png", content))]
        refused(server.post("/v1/ground", data={"query": "it"}, files=files))


@pytest.mark.parametrize("path", ["/v1/ground", "/v1/chat/completions"])
@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{}", b'"x"', b"{", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 50_000,
        b'{"query": 1e999, "images": []}', b"9" * 10_000, b'{"query": "x", "images": [1]}',
        b'{"query": {"$ref": "/etc/passwd"}, "images": [[]]}', b"x" * 3_000_001,
        b'{"model": "gemvg-agent", "messages": {}}', b'{"model": 3, "messages": [{}]}',
        b'{"model": "gemvg-agent", "messages": [{"role": "user", "content": [{"type": "file"}]}]}',
    ],
)  # fmt: skip
def test_no_odd_body_passes_the_server(server, path, body):
    reply = server.post(path, content=body, headers={"Content-Type": "application/json"})
    refused(reply)
    odd = {"Content-Type": "multipart/form-data; boundary=x"}
    refused(server.post("/v1/ground", content=body, headers=odd))
    refused(server.post(path, content=body, headers={"Content-Type": "text/plain"}), 413, 415)


@pytest.mark.slow
def test_no_address_is_fetched_by_the_command_line(gemvg, dialled):
    for url in ADDRESSES:
        if "\0" in url:
            continue  # no operating system passes such an argument
        outcome = gemvg("ask", "it", url, "--allow-urls", "--json")
        assert outcome.code == 2 and outcome.out == "", url
        said = outcome.err.replace(" ".join(url.split()), "")
        assert len(outcome.err.strip().splitlines()) == 1
        # What is no address at all is taken for a file's name, which is told as it was given.
        assert "no such file" in said or "can't be opened" in said or not leaks(said), said
    assert dialled == []


def test_no_address_is_fetched_unless_that_is_allowed(gemvg, dialled):
    outcome = gemvg("ask", "it", "https://images.example.org/p.png")
    assert outcome.code == 2 and "--allow-urls" in outcome.err
    with serving(agent(answer(item()))) as server:
        refused(server.ground("https://images.example.org/p.png"))
    assert dialled == []


def test_no_address_or_path_of_a_models_is_opened_in_python(dialled, tmp_path):
    (tmp_path / "real.png").write_bytes(PNG)
    asked = [str(tmp_path / "real.png"), *OUTSIDE_PATHS[:8], *ADDRESSES[:8]]
    policy = ScriptedPolicy(lambda request: answer(item()))
    fetching = GroundingAgent(policy, tools="none", fetch=SafeFetcher(HostList.of(["*"])))
    for name in asked:
        with pytest.raises(GemvgError) as told:
            call_function(fetching, {"query": "it", "images": [name]}, [PNG])
        assert not leaks(str(told.value))
    for url in ADDRESSES:
        with pytest.raises((GemvgError, ValueError)):
            fetching.ask("it", [url])
    assert dialled == []


@pytest.mark.skipif("batch" not in COMMANDS, reason="there is no batch command yet")
def test_no_address_is_fetched_by_a_batch(gemvg, folder, dialled):
    lines = [
        {"custom_id": str(n), "query": "it", "images": [url]} for n, url in enumerate(ADDRESSES)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "in.jsonl").write_text(text, encoding="utf-8")
    gemvg("batch", "in.jsonl", "out.jsonl", "--allow-urls")
    for file in folder.glob("out*.jsonl*"):
        for line in file.read_text(encoding="utf-8").splitlines():
            assert json.loads(line).get("status") != "ok"
    assert dialled == []
