"""COCO's detection JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..batch.record import BatchRecord
from .records import by_picture, class_names, class_of


def write_coco(records: Iterable[BatchRecord], target: Path) -> None:
    """One file with images, annotations and categories; ids count from 1.

    A box is `[x, y, width, height]` in pixels, to a thousandth. An annotation has a `score` where
    the box has one, and the `custom_id` of its result.
    """
    pictures = by_picture(records)
    names = class_names(pictures)
    categories = {name: number for number, name in enumerate(names, 1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, picture in enumerate(pictures, 1):
        image = picture.image
        images.append(
            {
                "id": image_id,
                "file_name": image.source,
                "width": image.width,
                "height": image.height,
            }
        )
        for custom_id, box in picture.boxes:
            x1, y1, x2, y2 = box.box
            width, height = round(x2 - x1, 3), round(y2 - y1, 3)
            annotation: dict[str, Any] = {
                "id": len(annotations) + 1,
                "image_id": image_id,
                "category_id": categories[class_of(box)],
                "bbox": [round(x1, 3), round(y1, 3), width, height],
                "area": round(width * height, 3),
                "iscrowd": 0,
                "segmentation": [],
                "custom_id": custom_id,
            }
            if box.score is not None:
                annotation["score"] = box.score
            annotations.append(annotation)
    content = {
        "info": {"description": "gemvg-agent"},
        "images": images,
        "annotations": annotations,
        "categories": [
            {"id": number, "name": name, "supercategory": ""} for name, number in categories.items()
        ],
    }
    target.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
