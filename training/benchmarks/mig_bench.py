"""MIG-Bench (Li et al. 2025, arXiv 2501.05767): one box an item, ten tasks, original and revised.

The revised set (corrected labels, boxes 0-1000) is the default; the original one has boxes 0-1.
The metric looks at the first box of an answer and not at the picture that it names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...tools.boxes import Box
from ...tools.errors import DataError
from .benchmark import Benchmark, DataPlace, Row, Scored, Summary, status_notes
from .item import FilePicture, Item, Space, TrueBox
from .json_file import each_row, read_json
from .metrics.single_box import (
    THRESHOLDS,
    AccuracyRow,
    Floats,
    accuracy_rows,
    paired_iou,
    pooled,
)
from .mig_official import OFFICIAL_QUIRKS, official_boxes
from .mig_predictions import predicted_outcomes
from .outcome import Outcome, missing

TASKS = (
    "diff", "view_diff", "common_object", "object_tracking", "multi_view", "region",
    "refer_grounding", "group_grounding", "reasoning", "correspondence",
)  # fmt: skip
"""In the order of the paper's table (Static, Robust, Common, OT, MV, Region, Refer, GG, Reason,
Co-Re)."""

_SPECIAL = re.compile(r"<\|(?:object_ref|box)_(?:start|end)\|>")
_ORDINALS = {
    w: k for k, w in enumerate(("first", "second", "third", "fourth", "fifth", "sixth"), 1)
}
_IMAGE = re.compile(
    rf"\b(?:(\d)(?:st|nd|rd|th)|({'|'.join(_ORDINALS)}))\s+image\b|\bimage-(\d)\b", re.IGNORECASE
)


class MigBench(Benchmark):
    """The revised set; `MigBenchOriginal` is the first one."""

    name: ClassVar[str] = "mig-bench"
    title: ClassVar[str] = "MIG-Bench, revised labels: free-form multi-image grounding, 4,276 items"
    primary: ClassVar[str] = "acc@0.5"
    place: ClassVar[DataPlace] = DataPlace(
        "github.com/Tajamul21/MIG-Agent (eval/MIG-Bench; pictures: Michael4933/MIG-Bench on the"
        " Hugging Face hub)",
        "revised_MIG_bench.json and images/",
    )
    quirks: ClassVar[tuple[str, ...]] = OFFICIAL_QUIRKS
    files: ClassVar[tuple[str, ...]] = (
        "revised_MIG_bench.json",
        "MIG-Bench/revised_MIG_bench.json",
    )

    def load(self, folder: Path) -> list[Item]:
        """See `Benchmark.load`. The pictures are not needed for scoring predictions."""
        path = next((p for f in self.files if (p := folder / f).is_file()), None)
        if path is None:
            raise self.absent(folder)
        rows: Any = read_json(path)
        if not isinstance(rows, list):
            raise DataError(f"{path}: a list of items expected.")
        counters: dict[str, int] = {}

        def wrong(place: int, _: Exception) -> DataError:
            return DataError(f"{path}: item {place} is not one of MIG-Bench.")

        space = _space(each_row(rows, _greatest, wrong))
        base = _base(path.parent, rows)

        def item(row: Any) -> Item:
            task = str(row["task"])
            counters[task] = counters.get(task, 0) + 1
            return _item(row, f"{task}/{counters[task]:04d}", base, space)

        return each_row(rows, item, wrong)

    def item_scores(self, item: Item, outcome: Outcome) -> dict[str, float]:
        """IoU of the first box, and whether it reaches each threshold."""
        iou = paired_iou(_first_boxes([outcome]), _truth([item]))[0]
        return _scores(float(iou))

    def score(
        self, items: Sequence[Item], outcomes: Mapping[str, Outcome], official: bool = False
    ) -> Scored:
        """See `Benchmark.score`; all items at once."""
        found = [outcomes.get(i.id) or missing(i.id, i.task) for i in items]
        if official:
            boxes, truth = official_boxes(items, found), _truth(items, as_written=True)
        else:
            boxes, truth = _first_boxes(found), _truth(items)
        iou = paired_iou(boxes, truth)
        scored = tuple(o.scored(_scores(v)) for o, v in zip(found, iou.tolist(), strict=True))
        notes = (*_box_notes(found), *_truth_notes(items))
        summary = mig_summary(
            _task_numbers(items), iou, (*notes, *status_notes(scored, ("unparsable",)))
        )
        return Scored(scored, summary, official, self.quirks if official else ())

    def summarise(self, items: Sequence[Item], outcomes: Sequence[Outcome]) -> Summary:
        """See `Benchmark.summarise`."""
        iou = np.asarray([o.scores["iou"] for o in outcomes], dtype=np.float64)
        return mig_summary(_task_numbers(items), iou, status_notes(outcomes))

    def read_predictions(self, files: Sequence[Path], items: Sequence[Item]) -> dict[str, Outcome]:
        """See `Benchmark.read_predictions`: the result files of the published evaluation."""
        return predicted_outcomes(files, items)


class MigBenchOriginal(MigBench):
    """The set as first published."""

    name: ClassVar[str] = "mig-bench-original"
    title: ClassVar[str] = "MIG-Bench as first published: 4,295 items, boxes 0-1"
    place: ClassVar[DataPlace] = DataPlace(
        "Michael4933/MIG-Bench on the Hugging Face hub", "MIG_data.json and images/"
    )
    files: ClassVar[tuple[str, ...]] = (
        "MIG_data.json",
        "MIG-Bench/MIG_data.json",
        "MIG_bench.json",
    )


def mig_summary(
    tasks: tuple[tuple[str, ...], NDArray[np.intp]], iou: Floats, notes: Sequence[str] = ()
) -> Summary:
    """The table of MIG-Bench from IoU per item.

    Args:
        tasks: names of the tasks, and the number of each item's task, (n,).
        iou: (n,).
        notes: what a reader must know.
    """
    names, numbers = tasks
    rows = accuracy_rows(iou, numbers, len(names))
    micro = pooled(rows)
    lines = tuple(Row(n, r.n, _values(r)) for n, r in zip(names, rows, strict=True))
    macro = tuple(float(np.mean(column)) for column in zip(*(r.values for r in lines), strict=True))
    averages = (Row("macro", micro.n, macro), Row("micro", micro.n, _values(micro)))
    columns = (*(f"acc@{t}" for t in THRESHOLDS), "mean IoU")
    return Summary(columns, lines, averages, ("macro acc@0.5", macro[1]), tuple(notes))


def _values(row: AccuracyRow) -> tuple[float, ...]:
    return (*(row.accuracy(t) for t in THRESHOLDS), row.mean_iou)


def _scores(iou: float) -> dict[str, float]:
    return {"iou": iou, **{f"acc@{t}": float(iou >= t) for t in THRESHOLDS}}


def _task_numbers(items: Sequence[Item]) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    """Task names in the paper's order (others after them), and each item's number."""
    present = dict.fromkeys(i.task for i in items)
    names = (*(t for t in TASKS if t in present), *(t for t in present if t not in TASKS))
    numbers = {name: k for k, name in enumerate(names)}
    return names, np.fromiter((numbers[i.task] for i in items), np.intp, len(items))


def _first_boxes(outcomes: Sequence[Outcome]) -> Floats:
    """The first box of every outcome, (n, 4); NaN where there is none."""
    nothing = (np.nan,) * 4
    rows = [tuple(o.boxes[0].box) if o.boxes else nothing for o in outcomes]
    return np.asarray(rows, dtype=np.float64).reshape(-1, 4)


def _truth(items: Sequence[Item], as_written: bool = False) -> Floats:
    """The true boxes, (n, 4); the strict reading orders corners and clips to the picture."""
    rows = [i.extra["written"] if as_written else i.truth[0].box for i in items]
    return np.asarray(rows, dtype=np.float64).reshape(-1, 4)


def _greatest(row: Mapping[str, Any]) -> float:
    """The greatest coordinate of a row. Raises TypeError where it has no list of pictures."""
    if not isinstance(row["images"], list):
        raise TypeError("no pictures")
    return float(max(row["answer"]))


def _space(greatest: Sequence[float]) -> Space:
    """`unit` where no coordinate of the file exceeds 2, `relative-1000` otherwise."""
    # Two of the original's coordinates exceed 1 a little; the revised set reaches 999.
    return "unit" if max(greatest, default=0.0) <= 2.0 else "relative-1000"


def _item(row: Mapping[str, Any], name: str, base: str, space: Space) -> Item:
    x1, y1, x2, y2 = (float(v) for v in row["answer"])
    extent = 1.0 if space == "unit" else 1000.0
    question = str(row["question"])
    info = str(row.get("additional_info") or "")
    paths = [str(p) for p in row["images"]]
    image = min(target_image(str(row["task"]), question, info), max(1, len(paths)))
    return Item(
        id=name,
        task=str(row["task"]),
        query=" ".join(_SPECIAL.sub("", question).split()),
        pictures=tuple(FilePicture(f"{base}/{p.removeprefix('./')}") for p in paths),
        truth=(TrueBox(image, Box.ordered(x1, y1, x2, y2).clip(extent, extent)),),
        space=space,
        extra={"question": question, "written": (x1, y1, x2, y2)},
    )


def _base(folder: Path, rows: Sequence[Any]) -> str:
    """The folder that the written paths are relative to.

    They begin with `MIG-Bench/`; the folder with the questions may hold that one or be it. Looked
    up once: asking for every picture would take longer than scoring.
    """
    first = next((str(p) for r in rows for p in r["images"]), "").removeprefix("./")
    above = not (folder / first).is_file() and (folder.parent / first).is_file()
    return str(folder.parent if above else folder)


def target_image(task: str, question: str, info: str) -> int:
    """The picture that the true box lies in (1-based), for drawing; the metric ignores it.

    No field of the data names it; the question's words do, and for group grounding the
    additional text.
    """
    if task == "region":
        return 1
    words = info if task == "group_grounding" else question
    found = [m for m in _IMAGE.finditer(words)]
    if not found:
        return 1
    number, word, dashed = found[-1].groups()
    return _ORDINALS[word.lower()] if word else int(number or dashed)


def _box_notes(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    empty = sum(not o.boxes for o in outcomes)
    several = sum(len(o.boxes) > 1 for o in outcomes)
    notes = [f"{empty} answers hold no complete box."] if empty else []
    if several:
        notes.append(f"{several} answers hold several boxes; the first one counts.")
    return tuple(notes)


def _truth_notes(items: Sequence[Item]) -> tuple[str, ...]:
    wrong = sum(tuple(i.truth[0].box) != tuple(i.extra["written"]) for i in items)
    return (f"{wrong} true boxes had corners in the wrong order or outside.",) if wrong else ()
