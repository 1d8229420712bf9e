"""What stands before every route: the key, the names a request may use, headers, counting."""

from __future__ import annotations

import hmac
import logging
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .refusal import Refusal, as_refusal, error_reply
from .running import bare_key
from .service import Service

log = logging.getLogger("gemvg.serve")

OPEN_PATHS = ("/", "/healthz", "/favicon.ico")
"""What needs no key; everything else does, also what may be added later."""
OPEN_FOLDER = "/page/"

_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Guard:
    """ASGI middleware around the whole app; nothing that is raised inside gets past it."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _SAFE.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            self._check(scope)
            await self._app(scope, receive, sending)
        except ClientDisconnect:
            status = status or 499
        except Exception as error:
            refusal = as_refusal(error)
            if refusal.status >= 500 and not isinstance(error, Refusal):
                log.exception("a request failed")
            if status:
                raise
            await error_reply(refusal)(scope, receive, sending)
        finally:
            self._service.metrics.requests.labels(_route(scope), str(status or 499)).inc()

    def _check(self, scope: Scope) -> None:
        """Raises Refusal: 403 for a name or origin of somebody else's, 401 without the key."""
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        options = self._service.options
        if options.key is None and _without_port(host) not in options.host_names:
            raise Refusal(403, "host", "the server is not called by that name.")
        origin = headers.get("origin")
        if origin is not None and _host_of(origin) != host:
            raise Refusal(403, "origin", "other sites' pages may not ask here.")
        path: str = scope["path"]
        if options.key is None or path in OPEN_PATHS or path.startswith(OPEN_FOLDER):
            return
        given = headers.get("x-api-key") or bare_key(headers.get("authorization", ""))
        if not hmac.compare_digest(given.encode(), options.key.encode()):
            raise Refusal(401, "key", "the key is missing or wrong.", "Send Authorization: Bearer.")


def _host_of(origin: str) -> str | None:
    """Host and port of a page's address; None where it is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() and (not name.count(":") or name[:1] == "[") else host


def _route(scope: Scope) -> str:
    """The route's pattern, so that callers' paths make no labels."""
    route: Any = scope.get("route")
    return str(getattr(route, "path", "other"))
