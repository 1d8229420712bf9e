"""Reading a request's body: bounded in bytes and in time, whatever its headers say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from .admission import Place
from .options import ServeOptions
from .refusal import Refusal, bad_request, too_large

MAX_FIELDS = 32
MAX_FIELD_BYTES = 64 * 1024


async def read_body(request: Request, place: Place, options: ServeOptions) -> bytes:
    """The whole body.

    Raises:
        Refusal: 413 beyond the limit (told from the header before anything is read, and again from
            what comes), 408 when it comes too slowly, 429 when too much is held already.
        ClientDisconnect: the caller has gone.
    """
    limit = options.max_request_bytes
    said = request.headers.get("content-length", "")
    if said.isdigit() and (len(said) > 15 or int(said) > limit):
        raise _beyond(limit)
    chunks: list[bytes] = []
    total = 0
    try:
        async with asyncio.timeout(options.max_upload):
            async for chunk in request.stream():
                total += len(chunk)
                if total > limit:
                    raise _beyond(limit)
                place.hold(len(chunk))
                chunks.append(chunk)
    except TimeoutError:
        raise Refusal(408, "slow", "the request took too long to arrive.") from None
    return b"".join(chunks)


def _beyond(limit: int) -> Refusal:
    return too_large(
        f"the request is larger than the limit of {limit / 1e6:.0f} MB.",
        "Send fewer or smaller pictures.",
    )


class _InMemory(MultiPartParser):
    """The body is bounded and in memory already: no part of it is spooled to a disk."""

    spool_max_size = 1 << 40


async def read_form(
    request: Request, body: bytes, most_files: int
) -> tuple[dict[str, list[str]], list[tuple[str, bytes]]]:
    """A multipart body as its text fields and its files (name, content) in order.

    Raises:
        Refusal: not multipart, too many parts, damaged.
    """

    async def once() -> AsyncGenerator[bytes]:
        yield body

    parser = _InMemory(
        request.headers,
        once(),
        max_files=most_files + 1,
        max_fields=MAX_FIELDS,
        max_part_size=MAX_FIELD_BYTES,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        if "Too many files" in error.message:
            raise too_large(f"at most {most_files} pictures are taken.") from None
        raise bad_request("the form can't be read.") from None
    except (ClientDisconnect, asyncio.CancelledError):
        raise
    except Exception:
        # The parser meets headers and bytes of any kind; whatever it trips over is the caller's.
        raise bad_request("the form can't be read.") from None
    fields: dict[str, list[str]] = {}
    files: list[tuple[str, bytes]] = []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            files.append((value.filename or "", await value.read()))
        else:
            fields.setdefault(name, []).append(value)
    await form.close()
    return fields, files


def content_kind(request: Request) -> str:
    """The media type, in lower case, without its parameters."""
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


def first_of(fields: dict[str, list[str]], name: str) -> Any:
    """A form's field that may stand once. Raises Refusal where it stands twice."""
    values = fields.get(name, [])
    if len(values) > 1:
        raise bad_request(f"{name} stands in the form {len(values)} times.")
    return values[0] if values else None
