"""Refusals: what a caller gets instead of an answer, in our own words only."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse

from ...tools.errors import GemvgError
from ..embed.public_text import public_text

_STATUS = {
    "usage": 400,
    "image": 400,
    "address": 400,
    "data": 400,
    "not-understood": 422,
    "context-overflow": 413,
    "timeout": 504,
    "budget": 504,
}


class Refusal(GemvgError):
    """A request that is not answered.

    Args:
        status: HTTP status.
        kind: the word for it in the reply.
        message, cure: see GemvgError.
        retry_after: seconds after which another try makes sense, or None.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        cure: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message, cure)
        self.status = status
        self.named = kind
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[Any, ...]:
        return (
            type(self),
            (self.status, self.named, self.message, self.cure, self.retry_after),
        )


def bad_request(message: str, cure: str | None = None) -> Refusal:
    """400: the request can't be read."""
    return Refusal(400, "usage", message, cure)


def too_large(message: str, cure: str | None = None) -> Refusal:
    """413: more than the server takes."""
    return Refusal(413, "too-large", message, cure)


INSIDE = Refusal(500, "inside", "the server failed inside; its log has the details.")


def as_refusal(error: Exception) -> Refusal:
    """Any error as a refusal; what we did not raise on purpose is told as nothing but that."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, GemvgError):
        status = _STATUS.get(error.kind, 500)
        return Refusal(status, error.kind, error.message, error.cure)
    return INSIDE


def error_body(refusal: Refusal) -> dict[str, Any]:
    """The reply's JSON: our own shape, and the fields that OpenAI's clients look for."""
    caller = refusal.status < 500
    return {
        "error": {
            "kind": refusal.named,
            "message": public_text(str(refusal)),
            "type": "invalid_request_error" if caller else "server_error",
            "code": refusal.named,
            "param": None,
        }
    }


def error_reply(refusal: Refusal) -> JSONResponse:
    """The whole reply."""
    headers: dict[str, str] = {}
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(refusal.retry_after)
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(error_body(refusal), refusal.status, headers)
