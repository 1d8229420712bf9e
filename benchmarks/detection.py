"""Measure `detect`: retrieval in photographs, and average precision of an open vocabulary.

    python benchmarks/detection.py closed --detectors yolo26m,yolo26n --half odd --count 40
    python benchmarks/detection.py open --detector yolov8s-world --count 30

`closed` asks every photograph for every class that is annotated in it, and prints precision,
recall and F1 at IoU 0.5 with the detector's own threshold: for all objects, and for those of at
least 1% of the picture (a box on a smaller object is then neither right nor wrong; crowds never
count). `open` prints COCO's AP for the word "raccoon" in the raccoon photographs; its text features
are those of GEMVG_CLIP_TEXT, or the tables among the shared data. The tables have no raccoon, so
with them `--words ferret,bear,cat,fox` asks for its look-alikes. Pictures are taken from the
shared data in even steps, so that few of them stand for all.
"""

from __future__ import annotations

import argparse
import os
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from matching_cases import SHARED, Photo, load_photos

from gemvg.tools.boxes import Box, GroundedBox, boxes_array
from gemvg.tools.detect import Detect
from gemvg.tools.geometry import iou_matrix, match_optimal
from gemvg.tools.images import picture_from_path
from gemvg.tools.tool import ToolContext
from gemvg.tools.views import ViewBook
from gemvg.training.benchmarks.metrics.average_precision import (
    Detection,
    TrueObject,
    average_precision,
)

LARGE = 0.01
"""Share of the picture from which an object counts as not small."""


@dataclass
class Tally:
    """Right boxes, all boxes, all objects."""

    right: int = 0
    found: int = 0
    there: int = 0

    def add(
        self,
        found: Sequence[Box],
        wanted: Sequence[Box],
        ignored: Sequence[Box] = (),
        least: float = 0.0,
    ) -> None:
        """Count one picture and class.

        Boxes that meet no wanted object are left out where they meet an ignored one, or are
        smaller than `least` pixels (as COCO does with areas).
        """
        pairs = match_optimal(_overlap(found, wanted), 0.5)
        taken = {int(row) for row in pairs.rows}
        spare = _overlap(found, ignored)
        idle = {
            k
            for k, box in enumerate(found)
            if k not in taken and (box.area < least or (spare.size and spare[k].max() >= 0.5))
        }
        self.right += len(taken)
        self.found += len(found) - len(idle)
        self.there += len(wanted)

    def line(self) -> str:
        """Precision, recall, F1."""
        precision, recall = self.right / max(1, self.found), self.right / max(1, self.there)
        f1 = 2 * self.right / max(1, self.found + self.there)
        return f"{precision:9.3f} {recall:7.3f} {f1:7.3f} {self.there:8d}"


def _overlap(a: Sequence[Box], b: Sequence[Box]) -> np.ndarray:
    return iou_matrix(boxes_array(a), boxes_array(b))


T = TypeVar("T")


def spread(items: Sequence[T], count: int) -> list[T]:
    """`count` of the items in even steps; all of them where there are no more."""
    if count >= len(items):
        return list(items)
    return [items[k * len(items) // count] for k in range(count)]


def look(tool: Detect, path: Path, labels: Sequence[str], least: float | None) -> list[GroundedBox]:
    """The tool's boxes in one picture.

    Raises:
        SystemExit: the tool failed.
    """
    book = ViewBook([picture_from_path(path)])
    result = tool.call({"labels": list(labels), "min_score": least}, ToolContext(book))
    if not result.ok:
        raise SystemExit(result.text)
    return [box for _, box in result.boxes]


def measure_closed(specs: Sequence[str], half: str, count: int) -> None:
    """Print the retrieval table of each detector."""
    photos = spread(load_photos(half), count)
    print(f"{'detector':14} {'objects':8} {'precision':>9} {'recall':>7} {'F1':>7} {'there':>8}")
    for spec in specs:
        tool = Detect(spec)
        everything, large = Tally(), Tally()
        began = time.process_time()
        for photo in photos:
            _count(tool, photo, everything, large)
        seconds = (time.process_time() - began) / len(photos)
        print(f"{spec:14} {'all':8} {everything.line()}")
        print(f"{spec:14} {'>= 1%':8} {large.line()}   {seconds:.2f} CPU s a picture", flush=True)


def _count(tool: Detect, photo: Photo, everything: Tally, large: Tally) -> None:
    found = look(tool, photo.path, [], None)
    for name in sorted({item["name"] for item in photo.objects}):
        here = [box.box for box in found if box.label == name]
        items = [item for item in photo.objects if item["name"] == name]
        truth = [Box.from_xywh(*item["bbox"]) for item in items]
        big = [item["area"] >= LARGE * photo.area for item in items]
        crowds = [Box.from_xywh(*c["bbox"]) for c in photo.crowds if c["name"] == name]
        everything.add(here, truth, crowds)
        small = [box for box, keep in zip(truth, big, strict=True) if not keep]
        kept = [box for box, keep in zip(truth, big, strict=True) if keep]
        large.add(here, kept, small + crowds, LARGE * photo.area)


def measure_open(spec: str, words: Sequence[str], count: int) -> None:
    """Print COCO's average precision for raccoons; a box of any of the words is one."""
    os.environ.setdefault("GEMVG_CLIP_TEXT", str(SHARED / "clip_text"))
    folder = SHARED / "raccoon"
    files = sorted((folder / "annotations").glob("*.xml"), key=lambda p: int(p.stem.split("-")[1]))
    tool = Detect(spec)
    truth: list[TrueObject] = []
    found: list[Detection] = []
    chosen = spread(files, count)
    for number, file in enumerate(chosen):
        root = ElementTree.parse(file).getroot()
        for item in root.iter("bndbox"):
            corners = [float(item.findtext(key, "0")) for key in ("xmin", "ymin", "xmax", "ymax")]
            truth.append(TrueObject(number, 1, Box(*corners)))
        path = folder / "images" / (root.findtext("filename") or "")
        for box in look(tool, path, words, 0.01):
            found.append(Detection(number, 1, box.box, box.score or 0.0))
    figures = average_precision(range(len(chosen)), [1], truth, found)
    print(
        f"{spec}, {', '.join(words)}: raccoon AP {figures.ap:.1f}, "
        f"AP50 {figures.ap50:.1f}, {len(chosen)} pictures"
    )


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("closed", "open"))
    parser.add_argument("--detectors", default="yolo26m,yolo26n", help="for closed, by comma")
    parser.add_argument("--detector", default="yolov8s-world", help="for open")
    parser.add_argument("--words", default="raccoon", help="for open, by comma")
    parser.add_argument("--half", choices=("even", "odd", "all"), default="odd")
    parser.add_argument("--count", type=int, default=30, help="pictures")
    arguments = parser.parse_args()
    if arguments.what == "closed":
        measure_closed(arguments.detectors.split(","), arguments.half, arguments.count)
    else:
        measure_open(arguments.detector, arguments.words.split(","), arguments.count)


if __name__ == "__main__":
    main()
