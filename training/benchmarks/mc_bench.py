"""MC-Bench (Xu et al. 2025, arXiv 2410.12332): one phrase, two pictures, any number of boxes.

Samples without any target are part of it. The boxes of some samples form groups ("people who do
the same action"); most have one.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ...tools.boxes import Box
from ...tools.errors import DataError
from .benchmark import (
    Benchmark,
    DataPlace,
    Row,
    Scored,
    Summary,
    by_task,
    is_answered,
    item_f1,
    mean,
    rank_notes,
    status_notes,
)
from .item import FilePicture, Item, TrueBox
from .json_file import WRONG_FORM, read_json
from .mc_metrics import (
    McSample,
    assign_groups,
    image_accuracy,
    image_correct,
    weighted_ap50,
)
from .mc_official import MC_QUIRKS, official_accuracy, official_found
from .metrics.average_precision import Detection, TrueObject
from .outcome import FoundBox, Outcome, sound_score

FILES = ("mc-bench_v0.2_val.json", "MC-Bench/mc-bench_v0.2_val.json")
PICTURES = ("mc-bench_images", "images", ".")
GROUPS = 7
"""Group numbers of version 0.2."""

_GROUP = re.compile(r"\bgroup\s*(\d{1,2})\b", re.IGNORECASE)


class McBench(Benchmark):
    """See the module."""

    name: ClassVar[str] = "mc-bench"
    title: ClassVar[str] = "MC-Bench: multi-context visual grounding, 2,000 pairs of pictures"
    primary: ClassVar[str] = "image_accuracy"
    place: ClassVar[DataPlace] = DataPlace(
        "the folders that github.com/XuYunqiu/MC-Bench links to",
        "mc-bench_v0.2_val.json and mc-bench_images/",
    )
    quirks: ClassVar[tuple[str, ...]] = MC_QUIRKS

    def load(self, folder: Path) -> list[Item]:
        """See `Benchmark.load`."""
        path = next((p for f in FILES if (p := folder / f).is_file()), None)
        if path is None:
            raise self.absent(folder)
        data: Any = read_json(path)
        base = next((b for p in PICTURES if (b := path.parent / p).is_dir()), path.parent)
        try:
            images = {int(i["id"]): i for i in data["images"]}
            marks: dict[int, list[Any]] = defaultdict(list)
            for mark in data["annotations"]:
                marks[int(mark["image_id"])].append(mark)
            return [_item(d, images, marks, base) for d in data["descriptions"]]
        except WRONG_FORM as error:
            raise DataError(f"{path}: not in MC-Bench's published form.") from error

    def item_scores(self, item: Item, outcome: Outcome) -> dict[str, float]:
        """Whether every picture is judged right, and F1 of the boxes at IoU .5 (groups apart)."""
        right = image_correct(_sample(item, outcome))
        return {"image_accuracy": float(right), "f1": item_f1(item, outcome)}

    def score(
        self, items: Sequence[Item], outcomes: Mapping[str, Outcome], official: bool = False
    ) -> Scored:
        """See `Benchmark.score`."""
        strict = self.strict(items, outcomes)
        if not official:
            return strict
        summary = self._table(items, strict.outcomes, official=True)
        return Scored(strict.outcomes, summary, True, self.quirks)

    def summarise(self, items: Sequence[Item], outcomes: Sequence[Outcome]) -> Summary:
        """See `Benchmark.summarise`."""
        return self._table(items, outcomes, official=False)

    def _table(self, items: Sequence[Item], outcomes: Sequence[Outcome], official: bool) -> Summary:
        samples = [_sample(i, o) for i, o in zip(items, outcomes, strict=True)]
        scores = [o.scores["f1"] for o in outcomes]

        def row(name: str, indexes: Sequence[int]) -> Row:
            chosen = [samples[k] for k in indexes]
            ap50, accuracy = _figures(chosen, official)
            return Row(
                name, len(chosen), (ap50, accuracy, 100.0 * mean([scores[k] for k in indexes]))
            )

        rows = tuple(row(name, indexes) for name, indexes in by_task(items).items())
        every = row("all", range(len(items)))
        notes = [*status_notes(outcomes)]
        if any(b.score is None for o in outcomes for b in o.boxes):
            notes.append("Boxes without a score all rank alike (score 1) in AP50.")
        notes.extend(rank_notes(outcomes))
        columns = ("AP50", "image accuracy", "F1@0.5")
        return Summary(columns, rows, (every,), ("AP50", every.values[0]), tuple(notes))

    def read_predictions(self, files: Sequence[Path], items: Sequence[Item]) -> dict[str, Outcome]:
        """COCO results: `[{image_id, category_id, bbox, score}]`, category = group number.

        A score that is NaN ranks last. An empty list says that nothing is anywhere.

        Raises:
            DataError: not in that form, or no box lies in a picture of the benchmark.
        """
        homes = {
            number: (item, k)
            for item in items
            for k, number in enumerate(item.extra["image_ids"], start=1)
        }
        boxes: dict[str, list[FoundBox]] = {item.id: [] for item in items}
        read = 0
        for path in files:
            rows: Any = read_json(path)
            try:
                for row in rows:
                    read += 1
                    home = homes.get(int(row["image_id"]))
                    if home is not None:
                        boxes[home[0].id].append(_found(row, home[1]))
            except WRONG_FORM as error:
                raise DataError(
                    f"{path}: a list of {{image_id, category_id, bbox, score}} expected."
                ) from error
        if read and not any(boxes.values()):
            raise DataError(
                f"{files[0]}: no box lies in a picture of {self.name}.",
                "Are its image_id those of the benchmark's file?",
            )
        tasks = {item.id: item.task for item in items}
        return {
            name: Outcome(name, tasks[name], "ok" if found else "none", boxes=tuple(found))
            for name, found in boxes.items()
        }


def _figures(samples: Sequence[McSample], official: bool) -> tuple[float, float]:
    """(AP50, image accuracy), percent."""
    groups = list(range(1, GROUPS + 1))
    if not samples:
        return math.nan, math.nan
    if official:
        found = official_found(samples)
        return weighted_ap50(samples, found, groups)[0], official_accuracy(samples, found)
    assigned = [d for s in samples for d in assign_groups(s, GROUPS)]
    return weighted_ap50(samples, assigned, groups)[0], image_accuracy(samples)


def _found(row: Mapping[str, Any], image: int) -> FoundBox:
    x, y, width, height = (float(v) for v in row["bbox"])
    label = f"group {int(row['category_id'])}"
    return FoundBox(image, Box.from_xywh(x, y, width, height), label, sound_score(row["score"]))


def _item(
    description: Mapping[str, Any],
    images: Mapping[int, Any],
    marks: Mapping[int, Sequence[Any]],
    base: Path,
) -> Item:
    numbers = sorted(
        (int(i) for i in description["images_id"]),
        key=lambda i: (int(images[i].get("inter_img_id", 0)), i),
    )
    truth = tuple(
        _true(mark, k) for k, i in enumerate(numbers, start=1) for mark in marks.get(i, ())
    )
    return Item(
        id=f"{int(description['id']):04d}",
        task=str(description.get("text_style") or "all").lower(),
        query=str(description["text"]),
        pictures=tuple(FilePicture(f"{base}/{images[i]['file_name']}") for i in numbers),
        truth=truth,
        extra={"image_ids": numbers, "positive": bool(description.get("positive_sample", truth))},
    )


def _true(mark: Mapping[str, Any], image: int) -> TrueBox:
    x, y, width, height = (float(v) for v in mark["bbox"])
    # The published description spells the field in two ways.
    group = int(mark["category_id"] if "category_id" in mark else mark["catgory_id"])
    area = mark.get("area")
    return TrueBox(
        image,
        Box.from_xywh(x, y, width, height),
        f"group {group}",
        None if area is None else float(area),
        bool(mark.get("iscrowd", 0)),
    )


def group_of(label: str | None) -> int:
    """The group that a label names ("group 2"); 1 where it names none."""
    found = _GROUP.search(label or "")
    return max(1, int(found[1])) if found else 1


def _sample(item: Item, outcome: Outcome) -> McSample:
    numbers: Sequence[int] = item.extra["image_ids"]
    truth = tuple(
        TrueObject(numbers[t.image - 1], group_of(t.label), t.box, t.area, t.crowd)
        for t in item.truth
    )
    found = tuple(
        Detection(
            numbers[b.image - 1], group_of(b.label), b.box, 1.0 if b.score is None else b.score
        )
        for b in outcome.boxes
        if 1 <= b.image <= len(numbers)
    )
    return McSample(tuple(numbers), truth, found, is_answered(outcome))
