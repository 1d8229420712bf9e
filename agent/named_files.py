"""Questions that name a picture by its file: `the bed in kitchen.jpg`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

_SUFFIX = re.compile(r"\.[A-Za-z]{3,4}$")
_BEFORE = (
    r"(?:\b(?:image|picture|photo|photograph|file)\s+)?(?<![\w./\\-])[\"'`]?(?:[\w.~-]*[/\\])*"
)
_AFTER = r"[\"'`]?(?![\w-])(?!\.\w)"


def by_number(query: str, sources: Sequence[str]) -> str:
    """The question with `image N` for the file names of its pictures, as policies are told them.

    A name that two of the pictures have, or that has no suffix (`dog`), stays as it is.

    Args:
        query: the question.
        sources: how each picture was named: a path, a URL, `<bytes>`.
    """
    names = [PurePath(source.replace("\\", "/")).name for source in sources]
    twice = Counter(name.casefold() for name in names)
    numbered = {name: number for number, name in enumerate(names, 1)}
    for name in sorted(numbered, key=len, reverse=True):
        if not _SUFFIX.search(name) or twice[name.casefold()] > 1:
            continue
        pattern = f"{_BEFORE}{re.escape(name)}{_AFTER}"
        query = re.sub(pattern, f"image {numbered[name]}", query, flags=re.IGNORECASE)
    return query
