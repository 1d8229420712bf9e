"""Tool calls written as text: `<tool_call>{"name": ..., "arguments": {...}}</tool_call>`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from ...tools.text import clean_text

OPEN, CLOSE = "<tool_call>", "</tool_call>"
MAX_CALLS = 16


class RawCall(NamedTuple):
    """One call as written: its name, its arguments, and what was wrong with it, or None."""

    name: str
    arguments: Mapping[str, Any]
    error: str | None


def parse_tool_calls(text: str) -> tuple[RawCall, ...]:
    """Every `<tool_call>` block, in order; at most 16, the rest is not looked at. Total.

    A block that is not closed runs to the next block or the end of the text. Calls inside a think
    part are the caller's to leave out.
    """
    return tuple(
        parse_call(text[begin:end], closed=closed)
        for begin, end, closed in islice(_blocks(text), MAX_CALLS)
    )


def without_calls(text: str) -> str:
    """Text without its `<tool_call>` blocks, however many there are. Total."""
    kept: list[str] = []
    start = 0
    for begin, end, closed in _blocks(text):
        kept.append(text[start : begin - len(OPEN)])
        start = end + len(CLOSE) if closed else end
    return "".join([*kept, text[start:]])


def _blocks(text: str) -> Iterator[tuple[int, int, bool]]:
    """Where the body of each block begins and ends, and whether its own tag closes it."""
    start = text.find(OPEN)
    while start >= 0:
        begin = start + len(OPEN)
        following = text.find(OPEN, begin)
        stop = following if following >= 0 else len(text)
        end = text.find(CLOSE, begin, stop)
        yield begin, end if end >= 0 else stop, end >= 0
        start = following


def parse_call(body: str, *, closed: bool = True) -> RawCall:
    """The JSON object of one call. Total: what is wrong stands in the call's error."""
    body = strip_fence(body.strip())
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError):
        reason = "is not a JSON object" if closed else "was cut off"
        return RawCall("", {}, f"The tool call {reason}. {_FORM}")
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        return RawCall("", {}, f"The tool call is not a JSON object. {_FORM}")
    inner = value.get("function")
    if isinstance(inner, dict):
        value = inner
    name = value.get("name", inner)
    if not isinstance(name, str) or not name.strip():
        return RawCall("", {}, f"The tool call names no tool. {_FORM}")
    return _with_arguments(clean_text(name, 64), value)


_FORM = 'Write <tool_call>{"name": "...", "arguments": {...}}</tool_call>.'


def _with_arguments(name: str, value: Mapping[str, Any]) -> RawCall:
    arguments: Any = value.get("arguments", value.get("parameters", {}))
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments) if arguments.strip() else {}
        except (ValueError, RecursionError):
            return RawCall(name, {}, f"{name}: the arguments are not a JSON object.")
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, dict):
        return RawCall(name, {}, f"{name}: the arguments are not a JSON object.")
    return RawCall(name, arguments, None)


def strip_fence(text: str) -> str:
    """Text without a Markdown code fence around it (closed or cut), if it begins with one."""
    if not text.startswith("```"):
        return text
    line = text.find("\n")
    if line < 0:
        return text[3:].removesuffix("```").removeprefix("json").strip()
    end = text.find("```", line)
    return text[line + 1 : end if end >= 0 else len(text)].strip()
