"""The MCP server with the SDK's own client, over stdio and over HTTP."""

import asyncio
import base64
import contextlib
import io
import os
import socket
import sys
import threading
import time
from functools import cache
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import uvicorn
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.shared.exceptions import MCPError
from PIL import Image

from gemvg.agent import GroundingAgent
from gemvg.agent.mcp_server.arguments import ZoomCall
from gemvg.agent.mcp_server.calls import Calls
from gemvg.agent.mcp_server.roots import Roots
from gemvg.agent.mcp_server.running import make_http_app
from gemvg.agent.mcp_server.server import make_server
from gemvg.tools.errors import ImageError, UsageError
from tests.agent.mcp_scripted import scripted
from tests.agent.refusals import BAD_DATA_URIS, OUTSIDE_PATHS, leaks
from tests.agent.serving import URI

HERE = Path(__file__).parents[2]


@cache
def pictures():
    """Two PNGs, of which the second is the first with a red patch."""
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 255, (120, 160, 3), np.uint8)).resize((640, 480))
    changed = noise.copy()
    changed.paste((255, 0, 0), (200, 150, 320, 260))
    return png(noise), png(changed)


def png(image):
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


@pytest.fixture
def root(tmp_path):
    """A folder with pictures and every kind of way out of it."""
    folder = tmp_path / "root"
    (folder / "folder").mkdir(parents=True)
    first, second = pictures()
    (folder / "one.png").write_bytes(first)
    (folder / "folder" / "two.png").write_bytes(second)
    (tmp_path / "outside.png").write_bytes(first)
    (folder / "link-in.png").symlink_to(folder / "one.png")
    (folder / "link-out.png").symlink_to(tmp_path / "outside.png")
    (folder / "link-link.png").symlink_to(folder / "link-out.png")
    (folder / "folder-out").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.png")
    return folder


@contextlib.contextmanager
def over_http(root, log, key=None):
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    app = make_http_app(make_server(scripted(log), Roots([root])), "127.0.0.1", key)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}/mcp"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(20)
        sock.close()


@pytest.fixture(params=["stdio", "http"])
def connect(request, root, tmp_path):
    """What to give a client, and the file that tells of the question "wait"."""
    log = tmp_path / "log"
    if request.param == "stdio":
        arguments = ["-m", "tests.agent.mcp_scripted", str(root), str(log)]
        yield StdioServerParameters(command=sys.executable, args=arguments, cwd=HERE), log
    else:
        with over_http(root, log) as url:
            yield url, log


def run(connect, work):
    async def main():
        async with Client(connect[0]) as client:
            return await work(client)

    return asyncio.run(main())


def texts(result):
    return [block.text for block in result.content if block.type == "text"]


def pictures_of(result):
    found = [block for block in result.content if block.type == "image"]
    return [Image.open(io.BytesIO(base64.b64decode(block.data))) for block in found]


@pytest.mark.slow
def test_a_client_lists_calls_is_refused_and_cancels(connect, root):
    async def work(client):
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert list(tools) == ["ground", "zoom", "detect", "match", "compare"]
        assert all(tool.annotations.read_only_hint for tool in tools.values())

        async def call(name, **arguments):
            result = await client.call_tool(name, arguments)
            if not result.is_error:
                jsonschema.validate(result.structured_content, tools[name].output_schema)
            return result

        both = ["one.png", str(root / "folder" / "two.png")]
        found = await call("ground", query="the cat", images=both)
        assert found.structured_content["answer"][0]["box"] == [0, 0, 320, 240]
        assert [i["source"] for i in found.structured_content["images"]] == [
            "one.png", "folder/two.png",
        ]  # fmt: skip
        assert "picture 2, [0, 0, 320, 240]" in texts(found)[0] and '"status"' in texts(found)[1]
        assert [shown.size for shown in pictures_of(found)] == [(640, 480)]

        seen = await call("zoom", image="link-in.png", boxes=[[100, 100, 200, 200]], padding=0)
        assert seen.structured_content["views"][0]["window"] == [100, 100, 200, 200]
        assert len(pictures_of(seen)) == 1
        where = await call("match", source="one.png", box=[40, 60, 240, 220], images=["one.png"])
        near = where.structured_content["boxes"][0]
        assert near["image"] == 2
        assert np.allclose(near["box"], [40, 60, 240, 220], atol=3)
        changes = await call("compare", first=both[0], second=both[1])
        assert changes.structured_content["boxes"][0]["image"] == 2
        assert np.allclose(
            changes.structured_content["boxes"][0]["box"], [200, 150, 320, 260], atol=12
        )

        refused = await call("ground", query="the cat", images=["../outside.png"])
        assert refused.is_error and "may read" in texts(refused)[0]
        broken = await call("ground", query="break", images=["one.png"])
        assert broken.is_error and "secret" not in str(texts(broken))
        with pytest.raises(MCPError):
            await client.call_tool("shell", {"command": "ls"})

    run(connect, work)


@pytest.mark.slow
def test_a_cancelled_call_stops_the_policy(connect):
    async def work(client):
        call = asyncio.create_task(
            client.call_tool("ground", {"query": "wait", "images": ["one.png"]})
        )
        log = connect[1]
        await wait_for(lambda: log.exists() and log.read_text() == "began")
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await call
        await wait_for(lambda: log.read_text() == "stopped")
        # The connection is as good as before.
        found = await client.call_tool("ground", {"query": "it", "images": ["one.png", URI]})
        assert not found.is_error

    run(connect, work)


