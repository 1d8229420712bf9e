"""RefCOCO, RefCOCO+ and RefCOCOg: one expression, one picture, one box; accuracy at IoU .5.

Read from the JSON Lines files that grounding models are evaluated with (`refcoco_val.jsonl`:
image, sent, bbox x1 y1 x2 y2, width, height) and from the hub's Parquet files (answer, bbox x y w
h, the picture inside; every expression of a row is an item).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from ...tools.boxes import Box, boxes_array
from ...tools.errors import DataError
from .benchmark import Benchmark, DataPlace, Summary, status_notes
from .item import FilePicture, Item, PictureSource, TrueBox
from .json_file import WRONG_FORM, read_json_lines
from .metrics.single_box import THRESHOLDS, paired_iou
from .mig_bench import mig_summary
from .outcome import Outcome
from .parquet import parquet_rows

SPLITS = (
    "refcoco-val", "refcoco-testA", "refcoco-testB", "refcoco+-val", "refcoco+-testA",
    "refcoco+-testB", "refcocog-val", "refcocog-test",
)  # fmt: skip
"""In the order in which the field quotes them."""

_FILE = re.compile(r"(refcoco(?:\+|plus|g)?)[_-]?(val|testA|testB|test)\b", re.IGNORECASE)


class RefCoco(Benchmark):
    """See the module. A task is a data set's split."""

    name: ClassVar[str] = "refcoco"
    title: ClassVar[str] = "RefCOCO, RefCOCO+ and RefCOCOg: single-box accuracy at IoU .5"
    primary: ClassVar[str] = "acc@0.5"
    place: ClassVar[DataPlace] = DataPlace(
        "the evaluation files of Qwen-VL (refcoco_val.jsonl ...) with COCO's train2014 pictures, or"
        " lmms-lab/RefCOCO, RefCOCOplus, RefCOCOg on the Hugging Face hub",
        "refcoco_val.jsonl, refcoco+_testA.jsonl, refcocog_test.jsonl ... and train2014/, or"
        " <set>/data/<split>*.parquet",
    )

    def load(self, folder: Path) -> list[Item]:
        """See `Benchmark.load`; splits that are not there are left out."""
        found: dict[str, list[Item]] = {}
        paths = sorted(folder.rglob("*")) if folder.is_dir() else []
        for path in paths:
            task = split_of(path) if path.suffix in (".jsonl", ".parquet") else None
            if task is None:
                continue
            rows = _json_rows(path, folder) if path.suffix == ".jsonl" else _parquet_rows(path)
            try:
                held = found.setdefault(task, [])
                # Outside the generator, which would see the list grow while it is read.
                begun = len(held) + 1
                held.extend(_item(task, k, *row) for k, row in enumerate(rows, begun))
            except DataError:
                raise
            except WRONG_FORM as error:
                raise DataError(f"{path}: not in RefCOCO's published form.") from error
        items = [i for task in SPLITS for i in found.get(task, ())]
        if not items:
            raise self.absent(folder)
        return items

    def item_scores(self, item: Item, outcome: Outcome) -> dict[str, float]:
        """IoU of the first box, and whether it reaches each threshold."""
        truth = boxes_array([item.truth[0].box])
        nothing = np.full((1, 4), np.nan)
        found = boxes_array([outcome.boxes[0].box]) if outcome.boxes else nothing
        iou = float(paired_iou(found, truth)[0])
        return {"iou": iou, **{f"acc@{t}": float(iou >= t) for t in THRESHOLDS}}

    def summarise(self, items: Sequence[Item], outcomes: Sequence[Outcome]) -> Summary:
        """See `Benchmark.summarise`; the field's average is the macro one over splits."""
        names = list(dict.fromkeys(i.task for i in items))
        numbers = np.asarray([names.index(i.task) for i in items], dtype=np.intp)
        iou = np.asarray([o.scores["iou"] for o in outcomes], dtype=np.float64)
        notes = [*status_notes(outcomes)]
        several = sum(len(o.boxes) > 1 for o in outcomes)
        if several:
            notes.append(f"{several} answers hold several boxes; the first one counts.")
        return mig_summary((tuple(names), numbers), iou, notes)


def split_of(path: Path) -> str | None:
    """`refcoco+-testA` from `refcoco+_testA.jsonl` or `RefCOCOplus/data/testA-0000.parquet`."""
    for words in (path.stem, f"{path.parent.name}_{path.stem}", _grandparent(path)):
        found = _FILE.search(words)
        if found:
            name = found[1].lower().replace("plus", "+")
            split = found[2][:4].lower() + found[2][4:].upper()
            task = f"{name}-{split}"
            return task if task in SPLITS else None
    return None


def _grandparent(path: Path) -> str:
    return f"{path.parent.parent.name}_{path.stem}"


Row = tuple[str, PictureSource, Box]


def _json_rows(path: Path, folder: Path) -> Iterator[Row]:
    for row in read_json_lines(path):
        x1, y1, x2, y2 = (float(v) for v in row["bbox"])
        picture = FilePicture(_picture(folder, str(row["image"])))
        yield str(row["sent"]), picture, Box(x1, y1, x2, y2)


def _picture(folder: Path, written: str) -> str:
    """The picture's path; the files name it with folders of their authors' machines."""
    parts = Path(written).parts
    tails = [Path(*parts[k:]) for k in range(len(parts))]
    homes = (folder, folder / "train2014", folder / "images")
    found = next((h / t for t in tails for h in homes if (h / t).is_file()), None)
    return str(found or folder / "train2014" / parts[-1])


def _parquet_rows(path: Path) -> Iterator[Row]:
    for row in parquet_rows(path, ("image",)):
        box = Box.from_xywh(*(float(v) for v in row["bbox"]))
        sentences = row["answer"] if isinstance(row["answer"], list) else [row["answer"]]
        for sentence in sentences:
            yield str(sentence), row["image"], box


def _item(task: str, number: int, sentence: str, picture: PictureSource, box: Box) -> Item:
    return Item(f"{task}/{number:05d}", task, sentence, (picture,), (TrueBox(1, box, sentence),))
