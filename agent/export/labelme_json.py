"""LabelMe's JSON, one file a picture."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..answer import AnswerBox
from ..batch.record import BatchRecord
from .records import by_picture, class_of, names_for


def write_labelme(records: Iterable[BatchRecord], target: Path) -> None:
    """A folder with `NAME.json` for each picture; boxes are rectangles in pixels.

    `imagePath` is the picture's name as the batch had it; pictures are not copied.
    """
    for name, picture in names_for(by_picture(records)):
        content = {
            "version": "5.5.0",
            "flags": {},
            "shapes": [_shape(custom_id, box) for custom_id, box in picture.boxes],
            "imagePath": picture.image.source,
            "imageData": None,
            "imageHeight": picture.image.height,
            "imageWidth": picture.image.width,
        }
        file = target / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")


def _shape(custom_id: str, box: AnswerBox) -> dict[str, Any]:
    x1, y1, x2, y2 = box.box
    shape: dict[str, Any] = {
        "label": class_of(box),
        "points": [[x1, y1], [x2, y2]],
        "group_id": None,
        "description": custom_id,
        "shape_type": "rectangle",
        "flags": {},
        "mask": None,
    }
    if box.score is not None:
        shape["score"] = box.score
    return shape
