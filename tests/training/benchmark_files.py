"""Small benchmark files of the published shapes, made from real photographs."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from PIL import Image

from gemvg.training.benchmarks.item import Item
from gemvg.training.benchmarks.outcome import FoundBox, Outcome
from tests.shared import SHARED

PHOTOS = SHARED / "photos" / "images"


def photographs(count: int) -> list[Path]:
    return sorted(PHOTOS.glob("*.jpg"))[:count]


def jpeg(size: tuple[int, int] = (32, 24)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (90, 120, 40)).save(out, "JPEG")
    return out.getvalue()


def perfect(items: list[Item]) -> dict[str, Outcome]:
    """Answers with exactly the true boxes."""
    return {
        i.id: Outcome(
            i.id, i.task, "ok", boxes=tuple(FoundBox(t.image, t.box, t.label) for t in i.truth)
        )
        for i in items
    }


def parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)


def blink_rows(count: int) -> list[dict[str, Any]]:
    cell = {"bytes": jpeg(), "path": "x.jpg"}
    return [
        {"idx": f"val_Counting_{k}", "sub_task": "Counting", "question": "How many?",
         "prompt": "How many? (A) 1 (B) 2", "image_1": cell, "image_2": cell if k % 2 else None,
         "choices": ["1", "2"], "answer": "(B)"}
        for k in range(count)
    ]  # fmt: skip
