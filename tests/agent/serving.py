"""A real server on a real socket, in a thread of the test process."""

import contextlib
import io
import json
import socket
import threading
import time

import httpx
import numpy as np
import uvicorn
from PIL import Image

from gemvg.agent.serve.app import make_app
from gemvg.agent.serve.options import ServeOptions
from tests.agent.refusals import data_uri


def png(width=64, height=48, value=0):
    buffer = io.BytesIO()
    Image.fromarray(np.full((height, width, 3), value, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


PNG = png()
URI = data_uri(PNG)


class Served:
    """A running server: `get`, `post`, its base URL and its service."""

    def __init__(self, app, port):
        self.service = app.state.service
        self.url = f"http://127.0.0.1:{port}"
        self.client = httpx.Client(base_url=self.url, timeout=30, trust_env=False)
        self.get, self.post = self.client.get, self.client.post

    def ground(self, *images, query="the cat", **more):
        body = {"query": query, "images": list(images or (URI,))} | more
        return self.post("/v1/ground", json=body)

    def events(self, **body):
        """(name, data) of every event of a streamed answer."""
        with self.client.stream("POST", "/v1/ground", json=body | {"stream": True}) as reply:
            assert reply.headers["content-type"].startswith("text/event-stream")
            blocks = "".join(reply.iter_text()).split("\n\n")
        lines = [block.split("\n") for block in blocks if block.startswith("event: ")]
        return [(head[7:], json.loads(data[6:])) for head, data in lines]


@contextlib.contextmanager
def serving(agent, fetch=None, **options):
    """Serve an agent until the block ends."""
    app = make_app(agent, ServeOptions(**options), fetch)
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    served = Served(app, sock.getsockname()[1])
    try:
        yield served
    finally:
        served.client.close()
        server.should_exit = True
        thread.join(20)
        sock.close()
