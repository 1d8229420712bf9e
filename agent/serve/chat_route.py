"""`POST /v1/chat/completions`: the same questions for clients that speak OpenAI's protocol."""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ...tools.text import clean_text
from ..answer import Answer
from ..events import Answered, PolicyAnswered, ToolFinished
from .body import content_kind
from .chat_models import MODEL, ChatRequest, read_chat
from .event_stream import EventStream, sse
from .intake import Question, parse_json, taken
from .refusal import Refusal, as_refusal, error_body
from .service import Service

if TYPE_CHECKING:
    from ...tools.images import Picture

log = logging.getLogger("gemvg.serve")

_FAILED = {"not-understood": 422, "budget": 504, "timeout": 504, "context-overflow": 413}


def chat_router(service: Service) -> APIRouter:
    """The routes, bound to a service."""
    router = APIRouter()
    started = int(time.time())

    @router.get("/v1/models")
    async def models() -> Response:
        """The one model."""
        model = {"id": MODEL, "object": "model", "created": started, "owned_by": "gemvg"}
        return JSONResponse({"object": "list", "data": [model]})

    @router.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        """Answer the last user turn about all pictures of the conversation.

        The content is a JSON object: `status`, `answer` (a list of boxes in pixels, as in
        `/v1/ground`) and `text`. The whole answer stands beside it as `gemvg`.
        """
        async with AsyncExitStack() as stack:
            asked = await stack.enter_async_context(service.let_in(request))
            await stack.enter_async_context(asked.place.turn())
            if content_kind(request) != "application/json":
                raise Refusal(415, "usage", "the body must be JSON.")
            body, asked.body = asked.body, b""
            question, pictures = await taken(
                lambda: read_chat(parse_json(ChatRequest, body), service.options),
                service.options,
                service.fetch,
            )
            if not question.stream:
                answer = succeeded(await service.answer(asked, question, pictures))
                return JSONResponse(_completion(answer))
            service.check(question)
            pieces = _chunks(service, question, pictures)
            return EventStream(pieces, stack.pop_all())

    return router


def succeeded(answer: Answer) -> Answer:
    """The answer, where there is one. Raises Refusal where the question failed."""
    if answer.status != "failed":
        return answer
    error = answer.error
    kind = error.kind if error else "failed"
    raise Refusal(_FAILED.get(kind, 502), kind, error.message if error else "no answer came.")


def content_of(answer: Answer) -> str:
    """What stands as the assistant's content."""
    boxes = [box.model_dump(mode="json") for box in answer.answer]
    told = {"status": answer.status, "answer": boxes, "text": answer.text}
    return json.dumps(told, ensure_ascii=False)


def _usage(answer: Answer) -> dict[str, int]:
    prompt = int(answer.usage.get("prompt_tokens", 0))
    completion = int(answer.usage.get("completion_tokens", 0))
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def _finish(answer: Answer) -> str:
    return "length" if answer.status == "truncated" else "stop"


def _head(kind: str) -> dict[str, Any]:
    name = f"chatcmpl-{secrets.token_hex(12)}"
    return {"id": name, "object": kind, "created": int(time.time()), "model": MODEL}


def _completion(answer: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": content_of(answer), "refusal": None}
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": _finish(answer),
        "logprobs": None,
    }
    return _head("chat.completion") | {
        "choices": [choice],
        "usage": _usage(answer),
        "gemvg": answer.model_dump(mode="json"),
    }


async def _chunks(
    service: Service, question: Question, pictures: list[Picture]
) -> AsyncIterator[str]:
    """The stream: steps as reasoning, the content at once when it is there."""
    head = _head("chat.completion.chunk")

    def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return sse(head | {"choices": [choice]} | more)

    try:
        yield chunk({"role": "assistant", "content": ""})
        async for event in service.events(question, pictures):
            if isinstance(event, PolicyAnswered) and event.reasoning:
                yield chunk({"reasoning_content": clean_text(event.reasoning, 4000) + "\n"})
            elif isinstance(event, ToolFinished):
                yield chunk({"reasoning_content": f"{event.step.tool}: {event.step.summary}\n"})
            elif isinstance(event, Answered):
                answer = succeeded(event.answer)
                yield chunk({"content": content_of(answer)})
                yield chunk({}, _finish(answer), gemvg=answer.model_dump(mode="json"))
                if question.stream_usage:
                    yield sse(head | {"choices": [], "usage": _usage(answer)})
    except Exception as error:
        refusal = as_refusal(error)
        if refusal.status >= 500 and not isinstance(error, Refusal):
            log.exception("a question failed")
        yield sse(error_body(refusal))
    yield sse("[DONE]")
