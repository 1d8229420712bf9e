"""From a request to a question: checked words and checked pictures, and nothing read from disk."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request

from ...policy.modes import Mode, Strategy
from ...tools.images import picture_from_bytes
from ...tools.text import clean_text
from ...tools.tool import explain_validation
from ..fetch.data_uri import decode_data_uri, is_data_uri
from ..grounding_agent import checked_query
from ..pictures import Fetcher, load_pictures
from .body import content_kind, first_of, read_form
from .options import ServeOptions
from .refusal import Refusal, bad_request, too_large
from .timing import away

if TYPE_CHECKING:
    from ...tools.images import Picture

ToolName = Annotated[str, Field(max_length=40)]


class NamedPicture(BaseModel):
    """A picture with a name of its own, for the answer's list of images."""

    model_config = ConfigDict(extra="forbid")

    data: str = Field(description="data:image/...;base64,...")
    name: str = Field("", max_length=200)


class GroundRequest(BaseModel):
    """The JSON of `POST /v1/ground`; a multipart form has the same fields, `images` as files."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field(description="What to look for, in words.", min_length=1, max_length=8000)
    images: list[str | NamedPicture] = Field(
        description="Pictures as data URIs, in order.", min_length=1
    )
    mode: Mode | None = None
    strategy: Strategy | None = None
    tools: list[ToolName] | None = Field(
        None, description="Names of tools that may be used; empty for none.", max_length=32
    )
    seed: int | None = Field(None, ge=0, le=2**63 - 1)
    stream: bool = Field(False, description="Send the steps as server-sent events.")


@dataclass(frozen=True, slots=True)
class Source:
    """A picture as it came: its name for the answer, and its bytes or its address."""

    name: str
    content: bytes | str


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be answered.

    Attributes:
        stream: whether the steps are wanted as they happen.
        stream_usage: whether the stream's last piece is to tell the tokens.
    """

    query: str
    sources: tuple[Source, ...]
    mode: Mode | None = None
    strategy: Strategy | None = None
    tools: tuple[str, ...] | None = None
    seed: int | None = None
    stream: bool = False
    stream_usage: bool = False


async def read_question(
    request: Request, body: bytes, options: ServeOptions, fetch: Fetcher | None
) -> tuple[Question, list[Picture]]:
    """The question of a request to `/v1/ground`, and its pictures.

    Raises:
        Refusal: of whatever it is; the text repeats nothing of a picture's content.
        ImageError: a picture that can't be used.
    """
    kind = content_kind(request)
    if kind == "multipart/form-data":
        question = await _from_form(request, body, options)
        return await taken(lambda: question, options, fetch)
    if kind == "application/json":
        return await taken(lambda: _from_json(body, options), options, fetch)
    raise Refusal(415, "usage", "the body must be JSON or a multipart form.")


async def taken(
    read: Callable[[], Question], options: ServeOptions, fetch: Fetcher | None
) -> tuple[Question, list[Picture]]:
    """What `read` gives, and its pictures, decoded; all in one worker thread.

    Every limit is checked from headers before a pixel is decoded. Raises like `read_question`.
    """

    def work() -> tuple[Question, list[Picture]]:
        question = read()
        return question, _load(question.sources, options, fetch)

    return await asyncio.to_thread(work)


