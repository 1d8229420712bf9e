"""The server as an ASGI app, to be run by `gemvg-agent serve` or mounted in another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ...tools.errors import GemvgError
from .chat_route import chat_router
from .ground_route import ground_router
from .guard import Guard
from .metrics import CONTENT_TYPE
from .options import ServeOptions
from .page_route import page_router
from .refusal import Refusal, as_refusal, error_reply
from .service import Service

if TYPE_CHECKING:
    from ..grounding_agent import GroundingAgent
    from ..pictures import Fetcher


def make_app(
    agent: GroundingAgent, options: ServeOptions | None = None, fetch: Fetcher | None = None
) -> FastAPI:
    """The server of an agent.

    Args:
        agent: who answers.
        options: limits and key.
        fetch: gets pictures from addresses; None refuses addresses.

    Returns:
        The app; `app.state.service` holds its counters and its door.
    """
    from .. import __version__

    service = Service(agent, options or ServeOptions(), fetch)
    app = FastAPI(title="gemvg-agent", version=__version__, docs_url=None, redoc_url=None)
    app.state.service = service
    app.include_router(ground_router(service))
    app.include_router(chat_router(service))
    app.include_router(page_router(service))
    _add_watching(app, service)
    app.add_exception_handler(GemvgError, _refused)
    app.add_exception_handler(HTTPException, _http_refused)
    app.add_middleware(Guard, service=service)
    return app


def _add_watching(app: FastAPI, service: Service) -> None:
    """`/healthz` and `/metrics`."""

    @app.get("/healthz")
    async def healthz() -> Response:
        """200 while questions are taken, 503 once the server is stopping."""
        closed = service.admission.closed
        body: dict[str, Any] = {"status": "stopping" if closed else "ok"}
        return JSONResponse(body, 503 if closed else 200)

    @app.get("/metrics")
    async def metrics() -> Response:
        """Counters for Prometheus."""
        return Response(service.metrics.text(), media_type=CONTENT_TYPE)


async def _refused(request: Request, error: Exception) -> Response:
    return error_reply(as_refusal(error))


async def _http_refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    words = {404: "there is nothing here.", 405: "this route takes another method."}
    return error_reply(Refusal(status, "http", words.get(status, "the request was refused.")))
