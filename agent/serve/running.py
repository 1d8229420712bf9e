"""Running the server: its sockets, its signals, and an end that finishes what was taken."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

from ...tools.errors import UsageError
from .options import ServeOptions

if TYPE_CHECKING:
    from fastapi import FastAPI

LOOPBACK = ("127.0.0.1", "localhost", "::1")
CONNECTIONS = 1000
SHORTEST_KEY = 16
KEPT_BLOCKS = 8
"""Blocks of decoded pixels that are kept for the next picture; 16 MiB each at most."""


def check_exposure(host: str, key: str | None) -> None:
    """Raises UsageError where others could reach the server and no key keeps them out."""
    if key is not None and len(key) < SHORTEST_KEY:
        raise UsageError(f"the key is shorter than {SHORTEST_KEY} characters.")
    if key is not None and not key.isascii():
        raise UsageError("the key holds characters that no header can carry.")
    if host not in LOOPBACK and key is None:
        raise UsageError(
            f"on {host} others could use the server, and there is no key.",
            "Set GEMVG_SERVE_KEY or name a --key-file; or leave --host out.",
        )


def bare_key(authorization: str) -> str:
    """The key of an Authorization header, whose first word may be in any case (RFC 9110, 11.1)."""
    word, _, key = authorization.strip().partition(" ")
    return key.strip() if word.lower() == "bearer" else authorization.strip()


def bound(host: str, port: int) -> socket.socket:
    """A socket at a port, not listening yet.

    Raises:
        UsageError: the port is taken or the host is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except (OSError, OverflowError) as error:
        sock.close()
        raise UsageError(
            f"the server can't listen on port {port} of {host}.", "Name another --port."
        ) from error
    return sock


def serve(app: FastAPI, host: str, port: int, options: ServeOptions) -> None:
    """Serve until a signal comes; then take nothing new, finish what was taken, and return.

    Raises:
        UsageError: the port is taken or the host is not this machine's.
    """
    import uvicorn

    admission = app.state.service.admission

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            admission.close()
            super().handle_exit(sig, frame)

    sock = bound(host, port)
    config = uvicorn.Config(
        app,
        # The parser that bounds how long headers may be; others that may be installed do not.
        http="h11",
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=round(options.max_seconds + options.max_wait),
        h11_max_incomplete_event_size=64 * 1024,
        ws="none",
    )
    settle()
    # From here on callers are kept waiting and not turned away, as the line that follows says.
    sock.listen(CONNECTIONS)
    shown = f"[{host}]" if ":" in host else host
    print(f"listening on http://{shown}:{sock.getsockname()[1]}/", file=sys.stderr, flush=True)
    # uvicorn raises the signal again once it has stopped; the work is done then, so it must not
    # end the process as if it had been killed.
    before = _ignore_afterwards()
    try:
        Server(config).run(sockets=[sock])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        sock.close()
    print(f"stopped; {admission.taken} taken, {admission.done} finished", file=sys.stderr)


def settle() -> None:
    """Prepare the process for a long life of short questions.

    What is loaded by now stays: the garbage collector need not look at it again, which would stop
    every question for tenths of a second. Pillow keeps a few blocks of memory that pictures were
    decoded into instead of asking the system for each anew.
    """
    import gc

    from PIL import Image

    gc.collect()
    gc.freeze()
    Image.core.set_blocks_max(KEPT_BLOCKS)


Handler = Callable[[int, FrameType | None], object] | int | None


def _ignore_afterwards() -> dict[int, Handler]:
    before: dict[int, Handler] = {}
    for number in (signal.SIGTERM, signal.SIGINT):
        before[number] = signal.getsignal(number)
        signal.signal(number, lambda number, frame: None)
    return before
