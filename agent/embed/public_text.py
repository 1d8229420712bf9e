"""Text that may leave this machine: without paths, addresses and what looks like memory."""

from __future__ import annotations

import re

from ...tools.text import clean_text
from ..answer import Answer, ErrorInfo

_URL = re.compile(r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s'\"<>)\]]+")
_PATH = re.compile(
    r"(?<![\w/.])(?:~|\.{1,2})?/(?:[\w.@+~%-]+/?)+|\b[A-Za-z]:\\[^\s'\"]+|\\\\[^\s'\"]+"
)
_MEMORY = re.compile(r"\b0x[0-9a-fA-F]{4,}\b")
_IPV4 = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b")
_IPV6 = re.compile(r"(?<![\w:])\[?(?:[0-9a-fA-F]{0,4}:){3,7}[0-9a-fA-F]{0,4}\]?(?![\w:])")


def public_text(text: str, limit: int = 600) -> str:
    """A message for a remote caller: paths, addresses and memory addresses are left out."""
    text = clean_text(text, limit)
    for pattern, word in (
        (_URL, "(an address)"),
        (_PATH, "(a path)"),
        (_MEMORY, "(a number)"),
        (_IPV4, "(an address)"),
        (_IPV6, "(an address)"),
    ):
        text = pattern.sub(word, text)
    return text


def public_name(name: str) -> str:
    """A policy's name without the folder or the server that it stands for."""
    if "://" in name or name.startswith(("/", "~", ".")) or "\\" in name:
        name = name.split("://")[-1].replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
        return public_text(name, 100) or "policy"
    return public_text(name, 100)


def public_answer(answer: Answer) -> Answer:
    """An answer for a remote caller: the same, with our own words about failures made public."""
    changes: dict[str, object] = {
        "policy": answer.policy.model_copy(update={"name": public_name(answer.policy.name)}),
        "steps": [
            s.model_copy(update={"summary": public_text(s.summary, 200)}) for s in answer.steps
        ],
    }
    if answer.error is not None:
        changes["error"] = ErrorInfo(
            kind=answer.error.kind, message=public_text(answer.error.message)
        )
    return answer.model_copy(update=changes)
