"""The text format of the YOLO family."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from ..answer import AnswerBox, ImageInfo
from ..batch.record import BatchRecord
from .records import by_picture, class_names, class_of, names_for


def write_yolo(records: Iterable[BatchRecord], target: Path) -> None:
    """A folder: `labels/NAME.txt` for each picture, `data.yaml` with the classes.

    A line is `class cx cy width height`, in shares of the picture with 8 decimals, and a score
    after it where the box has one. A picture without boxes has an empty file. `images.txt` names
    the pictures in the order of the labels: `labels/NAME.txt<tab>SOURCE`.
    """
    pictures = by_picture(records)
    classes = class_names(pictures)
    numbers = {name: number for number, name in enumerate(classes)}
    listed: list[str] = []
    for name, picture in names_for(pictures):
        file = target / "labels" / f"{name}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = [yolo_line(box, picture.image, numbers[class_of(box)]) for _, box in picture.boxes]
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        listed.append(
            f"labels/{name}.txt\t{json.dumps(picture.image.source, ensure_ascii=False)[1:-1]}\n"
        )
    (target / "images.txt").write_text("".join(listed), encoding="utf-8")
    # JSON strings are YAML too, whatever they hold.
    names = "".join(f"  {n}: {json.dumps(c)}\n" for n, c in enumerate(classes))
    head = f"path: .\ntrain: images\nval: images\nnc: {len(classes)}\n"
    (target / "data.yaml").write_text(
        f"{head}names:\n{names}" if names else f"{head}names: {{}}\n", encoding="utf-8"
    )


def yolo_line(box: AnswerBox, image: ImageInfo, number: int) -> str:
    """A box as a line of the format."""
    x1, y1, x2, y2 = box.box
    shares = (
        (x1 + x2) / 2 / image.width,
        (y1 + y2) / 2 / image.height,
        (x2 - x1) / image.width,
        (y2 - y1) / image.height,
    )
    words = [str(number), *(f"{share:.8f}" for share in shares)]
    if box.score is not None:
        words.append(f"{box.score:.6g}")
    return " ".join(words)
