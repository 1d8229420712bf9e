"""Running the MCP server: over standard input and output, or over HTTP."""

from __future__ import annotations

import hmac
import sys
from typing import TYPE_CHECKING, Any

from ..serve.running import bare_key, bound

if TYPE_CHECKING:
    from mcp.server import Server
    from starlette.types import ASGIApp, Receive, Scope, Send

MAX_REQUEST = 64 * 1024 * 1024


async def run_stdio(server: Server[Any]) -> None:
    """Serve one client until it closes our standard input."""
    from mcp.server.stdio import stdio_server

    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def make_http_app(server: Server[Any], host: str, key: str | None) -> ASGIApp:
    """The server as an ASGI app at `/mcp`.

    Args:
        server: see `make_server`.
        host: where it listens; without a key, requests must call it by that name or by loopback's.
        key: that every request must bring as a bearer token.
    """
    from mcp.server.transport_security import TransportSecuritySettings

    names = {host, "127.0.0.1", "localhost", "[::1]"}
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=key is None,
        allowed_hosts=sorted(names | {f"{name}:*" for name in names}),
        allowed_origins=sorted(f"http://{name}:*" for name in names),
    )
    app = server.streamable_http_app(
        host=host, max_request_body_size=MAX_REQUEST, transport_security=security
    )
    return app if key is None else KeyGate(app, key)


class KeyGate:
    """ASGI middleware: 401 without the key."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._key = key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        headers = dict(scope.get("headers") or [])
        given = bare_key(headers.get(b"authorization", b"").decode("latin-1")).encode()
        if scope["type"] == "http" and not hmac.compare_digest(given, self._key):
            from starlette.responses import JSONResponse

            refusal = JSONResponse(
                {"error": "the key is missing or wrong."}, 401, {"WWW-Authenticate": "Bearer"}
            )
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)


def run_http(app: ASGIApp, host: str, port: int) -> None:
    """Serve over HTTP until a signal comes.

    Raises:
        UsageError: the port is taken or the host is not this machine's.
    """
    import uvicorn

    sock = bound(host, port)
    shown = f"[{host}]" if ":" in host else host
    print(f"MCP on http://{shown}:{port}/mcp", file=sys.stderr, flush=True)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=30,
    )
    try:
        uvicorn.Server(config).run(sockets=[sock])
    except KeyboardInterrupt:
        # uvicorn raises it again once it has stopped in order.
        return
    finally:
        sock.close()
