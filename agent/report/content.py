"""What a report shows: lines in a short form, and pictures, each once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...tools.text import clean_text
from ..answer import ImageInfo
from ..batch.record import BatchRecord
from ..export.records import picture_key

MAX_WORDS = 6000
"""Characters of a reasoning or a text that a report holds."""


@dataclass(slots=True)
class Content:
    """Everything in a report but the pixels.

    Attributes:
        lines: one entry a result or error, in the short form that the page reads.
        pictures: index of each picture in `sizes`, by `picture_key`.
        sizes: source and size of each picture, in order of first mention.
        statuses, modes: how often each occurs.
        boxes: in all.
    """

    lines: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    pictures: dict[tuple[str | int, ...], int] = field(
        default_factory=dict[tuple[str | int, ...], int]
    )
    sizes: list[ImageInfo] = field(default_factory=list[ImageInfo])
    statuses: Counter[str] = field(default_factory=Counter[str])
    modes: Counter[str] = field(default_factory=Counter[str])
    boxes: int = 0

    def add(self, record: BatchRecord) -> None:
        """A result."""
        self.statuses[record.status] += 1
        self.modes[record.mode.used] += 1
        self.boxes += len(record.answer)
        places = {image.index: n for n, image in enumerate(record.images, 1)}
        number = len(self.lines)
        self.lines.append(
            {
                "id": record.custom_id,
                "query": record.query,
                "status": record.status,
                "mode": record.mode.used,
                "why": record.mode.why,
                "images": [self._picture(image, number) for image in record.images],
                "boxes": [
                    [places[b.image], *b.box, b.label, b.score, b.score_kind] for b in record.answer
                ],
                "text": _short(record.text),
                "reasoning": _short(record.reasoning),
                "steps": [
                    [s.tool, json.dumps(s.arguments, ensure_ascii=False), s.ok, s.summary]
                    for s in record.steps
                ],
                "policy": f"{record.policy.name} ({record.policy.backend}), {record.strategy}",
                "error": record.error.message if record.error else None,
            }
        )

    def add_errors(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Lines of `OUT.errors.jsonl`."""
        for row in rows:
            self.statuses["error"] += 1
            number, kind = row.get("line"), clean_text(str(row.get("kind", "")), 40)
            self.lines.append(
                {
                    "id": str(row.get("custom_id") or f"line {number}"),
                    "query": None,
                    "status": "error",
                    "images": [],
                    "boxes": [],
                    "steps": [],
                    "error": f"line {number}, {kind}: {clean_text(str(row.get('message')), 2000)}",
                }
            )

    def _picture(self, image: ImageInfo, number: int) -> int:
        index = self.pictures.setdefault(picture_key(image, number), len(self.sizes))
        if index == len(self.sizes):
            self.sizes.append(image)
        return index


def _short(text: str | None) -> str | None:
    return clean_text(text, MAX_WORDS, multiline=True) if text else None
