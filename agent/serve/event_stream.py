"""Server-sent events: the text format, keep-alives, and a reply that always cleans up."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

KEEP_ALIVE = 15.0
"""Seconds of silence after which a comment is sent, so that no proxy takes the stream for dead."""


def sse(data: Any, event: str | None = None) -> str:
    """One event; JSON has no line breaks of its own, so `data` is one line."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {text}\n\n"


class EventStream(StreamingResponse):
    """A streamed reply that gives back what it holds however it ends.

    Args:
        events: pieces of text.
        held: closed after the last piece, and also when the caller was gone before the first.
    """

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[str], held: AsyncExitStack) -> None:
        super().__init__(
            with_keep_alive(events),
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See Starlette."""
        async with self._held:
            await super().__call__(scope, receive, send)


async def with_keep_alive(
    events: AsyncIterator[str], silence: float = KEEP_ALIVE
) -> AsyncIterator[str]:
    """The same pieces, and a comment wherever none came for a while.

    The events are drawn by one task from first to last: a time limit inside them belongs to it.
    """
    pieces: asyncio.Queue[str | None] = asyncio.Queue()

    async def draw() -> None:
        try:
            async for piece in events:
                pieces.put_nowait(piece)
        finally:
            pieces.put_nowait(None)

    drawing = asyncio.create_task(draw())
    try:
        while True:
            try:
                async with asyncio.timeout(silence):
                    piece = await pieces.get()
            except TimeoutError:
                yield ": still at work\n\n"
                continue
            if piece is None:
                await drawing
                return
            yield piece
    finally:
        drawing.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await drawing
