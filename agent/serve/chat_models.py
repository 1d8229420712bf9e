"""The part of OpenAI's chat completions that a question about pictures needs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ...policy.modes import Mode
from .intake import Question, Source, read_source
from .options import ServeOptions
from .refusal import Refusal, bad_request, too_large

MODEL = "gemvg-agent"
_MODES: dict[str, Mode] = {
    "none": "direct",
    "minimal": "direct",
    "low": "think",
    "medium": "think",
    "high": "think",
    "xhigh": "think",
}


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore")


class ImageUrl(_Model):
    """A picture of a message."""

    url: str


class TextContent(_Model):
    """A piece of text."""

    type: Literal["text"]
    text: str = Field(max_length=20_000)


class ImageContent(_Model):
    """A picture: a data URI, or an address where the server allows it."""

    type: Literal["image_url"]
    image_url: ImageUrl


Part = Annotated[TextContent | ImageContent, Field(discriminator="type")]


class ChatMessage(_Model):
    """One turn; only a user's turns matter here."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None


class StreamOptions(_Model):
    """What a stream tells besides."""

    include_usage: bool = False


class ChatRequest(_Model):
    """A request; options of sampling are the server's own and are not taken from here."""

    model: str = Field(max_length=200)
    messages: list[ChatMessage] = Field(min_length=1, max_length=200)
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: int | None = None
    seed: int | None = None
    reasoning_effort: str | None = Field(None, max_length=20)
    tools: list[Any] | None = None
    functions: list[Any] | None = None


def read_chat(chat: ChatRequest, options: ServeOptions) -> Question:
    """The question of a conversation: the last user turn's words, about all users' pictures.

    Raises:
        Refusal: another model, no words, no pictures, an option that can't be honoured.
    """
    if chat.model != MODEL:
        raise Refusal(404, "model-not-found", f"the only model here is {MODEL}.")
    if chat.n not in (None, 1):
        raise bad_request("n must be 1: a question has one answer.")
    if chat.tools or chat.functions:
        raise bad_request("this model calls no tools of the caller's.", "Leave tools out.")
    if chat.seed is not None and not 0 <= chat.seed < 2**63:
        raise bad_request("seed must be between 0 and 2**63 - 1.")
    if chat.reasoning_effort is not None and chat.reasoning_effort not in _MODES:
        raise bad_request(f"reasoning_effort must be one of {', '.join(_MODES)}.")
    turns = [message for message in chat.messages if message.role == "user"]
    if not turns:
        raise bad_request("there is no message of a user.")
    urls = [part.image_url.url for turn in turns for part in _pictures(turn)]
    if not urls:
        raise bad_request("there is no picture.", "Send image_url parts with data URIs.")
    if len(urls) > options.max_pictures:
        raise too_large(f"{len(urls)} pictures, more than the limit of {options.max_pictures}.")
    sources = tuple(
        Source(f"picture {number}", read_source(url, number, options))
        for number, url in enumerate(urls, 1)
    )
    words = _words(turns[-1])
    if not words.strip():
        raise bad_request("the last message holds no words.", "Say what to look for.")
    mode = _MODES[chat.reasoning_effort] if chat.reasoning_effort else None
    usage = chat.stream_options is not None and chat.stream_options.include_usage
    return Question(words, sources, mode, seed=chat.seed, stream=chat.stream, stream_usage=usage)


def _pictures(message: ChatMessage) -> list[ImageContent]:
    parts = message.content if isinstance(message.content, list) else []
    return [part for part in parts if isinstance(part, ImageContent)]


def _words(message: ChatMessage) -> str:
    if isinstance(message.content, list):
        return "\n".join(part.text for part in message.content if isinstance(part, TextContent))
    return message.content or ""
