"""ODinW-13: thirteen small detection sets (Li et al. 2022, GLIP), as grounding.

Two questions are asked of the same pictures, and their figures can't be compared: `odinw-13` asks
once for all classes of a set; `odinw-13-per-class` asks one question a class, only for classes
that are there (the "visual grounding setting" of Qwen2.5-VL and Vision-R1).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from ...tools.boxes import Box
from ...tools.errors import DataError
from .benchmark import (
    Benchmark,
    DataPlace,
    Row,
    Summary,
    by_task,
    item_f1,
    mean,
    rank_notes,
    status_notes,
)
from .item import FilePicture, Item, TrueBox
from .json_file import WRONG_FORM, read_json
from .metrics.average_precision import Detection, TrueObject, average_precision
from .outcome import FoundBox, Outcome

SETS = (
    "AerialMaritimeDrone", "Aquarium", "CottontailRabbits", "EgoHands", "NorthAmericaMushrooms",
    "Packages", "PascalVOC", "pistols", "pothole", "Raccoon", "ShellfishOpenImages",
    "thermalDogsAndPeople", "VehiclesOpenImages",
)  # fmt: skip
VARIANTS = {
    "AerialMaritimeDrone": "large", "Aquarium": "Aquarium Combined.v2-raw-1024.coco",
    "EgoHands": "generic",
    "NorthAmericaMushrooms": "North American Mushrooms.v1-416x416.coco", "Packages": "Raw",
    "pistols": "export", "Raccoon": "Raccoon.v2-raw.coco", "ShellfishOpenImages": "raw",
    "VehiclesOpenImages": "416x416",
}  # fmt: skip
"""Folders of the sets that are there in several variants: those of the published table (GLIP)."""
ANNOTATIONS = (
    "annotations_without_background.json",
    "val_annotations_without_background.json",
    "_annotations.coco.json",
)


class Odinw13(Benchmark):
    """All classes of a set in one question."""

    name: ClassVar[str] = "odinw-13"
    title: ClassVar[str] = "ODinW-13, one question for all classes of a set: COCO mAP"
    primary: ClassVar[str] = "f1"
    place: ClassVar[DataPlace] = DataPlace(
        "GLIPModel/GLIP on the Hugging Face hub (odinw_35)",
        "<set>/.../valid/annotations_without_background.json with the pictures beside it",
    )

    def load(self, folder: Path) -> list[Item]:
        """See `Benchmark.load`; sets that are not there are left out and noted."""
        found = annotation_files(folder) if folder.is_dir() else {}
        if not found:
            raise self.absent(folder)
        items: list[Item] = []
        for name, path in found.items():
            data: Any = read_json(path)
            try:
                items.extend(self.questions(name, path.parent, data))
            except WRONG_FORM as error:
                raise DataError(f"{path}: not a COCO detection file.") from error
        return items

    def questions(self, name: str, folder: Path, data: Mapping[str, Any]) -> list[Item]:
        """The items of one set."""
        classes = class_names(data)
        query = f"Locate every object of these categories: {', '.join(classes.values())}."
        marks = marks_by_image(data)
        return [
            _item(f"{name}/{row['id']}", name, query, folder, row, marks[int(row["id"])], classes)
            for row in data["images"]
        ]

    def item_scores(self, item: Item, outcome: Outcome) -> dict[str, float]:
        """F1 at IoU .5 with the right class; AP has no meaning for one picture."""
        return {"f1": class_f1(item, outcome)}

    def summarise(self, items: Sequence[Item], outcomes: Sequence[Outcome]) -> Summary:
        """See `Benchmark.summarise`; the average is the plain mean over sets."""
        rows: list[Row] = []
        for name, indexes in by_task(items).items():
            chosen = [items[k] for k in indexes]
            answers = [outcomes[k] for k in indexes]
            rows.append(_row(name, chosen, answers))
        averages = tuple(
            mean([r.values[k] for r in rows if not math.isnan(r.values[k])]) for k in range(4)
        )
        notes = [*status_notes(outcomes)]
        absent = [s for s in SETS if s not in {r.name for r in rows}]
        if absent:
            notes.append(f"{len(rows)} sets of 13; not there or not asked: {', '.join(absent)}.")
        if any(b.score is None for o in outcomes for b in o.boxes):
            notes.append("Boxes without a score all rank alike (score 1).")
        notes.extend(rank_notes(outcomes))
        unknown = sum(category_of(i, b) is None for i, o in zip(items, outcomes, strict=True)
                      for b in o.boxes)  # fmt: skip
        if unknown:
            notes.append(f"{unknown} boxes have a label that is no class of their set; left out.")
        average = Row("mean of sets", sum(r.n for r in rows), averages)
        return Summary(
            ("mAP", "AP50", "AP75", "F1@0.5"), tuple(rows), (average,), ("mAP", averages[0]),
            tuple(notes),
        )  # fmt: skip


class Odinw13PerClass(Odinw13):
    """One question a class, for the classes that are in the picture."""

    name: ClassVar[str] = "odinw-13-per-class"
    title: ClassVar[str] = "ODinW-13, one question for each class in the picture: COCO mAP"

    def questions(self, name: str, folder: Path, data: Mapping[str, Any]) -> list[Item]:
        """The items of one set."""
        classes = class_names(data)
        marks = marks_by_image(data)
        items: list[Item] = []
        for row in data["images"]:
            mine = marks[int(row["id"])]
            for number in sorted({int(m["category_id"]) for m in mine} & set(classes)):
                label = classes[number]
                items.append(
                    _item(
                        f"{name}/{row['id']}/{number}",
                        name,
                        f"Locate every {label}.",
                        folder,
                        row,
                        [m for m in mine if int(m["category_id"]) == number],
                        {number: label},
                    )
                )
        return items


def annotation_files(folder: Path) -> dict[str, Path]:
    """The annotation file of each set that is there, in the order of `SETS`.

    Of a set's variants the published one is taken (`VARIANTS`), of its splits that for validation
    or testing, never the training one.
    """
    found: dict[str, Path] = {}
    for name in SETS:
        home = next((p for p in sorted(folder.glob("*")) if p.name.lower() == name.lower()), None)
        if home is None or not home.is_dir():
            continue
        # Below the set alone: its own folder may lie in one that is named `train`.
        files = [p.relative_to(home) for a in ANNOTATIONS for p in sorted(home.rglob(a))]
        files = [p for p in files if "train" not in p.parts]
        if files:
            found[name] = home / min(files, key=partial(_rank, VARIANTS.get(name, "")))
    return found


def _rank(variant: str, path: Path) -> tuple[bool, ...]:
    """What of a set's files comes first: the published variant, and of it the validation split."""
    valid = "valid" in path.parts or path.name.startswith("val_")
    return variant not in path.parts, not valid, "test" not in path.parts


