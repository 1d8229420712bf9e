"""`POST /v1/ground`: a question and pictures in, the answer out, whole or step by step."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ..answer import Answer
from .event_stream import EventStream, sse
from .intake import GroundRequest, Question, read_question
from .refusal import as_refusal, error_body
from .service import Service, record_of

if TYPE_CHECKING:
    from ...tools.images import Picture

log = logging.getLogger("gemvg.serve")

_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": GroundRequest.model_json_schema()}},
    }
}


def ground_router(service: Service) -> APIRouter:
    """The route, bound to a service."""
    router = APIRouter()

    @router.post("/v1/ground", response_model=Answer, openapi_extra=_BODY)
    async def ground(request: Request) -> Response:
        """Answer a question about pictures with boxes.

        JSON with data URIs, or a multipart form with the same fields and the pictures as files.
        With `"stream": true`, or `Accept: text/event-stream`, the steps come as server-sent events
        and the last one, `answer`, holds the answer.
        """
        async with AsyncExitStack() as stack:
            asked = await stack.enter_async_context(service.let_in(request))
            await stack.enter_async_context(asked.place.turn())
            # Whatever is wrong with the question is told with a status, before a stream begins.
            question, pictures = await read_question(
                request, asked.body, service.options, service.fetch
            )
            asked.body = b""
            if not (question.stream or _wants_events(request)):
                answer = await service.answer(asked, question, pictures)
                return Response(answer.model_dump_json(), media_type="application/json")
            service.check(question)
            steps = _steps(service, question, pictures)
            return EventStream(steps, stack.pop_all())

    return router


def _wants_events(request: Request) -> bool:
    return "text/event-stream" in request.headers.get("accept", "").lower()


async def _steps(
    service: Service, question: Question, pictures: list[Picture]
) -> AsyncIterator[str]:
    """Every event; what goes wrong after the beginning is an event too."""
    try:
        async for event in service.events(question, pictures):
            yield sse(record_of(event), event.kind)
    except Exception as error:
        refusal = as_refusal(error)
        if refusal.status >= 500:
            log.exception("a question failed")
        yield sse(error_body(refusal), "error")
