"""Text of others made safe: no control characters, no terminal escapes, bounded length."""

from __future__ import annotations

import re
import unicodedata

_ESCAPES = re.compile(r"\x1b\[[0-?]{0,32}[ -/]{0,8}[@-~]|\x1b\][^\x07\x1b]{0,256}(?:\x07|\x1b\\)?")
_KEEP = {"\n", "\t"}
_SURROGATES = re.compile("[\ud800-\udfff]")


def encodable(text: str) -> str:
    """Text that UTF-8 and JSON can hold; what they can't hold becomes U+FFFD.

    Python writes bytes of a file's name (or of an argument) that are no UTF-8 as lone surrogates.
    """
    return _SURROGATES.sub("\ufffd", text)


def clean_text(text: str, limit: int = 4000, *, multiline: bool = False) -> str:
    """Text without escapes, control or bidirectional-override characters, at most `limit` long.

    Args:
        text: anything, such as a label that a model wrote.
        limit: characters; longer text ends in an ellipsis.
        multiline: keep line breaks and tabs; otherwise all white space becomes single spaces.
    """
    text = _ESCAPES.sub("", text[: limit * 4])
    kept = "".join(
        c for c in text if (c in _KEEP) or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co")
    )
    if not multiline:
        kept = " ".join(kept.split())
    return kept if len(kept) <= limit else kept[: max(0, limit - 1)] + "\u2026"