def parse_json(model: type[BaseModel], body: bytes) -> Any:
    """A body as a pydantic model. Raises Refusal (400) with one line."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        if error.errors(include_url=False, include_input=False)[0]["type"] == "json_invalid":
            raise bad_request("the body is not valid JSON.") from None
        raise bad_request(explain_validation(error)) from None
    except (ValueError, RecursionError):
        raise bad_request("the body is not valid JSON.") from None


def _from_json(body: bytes, options: ServeOptions) -> Question:
    asked: GroundRequest = parse_json(GroundRequest, body)
    sources: list[Source] = []
    _few_enough(len(asked.images), options)
    for number, image in enumerate(asked.images, 1):
        named = image if isinstance(image, NamedPicture) else NamedPicture(data=image, name="")
        name = plain_name(named.name, number)
        sources.append(Source(name, read_source(named.data, number, options)))
    return _question(asked, tuple(sources))


async def _from_form(request: Request, body: bytes, options: ServeOptions) -> Question:
    fields, files = await read_form(request, body, options.max_pictures)
    if "images" in fields:
        raise bad_request("images must be files.", "In a form, attach them; or send JSON.")
    _few_enough(len(files), options)
    known = set(GroundRequest.model_fields)
    unknown = [name for name in fields if name not in known]
    if unknown:
        raise bad_request(f"there is no field {clean_text(unknown[0], 40)!r}.")
    given: dict[str, Any] = {
        name: value
        for name in ("query", "mode", "strategy", "seed", "stream")
        if (value := first_of(fields, name)) not in (None, "")
    }
    if "tools" in fields:
        words = ",".join(fields["tools"]).split(",")
        given["tools"] = [w.strip() for w in words if w.strip() not in ("", "none")]
    given["images"] = ["" for _ in files]
    try:
        asked = GroundRequest.model_validate(given)
    except ValidationError as error:
        raise bad_request(explain_validation(error)) from None
    sources = tuple(
        Source(plain_name(name, number), content) for number, (name, content) in enumerate(files, 1)
    )
    return _question(asked, sources)


def _question(asked: GroundRequest, sources: tuple[Source, ...]) -> Question:
    tools = None if asked.tools is None else tuple(asked.tools)
    return Question(
        checked_query(asked.query),
        sources,
        asked.mode,
        asked.strategy,
        tools,
        asked.seed,
        asked.stream,
    )


def _few_enough(count: int, options: ServeOptions) -> None:
    if count > options.max_pictures:
        raise too_large(f"{count} pictures, more than the limit of {options.max_pictures}.")


def plain_name(name: str, number: int) -> str:
    """What a picture is called in the answer: the last part of its name, or its number."""
    last = clean_text(re.split(r"[\\/]", name)[-1], 80)
    return last if last.strip(". ") else f"picture {number}"


def read_source(text: str, number: int, options: ServeOptions) -> bytes | str:
    """A data URI's bytes, or an address as it is. Raises Refusal or ImageError."""
    if is_data_uri(text):
        return decode_data_uri(text, options.picture.max_bytes, f"picture {number}")
    if re.match(r"https?://", text[:10], re.ASCII | re.IGNORECASE):
        return text
    raise bad_request(
        f"picture {number}: not a data URI.",
        "Send pictures as data:image/...;base64,... or as files of a form.",
    )


def _load(sources: Sequence[Source], options: ServeOptions, fetch: Fetcher | None) -> list[Picture]:
    pictures: list[Picture] = []
    pixels = 0
    for number, source in enumerate(sources, 1):
        label = f"picture {number}"
        content = source.content
        if isinstance(content, str):
            content = _fetched(content, label, fetch)
        checked = picture_from_bytes(content, label, options.picture)
        pixels += checked.width * checked.height
        if pixels > options.max_total_pixels:
            raise too_large(
                f"the pictures have more than {options.max_total_pixels / 1e6:.0f} million pixels "
                "together."
            )
        pictures.append(checked)
    loaded = load_pictures(pictures, limits=options.picture, max_images=options.max_pictures)
    for picture, source in zip(loaded, sources, strict=True):
        picture.source = source.name
    return loaded


def _fetched(url: str, label: str, fetch: Callable[[str], bytes] | None) -> bytes:
    if fetch is None:
        raise bad_request(
            f"{label}: this server fetches no pictures from addresses.",
            "Send it as a data URI.",
        )
    from ..fetch.address import AddressRefused

    try:
        with away():
            return fetch(url)
    except AddressRefused as error:
        raise AddressRefused(f"{label}: {error.message}", error.cure) from None