async def wait_for(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        await asyncio.sleep(0.02)


@pytest.mark.slow
def test_everything_that_must_be_refused_is(root, tmp_path):
    (tmp_path / "log").write_text("")

    async def work(client):
        async def refused(tool, **arguments):
            result = await client.call_tool(tool, arguments)
            assert result.is_error and result.structured_content is None, arguments
            (text,) = texts(result)
            assert "\n" not in text and not leaks(text), text
            return text

        names = set()
        for name in OUTSIDE_PATHS:
            names.add(await refused("ground", query="it", images=[name]))
            await refused("zoom", image=name, boxes=[[0, 0, 9, 9]])
        # Missing, outside and no file are told in the same words.
        assert len({n for n in names if "may read" in n}) == 1
        for uri in [*BAD_DATA_URIS, "http://127.0.0.1/p.png", "https://example.org/p.png"]:
            await refused("detect", images=[uri])
        for wrong in (
            {}, {"query": "x"}, {"query": 3, "images": ["one.png"]}, {"query": "", "images": [URI]},
            {"query": "x", "images": "one.png"}, {"query": "x", "images": []},
            {"query": "x", "images": ["one.png"] * 65}, {"query": "x" * 9000, "images": [URI]},
            {"query": "x", "images": [None]}, {"query": "x", "images": ["one.png"], "root": "/"},
        ):  # fmt: skip
            await refused("ground", **wrong)
        for box in ([0, 0, 9], [0, 0, 9, "a"], [1e9, 0, 1, 1], [9000, 9000, 9001, 9001]):
            await refused("zoom", image="one.png", boxes=[box])

    with over_http(root, tmp_path / "log") as url:
        run((url,), work)


@pytest.mark.parametrize("name", OUTSIDE_PATHS)
def test_a_name_that_leads_outside_opens_nothing(root, name, monkeypatch):
    roots = Roots([root])
    opened = []
    real = os.fstat
    monkeypatch.setattr(
        os, "fstat", lambda fd: opened.append(os.readlink(f"/proc/self/fd/{fd}")) or real(fd)
    )
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(ImageError) as told:
        roots.read(name, "picture 1")
    assert all(path.startswith(str(root)) for path in opened)
    assert set(os.listdir("/proc/self/fd")) == before
    assert not leaks(str(told.value)) and "root" not in str(told.value)
    roots.close()


def test_a_link_put_there_after_the_check_leads_nowhere(root, tmp_path, monkeypatch):
    from gemvg.agent.mcp_server import roots as module

    roots = Roots([root])
    assert roots.read("one.png", "picture 1")[0] == "one.png"
    check = module._inside

    def swapped(folder, name):
        inside = check(folder, name)
        target = root / "one.png"
        target.unlink(missing_ok=True)
        target.symlink_to(tmp_path / "outside.png")
        return inside

    monkeypatch.setattr(module, "_inside", swapped)
    with pytest.raises(ImageError):
        roots.read("one.png", "picture 1")


def test_roots_are_folders(tmp_path, root):
    for wrong in ("/", tmp_path / "missing", root / "one.png"):
        with pytest.raises(UsageError):
            Roots([wrong])
    with pytest.raises(ImageError, match="larger"):
        Roots([root], max_bytes=100).read("one.png", "picture 1")


def test_http_needs_the_key_and_the_right_name(root, tmp_path):
    import httpx

    body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    accept = {"Accept": "application/json, text/event-stream"}
    with over_http(root, tmp_path / "log", key="k" * 20) as url:
        assert httpx.post(url, json=body, headers=accept).status_code == 401
        wrong = accept | {"Authorization": "Bearer x"}
        assert httpx.post(url, json=body, headers=wrong).status_code == 401
        for word in ("Bearer", "bearer"):
            right = accept | {"Authorization": f"{word} {'k' * 20}"}
            assert httpx.post(url, json=body, headers=right).status_code != 401
    with over_http(root, tmp_path / "log") as url:
        evil = accept | {"Host": "evil.example.org"}
        assert httpx.post(url, json=body, headers=evil).status_code in (403, 421)


def test_a_port_that_is_taken_is_told_in_one_line(gemvg):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = gemvg("mcp", "--http", "--port", taken.getsockname()[1])
    assert done.code == 2 and "Name another --port" in done.err
    assert len(done.err.splitlines()) == 1


def test_as_many_parts_may_be_looked_at_as_the_tools_form_says(root):
    most = ZoomCall.model_json_schema()["properties"]["boxes"]["maxItems"]
    asked = ZoomCall(image="one.png", boxes=[(0, 0, 40 + k, 40) for k in range(most)])
    seen = asyncio.run(Calls(GroundingAgent("planner"), Roots([root])).zoom(asked))
    assert len(seen.data["views"]) == len(seen.pictures) == most


def test_too_many_calls_at_once_are_refused():
    from gemvg.agent.mcp_server.line import Busy, Line

    async def main():
        line, outcomes = Line(running=1, waiting=1), []

        async def one():
            try:
                async with line.turn():
                    await asyncio.sleep(0.05)
                outcomes.append("done")
            except Busy:
                outcomes.append("busy")

        await asyncio.gather(*(one() for _ in range(4)))
        assert sorted(outcomes) == ["busy", "busy", "done", "done"]
        async with line.turn():
            pass

    asyncio.run(main())


@pytest.mark.slow
def test_the_command_serves_a_client_over_stdio(root):
    arguments = ["-m", "gemvg.agent.cli.main", "mcp", "--root", str(root), "--tools", "zoom"]
    server = StdioServerParameters(command=sys.executable, args=arguments, cwd=HERE)

    async def work(client):
        tools = [tool.name for tool in (await client.list_tools()).tools]
        assert tools == ["ground", "zoom"]
        seen = await client.call_tool("zoom", {"image": "one.png", "boxes": [[0, 0, 50, 50]]})
        assert len(pictures_of(seen)) == 1

    run((server,), work)