def class_names(data: Mapping[str, Any]) -> dict[int, str]:
    """Category id to name, only categories that have an object somewhere in the set.

    Roboflow's exports hold a category 0 that stands above the others and has no objects.
    """
    used = {int(m["category_id"]) for m in data["annotations"]}
    return {int(c["id"]): str(c["name"]) for c in data["categories"] if int(c["id"]) in used}


def marks_by_image(data: Mapping[str, Any]) -> defaultdict[int, list[Any]]:
    """Annotations of each picture."""
    marks: defaultdict[int, list[Any]] = defaultdict(list)
    for mark in data["annotations"]:
        marks[int(mark["image_id"])].append(mark)
    return marks


def _item(
    name: str,
    task: str,
    query: str,
    folder: Path,
    row: Mapping[str, Any],
    marks: Sequence[Mapping[str, Any]],
    classes: Mapping[int, str],
) -> Item:
    truth = tuple(
        TrueBox(
            1,
            Box.from_xywh(*(float(v) for v in m["bbox"])),
            classes[int(m["category_id"])],
            None if m.get("area") is None else float(m["area"]),
            bool(m.get("iscrowd", 0)),
        )
        for m in marks
        if int(m["category_id"]) in classes
    )
    extra = {"image_id": int(row["id"]), "classes": {v: k for k, v in classes.items()}}
    picture = FilePicture(str(folder / str(row["file_name"])))
    return Item(name, task, query, (picture,), truth, extra=extra)


def category_of(item: Item, found: FoundBox) -> int | None:
    """The class that a label names (case apart); with one class asked for, that one."""
    classes: Mapping[str, int] = item.extra["classes"]
    if len(classes) == 1:
        return next(iter(classes.values()))
    wanted = " ".join((found.label or "").lower().split())
    return next((k for n, k in classes.items() if " ".join(n.lower().split()) == wanted), None)


def class_f1(item: Item, outcome: Outcome) -> float:
    """F1 at IoU .5 where each class is a picture of its own, so that a wrong class matches none."""
    classes: Mapping[str, int] = item.extra["classes"]
    truth = tuple(
        TrueBox(classes[t.label or ""], t.box, t.label, t.area, t.crowd) for t in item.truth
    )
    boxes = tuple(
        FoundBox(-1 if (k := category_of(item, b)) is None else k, b.box) for b in outcome.boxes
    )
    placed = Item(item.id, item.task, item.query, item.pictures, truth)
    return item_f1(placed, Outcome(outcome.id, outcome.task, outcome.status, boxes=boxes))


def _row(name: str, items: Sequence[Item], outcomes: Sequence[Outcome]) -> Row:
    """The figures of one set."""
    truth: list[TrueObject] = []
    found: list[Detection] = []
    categories: set[int] = set()
    for item, outcome in zip(items, outcomes, strict=True):
        image, classes = int(item.extra["image_id"]), item.extra["classes"]
        categories |= set(classes.values())
        truth.extend(
            TrueObject(image, classes[t.label], t.box, t.area, t.crowd) for t in item.truth
        )
        for box in outcome.boxes:
            category = category_of(item, box)
            if category is not None:
                score = 1.0 if box.score is None else box.score
                found.append(Detection(image, category, box.box, score))
    images = sorted({int(i.extra["image_id"]) for i in items})
    result = average_precision(images, sorted(categories), truth, found)
    f1 = 100.0 * mean([o.scores["f1"] for o in outcomes])
    return Row(name, len(items), (result.ap, result.ap50, result.ap75, f1))
