"""What a batch writes: result lines and error lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ConfigDict

from ...tools.errors import ErrorRecord
from ...tools.text import encodable
from ..answer import Answer
from ..journal import encode_line

DATA_ERROR = "data"
"""Kind of the error of a line that is no question: damaged, incomplete, its custom_id taken."""

_MESSAGE, _ENDING = 600, 200
"""Characters of an error's message, at most; of these, of its end, where the cure stands."""


class BatchRecord(Answer):
    """One line of a batch's output: an answer with its `custom_id` first and its key.

    Attributes:
        custom_id: as the input names the line.
        key: hash of question, pictures and settings; the same question is not asked again.
    """

    model_config = ConfigDict(extra="forbid")

    custom_id: str
    key: str | None = None


def result_line(custom_id: str, key: str, answer: Answer, *, timings: bool) -> bytes:
    """An answer as an output line.

    Args:
        custom_id: of the line.
        key: of the line.
        answer: the answer.
        timings: keep the seconds; without them the same answer is the same bytes at any time.
    """
    body = answer.model_dump(mode="json")
    if not timings:
        drop_timings(body)
    return encode_line({"custom_id": custom_id, "key": key, **body})


def drop_timings(body: dict[str, Any]) -> None:
    """Take every measured time out of an answer's data, in place."""
    body["seconds"] = 0.0
    for step in body.get("steps", ()):
        step["seconds"] = 0.0
    usage: dict[str, Any] = body.get("usage", {})
    for name in [name for name in usage if name.endswith("seconds")]:
        del usage[name]


@dataclass(frozen=True, slots=True)
class ErrorLine:
    """One line of `OUT.errors.jsonl`.

    Attributes:
        number: 1-based line (row of a table) of the input.
        custom_id: None where the line has none.
        key: of the question, or a hash of the damaged line; None where a picture is missing.
        error: kind and message; the middle of a long one is left out, since a name of a picture in
            it has any length.
        question: see `BatchLine.question`, of an error of this run; not written.
    """

    number: int
    custom_id: str | None
    key: str | None
    error: ErrorRecord
    question: bytes | None = None

    def __post_init__(self) -> None:
        # As it can be written, or the same error would not be known again.
        kept = encodable(self.error["message"])
        if len(kept) > _MESSAGE:
            kept = f"{kept[: _MESSAGE - _ENDING - 3]}...{kept[-_ENDING:]}"
        if kept != self.error["message"]:
            object.__setattr__(self, "error", {"kind": self.error["kind"], "message": kept})

    def encoded(self) -> bytes:
        """As a line of the file."""
        return encode_line(
            {
                "custom_id": self.custom_id,
                "key": self.key,
                "line": self.number,
                "kind": self.error["kind"],
                "message": self.error["message"],
            }
        )

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> ErrorLine:
        """From a parsed line; lenient with what a user has edited."""
        custom_id, key, number = row.get("custom_id"), row.get("key"), row.get("line")
        return cls(
            number if isinstance(number, int) else 0,
            custom_id if isinstance(custom_id, str) else None,
            key if isinstance(key, str) else None,
            {"kind": str(row.get("kind", "error")), "message": str(row.get("message", ""))},
        )

    @property
    def ident(self) -> str:
        """What it is about: a line of the input where the line is wrong, else a custom_id."""
        if self.error["kind"] == DATA_ERROR or self.custom_id is None:
            return f"line {self.number}"
        return f"id {self.custom_id}"


OutcomeKind = Literal["result", "error", "known", "waiting", "gone", "barred"]
"""result, error: a line to write. known: answered before. waiting: the server is at fault, ask
again later. gone: the pictures' folder has vanished, barred: the server takes no question (a wrong
key); the job must stop."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one line of the input.

    Attributes:
        number: of the input line.
        key: None where pictures could not be read.
        line: what to write (result and error).
        error: kind and message (error, waiting, gone, barred).
        shared, looked: pictures that were already at hand, and pictures in all.
    """

    number: int
    kind: OutcomeKind
    key: str | None = None
    line: bytes = b""
    error: ErrorRecord | None = None
    shared: int = 0
    looked: int = 0

    def to_text(self) -> str:
        """For another process."""
        return json.dumps(
            [
                self.number,
                self.kind,
                self.key,
                self.line.decode(),
                self.error,
                self.shared,
                self.looked,
            ]
        )

    @classmethod
    def from_text(cls, text: str) -> Outcome:
        """From another process."""
        number, kind, key, line, error, shared, looked = json.loads(text)
        return cls(number, kind, key, line.encode(), error, shared, looked)
