"""`/` and what it loads: the page, its style and its scripts, and what it needs to know."""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from ...policy.modes import Mode
from .service import Service

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_KINDS = {
    "index.html": "text/html; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "app.js": "text/javascript; charset=utf-8",
    "api.js": "text/javascript; charset=utf-8",
    "board.js": "text/javascript; charset=utf-8",
    "results.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
MODES: tuple[Mode, ...] = ("auto", "think", "direct")


def page_router(service: Service) -> APIRouter:
    """The routes; the files are read once, at the start, and no other can be named."""
    router = APIRouter(include_in_schema=False)
    folder = files(__spec__.parent).joinpath("page")
    content = {name: folder.joinpath(name).read_bytes() for name in _KINDS}

    def file(name: str) -> Response:
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
        return Response(content[name], media_type=_KINDS[name], headers=headers)

    @router.get("/")
    async def index() -> Response:
        return file("index.html")

    @router.get("/favicon.ico")
    async def icon() -> Response:
        return file("icon.svg")

    @router.get("/page/config.json")
    async def config() -> Response:
        options = service.options
        told = {
            "key_needed": options.key is not None,
            "policy": service.name if options.key is None else None,
            "tools": list(service.agent.tools),
            "modes": list(MODES),
            "max_pictures": options.max_pictures,
            "max_request_bytes": options.max_request_bytes,
        }
        return JSONResponse(told)

    @router.get("/page/{name}")
    async def part(name: str) -> Response:
        return file(name) if name in content else Response(status_code=404)

    return router
