"""One line of a batch's input: our own shape, OpenAI's, or a table's row."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ...tools.errors import DataError, UsageError
from ...tools.text import clean_text, encodable
from ..grounding_agent import checked_query

MAX_ID = 512
"""Characters of a custom_id."""

MAX_LINE = 256 * 1024 * 1024
"""Bytes of one line; a longer one is an error and never held whole."""

_PLACES = ("image_url", "input_image", "image")
_WORDS = ("text", "input_text")


@dataclass(frozen=True, slots=True)
class BatchLine:
    """A question of the input.

    Attributes:
        number: 1-based line (row of a table).
        custom_id: its name, unique in the input.
        query: the question.
        images: names of pictures, relative to the input's folder; `data:` addresses hold the
            picture itself.
    """

    number: int
    custom_id: str
    query: str
    images: tuple[str, ...]

    @property
    def question(self) -> bytes:
        """See `question_digest`."""
        return question_digest(self.query, self.images)

    def to_text(self) -> str:
        """For another process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> BatchLine:
        """From another process."""
        fields = json.loads(text)
        return cls(**fields | {"images": tuple(fields["images"])})


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no question.

    Attributes:
        number: 1-based line (row of a table).
        custom_id: where one could be read.
        digest: of the raw line: as long as it stays the same, so does its error.
        message: what is wrong and what to do.
    """

    number: int
    custom_id: str | None
    digest: str
    message: str


def question_digest(query: str, images: Sequence[str]) -> bytes:
    """A hash of a question's words and the names of its pictures, as lines and results have them.

    It tells whether a line asks what it asked before where its pictures can't be read.
    """
    text = json.dumps([query, *images], ensure_ascii=False)
    # As answers hold them: what UTF-8 can't hold is replaced.
    return hashlib.sha256(encodable(text).encode()).digest()


def parse_json_line(number: int, raw: bytes) -> BatchLine | BadLine:
    """A line of a JSON Lines file.

    Args:
        number: of the line.
        raw: `{"custom_id", "query", "images"}`, or a line of an OpenAI batch
            (`{"custom_id", "method", "url", "body": {"messages": [...]}}`).
    """
    try:
        value: Any = json.loads(raw)
    except (ValueError, RecursionError):
        return _bad(number, None, raw, "not JSON. One JSON object a line is expected.")
    if not isinstance(value, dict):
        return _bad(number, None, raw, "not a JSON object.")
    return parse_fields(number, value, raw)


def parse_fields(number: int, fields: Mapping[str, Any], raw: bytes) -> BatchLine | BadLine:
    """A line's fields, checked; `raw` is what its digest is made of."""
    custom_id: str | None = None
    try:
        custom_id = _custom_id(fields.get("custom_id"))
        if "body" in fields and "query" not in fields:
            query, images = _openai(fields["body"])
        else:
            query, images = fields.get("query"), fields.get("images")
        if not isinstance(query, str):
            raise DataError("it has no query.", 'Write "query": "every dog".')
        return BatchLine(number, custom_id, checked_query(query), _images(images))
    except (DataError, UsageError) as error:
        return _bad(number, custom_id, raw, str(error))


def _bad(number: int, custom_id: str | None, raw: bytes, message: str) -> BadLine:
    return BadLine(number, custom_id, hashlib.sha256(raw).hexdigest(), f"line {number}: {message}")


def _custom_id(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise DataError("it has no custom_id.", "Give every line a name of its own.")
    if len(value) > MAX_ID:
        raise DataError(f"its custom_id has {len(value)} characters.", f"At most {MAX_ID} work.")
    # As it can be written, or a result would be nobody's when it is read again.
    return encodable(value)


def _images(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [value]
    names = list(value) if isinstance(value, Sequence) else []
    if not names or not all(isinstance(name, str) and name.strip() for name in names):
        raise DataError("it names no pictures.", 'Write "images": ["a.jpg", "b.jpg"].')
    return tuple(names)


def _openai(body: Any) -> tuple[str, list[str]]:
    """The question and the pictures of the user's messages in a chat request."""
    messages = body.get("messages", body.get("input")) if isinstance(body, Mapping) else None
    if not isinstance(messages, list):
        raise DataError("its body has no messages.", "Chat requests are what is read.")
    words: list[str] = []
    images: list[str] = []
    for message in messages:
        if not isinstance(message, Mapping) or message.get("role") != "user":
            continue
        content = message.get("content")
        for part in content if isinstance(content, list) else [content]:
            _add_part(part, words, images)
    return "\n".join(words), images


def _add_part(part: Any, words: list[str], images: list[str]) -> None:
    if isinstance(part, str):
        words.append(part)
    elif isinstance(part, Mapping):
        kind = part.get("type")
        if kind in _WORDS and isinstance(part.get("text"), str):
            words.append(part["text"])
        elif kind in _PLACES:
            place = part.get("image_url", part.get("image"))
            place = place.get("url") if isinstance(place, Mapping) else place
            images.append(place if isinstance(place, str) else "")
        else:
            raise DataError(f"a part of type {clean_text(str(kind), 40)} can't be used.")
