"""The end of a build: chunks become one data set, without repeated questions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from .folder import PICTURES, SAMPLES
from .whole_file import whole_file
from .workshop import Chunk, Place


def _question_key(line: str) -> int:
    """The same for samples that ask the same of the same pictures."""
    body = json.loads(line)
    parts = [body["question"].lower(), *(f"{i.get('root')}:{i['file']}" for i in body["images"])]
    return int.from_bytes(hashlib.sha256("\n".join(parts).encode()).digest()[:8], "big")


def unique(
    place: Place, planned: Sequence[Chunk], quotas: Sequence[int]
) -> Iterator[tuple[Chunk, str]]:
    """(chunk, line) of every sample that asks something new, up to each entry's quota."""
    seen: set[int] = set()
    counts = [0] * len(quotas)
    for chunk in planned:
        shard = place.shard(chunk)
        if not shard.is_file():
            continue
        with shard.open(encoding="utf-8") as lines:
            for line in lines:
                key = _question_key(line)
                if key not in seen and counts[chunk.entry] < quotas[chunk.entry]:
                    seen.add(key)
                    counts[chunk.entry] += 1
                    yield chunk, line


def merge(place: Place, planned: Sequence[Chunk], quotas: Sequence[int]) -> list[int]:
    """Write `samples.jsonl` and `pictures.jsonl`; returns samples per entry.

    Pictures that were made for samples that are left out are removed.

    Raises:
        OutputError: nothing can be written.
    """
    counts = [0] * len(quotas)
    kept: set[str] = set()
    with whole_file(place.out / SAMPLES) as samples:
        for chunk, line in unique(place, planned, quotas):
            samples.write(line)
            counts[chunk.entry] += 1
            # Names of made pictures begin with their sample's id.
            kept.add(json.loads(line)["id"])
    with whole_file(place.out / PICTURES) as pictures:
        _merge_pictures(place, planned, kept, pictures)
    return counts


def _merge_pictures(
    place: Place, planned: Sequence[Chunk], kept: set[str], pictures: TextIO
) -> None:
    """Lines of kept made pictures as they come; of source pictures one, with all colours."""
    sources: dict[str, str] = {}
    for chunk in planned:
        file = place.shard(chunk).with_suffix(".pictures")
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                key = str(json.JSONDecoder().raw_decode(line, 8)[0])
                if not key.startswith(":"):
                    known = sources.get(key)
                    sources[key] = (
                        line if known is None or known == line else _with_colours(known, line)
                    )
                elif Path(key).stem.rsplit("-", 1)[0] in kept:
                    pictures.write(line)
                else:
                    (place.out / key[1:]).unlink(missing_ok=True)
    for key in sorted(sources):
        pictures.write(sources[key])


def _with_colours(first: str, second: str) -> str:
    """One picture's line with the colours that either line's objects carry."""
    merged, other = json.loads(first), json.loads(second)
    for own, more in zip(merged["record"]["objects"], other["record"]["objects"], strict=True):
        if "colour" in more:
            own["colour"] = more["colour"]
    return json.dumps(merged, ensure_ascii=False) + "\n"
