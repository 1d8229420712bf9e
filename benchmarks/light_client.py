"""A client that costs next to nothing, for load: it shares the machine with what it measures.

It speaks just enough HTTP/1.1 for a server that is known to answer with `Content-Length`, over one
kept connection, and hands over a body in pieces so that nothing is copied for each request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from urllib.parse import urlsplit


class LightClient:
    """One kept connection.

    Args:
        url: of the server, such as `http://127.0.0.1:8321`.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, pieces: Iterable[bytes]) -> tuple[int, bytes]:
        """Status and body of a reply to JSON.

        Raises:
            ConnectionRefusedError: nobody listens.
            ConnectionError, asyncio.IncompleteReadError: the connection ended before the reply.
        """
        body = list(pieces)
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {sum(map(len, body))}\r\n\r\n"
        )
        writer.writelines([head.encode(), *body])
        # The reply is awaited without draining: a refusal may come before all was taken.
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        content = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection") == "close":
            self.close()
        return int(lines[0].split(" ")[1]), content

    def close(self) -> None:
        """End the connection; the next request opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
