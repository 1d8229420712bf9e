"""How the files that a batch writes begin, so that it goes on with no file but its own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...tools.errors import DataError
from .line import MAX_ID

_MOST_HEAD = 8 * MAX_ID
"""Bytes of a head, at most: a character of a custom_id takes up to 6."""

_ID = rb'("(?:[^"\\]|\\.)*")'

RESULT_HEAD = re.compile(
    rb'\{\s*"custom_id"\s*:\s*%b\s*,\s*"key"\s*:\s*"([0-9a-f]{64})"\s*,\s*"query"\s*:' % _ID
)
"""How a result begins: custom_id and key. An error has no query, a question no key."""

_ERROR_HEAD = re.compile(
    rb'\{\s*"custom_id"\s*:\s*(?:null|%b)\s*,\s*"key"\s*:\s*(?:null|%b)\s*,\s*"line"\s*:'
    % (_ID, _ID)
)


@dataclass(frozen=True, slots=True)
class Shape:
    """The lines of one of a batch's files.

    Attributes:
        what: they are, for messages.
        cure: for a file that holds something else.
        head: how a line begins that we wrote.
        fields: names that every line has, whoever has written it anew.
        heads: beginnings of lines, between them with all that `head` allows.
    """

    what: str
    cure: str
    head: re.Pattern[bytes]
    fields: tuple[str, ...]
    heads: tuple[bytes, ...]

    def check(self, name: str) -> Callable[[bytes], None]:
        """A check of a file's beginning; it raises DataError where the file is not of this shape.

        Args:
            name: of the file, for the message.
        """

        def check(beginning: bytes) -> None:
            if not self._fits(beginning):
                raise DataError(f"{name}: the file holds no {self.what} of a batch.", self.cure)

        return check

    def _fits(self, beginning: bytes) -> bool:
        line, ended, _ = beginning.partition(b"\n")
        if self.head.match(line):
            return True
        try:
            value: Any = json.loads(line)
        except (ValueError, RecursionError):
            return not ended and self._torn(line)
        return isinstance(value, dict) and all(name in value for name in self.fields)

    def _torn(self, line: bytes) -> bool:
        """Whether a kill may have cut a line of ours here: with the right end it is one."""
        return len(line) <= _MOST_HEAD and any(
            self.head.match(line + whole[at:]) for whole in self.heads for at in range(len(whole))
        )


RESULTS = Shape(
    "results",
    "Choose another output.",
    RESULT_HEAD,
    ("custom_id", "status"),
    (b'{"custom_id":"x","key":"' + b"0" * 64 + b'","query":',),
)

ERRORS = Shape(
    "errors",
    "Name another file with --errors.",
    _ERROR_HEAD,
    ("kind", "message"),
    tuple(
        b'{"custom_id":%b,"key":%b,"line":' % (custom_id, key)
        for custom_id in (b"null", b'"x"')
        for key in (b"null", b'"x"')
    ),
)
