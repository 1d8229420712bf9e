"""A small OpenAI-compatible server on the loopback, on a thread of its own, misbehaving to order.

A handler gets the request's JSON and the number of chat calls before it and returns a `Reply`; the
server records every body. Raw sockets, so that a connection can be cut at any byte.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Reply:
    """What to send back: a body, or server-sent events, at what status, after how long, cut where.

    Attributes:
        body: JSON, or a list of JSON chunks for a stream.
        cut: send only this share of the body's bytes, then close.
    """

    body: object = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: float | None = None


def chat(text="[]", finish="stop", calls=None, logprobs=None, model="tiny-qwen3-vl"):
    """The body of an ordinary answer."""
    message = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "finish_reason": finish}
    if logprobs:
        choice["logprobs"] = {"content": [{"token": t, "logprob": p} for t, p in logprobs]}
    usage = {"prompt_tokens": 1000, "completion_tokens": 7}
    return {"model": model, "choices": [choice], "usage": usage}


def chunks(*pieces, finish="stop"):
    """The chunks of a streamed answer."""
    made = [{"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces]
    made.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    made.append({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}})
    return made


class FakeServer:
    """See the module. Use `serving`."""

    def __init__(self, handler: Callable[[dict, int], Reply], **model) -> None:
        self.handler = handler
        self.model = {"id": "tiny-qwen3-vl", "owned_by": "vllm", "max_model_len": 8192} | model
        self.bodies: list[dict] = []
        self.headers: list[dict[str, str]] = []
        self.open = 0
        self.most_open = 0
        self.gone = threading.Event()
        self.url = ""

    async def _serve(self, reader, writer):
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _one(self, reader, writer) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.split("\r\n")
        headers = {k.lower(): v for k, v in (ln.split(": ", 1) for ln in lines if ": " in ln)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if first.startswith("GET"):
            models = self.model if isinstance(self.model, list) else [self.model]
            reply = Reply({"object": "list", "data": models})
        else:
            number = len(self.bodies)
            self.bodies.append(json.loads(body))
            self.headers.append(headers)
            reply = self.handler(self.bodies[-1], number)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await self._wait(reader, reply.delay)
        finally:
            self.open -= 1
        return await self._send(writer, reply)

    async def _wait(self, reader, delay):
        """Sleep; notice a client that has gone."""
        if not delay:
            return
        watch = asyncio.ensure_future(reader.read(1))
        done, _ = await asyncio.wait([watch], timeout=delay)
        if done:
            self.gone.set()
            raise ConnectionError
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)

    async def _send(self, writer, reply) -> bool:
        stream = isinstance(reply.body, list)
        if stream:
            parts = [f"data: {json.dumps(chunk)}\n\n" for chunk in reply.body]
            payload = "".join([*parts, "data: [DONE]\n\n"]).encode()
        elif isinstance(reply.body, bytes):
            payload = reply.body
        else:
            payload = json.dumps(reply.body).encode()
        kind = "text/event-stream" if stream else "application/json"
        head = f"HTTP/1.1 {reply.status} X\r\nContent-Type: {kind}\r\n"
        head += f"Content-Length: {len(payload)}\r\n"
        head += "".join(f"{k}: {v}\r\n" for k, v in reply.headers.items())
        cut = reply.cut is not None
        writer.write((head + "\r\n").encode() + payload[: int(len(payload) * (reply.cut or 0))]
                     if cut else (head + "\r\n").encode() + payload)  # fmt: skip
        await writer.drain()
        return not cut


@contextmanager
def serving(handler, **model):
    """A running server; its `url` ends in /v1."""
    server = FakeServer(handler, **model)
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    listening = []

    async def start():
        listening.append(await asyncio.start_server(server._serve, "127.0.0.1", 0))
        port = listening[0].sockets[0].getsockname()[1]
        server.url = f"http://127.0.0.1:{port}/v1"
        ready.set()

    def run():
        asyncio.set_event_loop(loop)
        loop.run_until_complete(start())
        loop.run_forever()
        listening[0].close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
