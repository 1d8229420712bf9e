"""Label Studio's tasks with predictions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..answer import AnswerBox, ImageInfo
from ..batch.record import BatchRecord
from .records import ANSWERED, class_of

FROM_NAME, TO_NAME = "label", "image"
"""Names of the controls in the labelling configuration that the tasks fit."""


def write_label_studio(records: Iterable[BatchRecord], target: Path) -> None:
    """A list of tasks, one for each picture of each result.

    A box is a `rectanglelabels` region in percent of the picture, to a millionth. The configuration
    is `<View><Image name="image" value="$image"/><RectangleLabels name="label" toName="image">`
    with a `<Label>` for each class. Scores stand on regions that have one.
    """
    with target.open("w", encoding="utf-8") as file:
        file.write("[")
        first = True
        for record in records:
            if record.status not in ANSWERED:
                continue
            for image in record.images:
                file.write("\n" if first else ",\n")
                json.dump(_task(record, image), file, ensure_ascii=False)
                first = False
        file.write("\n]\n")


def _task(record: BatchRecord, image: ImageInfo) -> dict[str, Any]:
    boxes = [box for box in record.answer if box.image == image.index]
    prediction: dict[str, Any] = {
        "model_version": record.policy.name,
        "result": [_region(n, box, image) for n, box in enumerate(boxes, 1)],
    }
    scores = [box.score for box in boxes if box.score is not None]
    if boxes and len(scores) == len(boxes):
        prediction["score"] = round(sum(scores) / len(scores), 6)
    return {
        "data": {
            "image": image.source,
            "custom_id": record.custom_id,
            "query": record.query,
            "picture": image.index,
        },
        "predictions": [prediction],
    }


def _region(number: int, box: AnswerBox, image: ImageInfo) -> dict[str, Any]:
    x1, y1, x2, y2 = box.box
    region: dict[str, Any] = {
        "id": f"r{number}",
        "type": "rectanglelabels",
        "from_name": FROM_NAME,
        "to_name": TO_NAME,
        "original_width": image.width,
        "original_height": image.height,
        "image_rotation": 0,
        "value": {
            "x": round(100 * x1 / image.width, 6),
            "y": round(100 * y1 / image.height, 6),
            "width": round(100 * (x2 - x1) / image.width, 6),
            "height": round(100 * (y2 - y1) / image.height, 6),
            "rotation": 0,
            "rectanglelabels": [class_of(box)],
        },
    }
    if box.score is not None:
        region["score"] = box.score
    return region
