"""COCO average precision by faster-coco-eval, from plain boxes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....tools.boxes import Box
from ....tools.errors import MissingDependency

STANDARD_LIMITS = (1, 10, 100)
"""How many detections per picture count, best first (COCO)."""


class TrueObject(NamedTuple):
    """One annotated object: picture id, category id, box in pixels.

    `area` decides between small, medium and large (COCO: the mask's area); None: the box's own.
    A crowd region is never missed, and detections inside it are never false.
    """

    image: int
    category: int
    box: Box
    area: float | None = None
    crowd: bool = False


class Detection(NamedTuple):
    """One predicted box: picture id, category id, box in pixels, score (higher is surer)."""

    image: int
    category: int
    box: Box
    score: float


@dataclass(frozen=True, slots=True)
class AveragePrecision:
    """COCO figures, percent; NaN where there is nothing to measure.

    Attributes:
        ap, ap50, ap75: mean over categories; ap over IoU .50:.05:.95.
        small, medium, large: ap by object area (below 32^2, below 96^2, above).
        by_category: category id to its ap; by_category50: to its ap50.
        counts: category id to its number of annotations, crowd regions included.
    """

    ap: float
    ap50: float
    ap75: float
    small: float
    medium: float
    large: float
    by_category: dict[int, float]
    by_category50: dict[int, float]
    counts: dict[int, int]


def average_precision(
    images: Sequence[int],
    categories: Sequence[int],
    truth: Sequence[TrueObject],
    found: Sequence[Detection],
    limits: tuple[int, int, int] = STANDARD_LIMITS,
) -> AveragePrecision:
    """COCO average precision; the same figures as pycocotools.

    A predicted box that is not finite or is inverted overlaps nothing: it counts as a false one.
    So does a box in the wrong picture or of the wrong category. Equal scores keep their order; a
    score that is NaN ranks last.

    Args:
        images: ids of all pictures, also of those without objects.
        categories: ids of all categories.
        truth: every annotated object.
        found: every prediction.
        limits: detections per picture that count; the last one decides the figures.

    Raises:
        MissingDependency: faster-coco-eval is not installed.
    """
    order = sorted(categories)
    counts = {c: sum(t.category == c for t in truth) for c in order}
    if not truth:
        # pycocotools marks every figure -1 here; there is no precision without objects.
        nan, none = math.nan, dict.fromkeys(order, math.nan)
        return AveragePrecision(nan, nan, nan, nan, nan, nan, none, dict(none), counts)
    precision = _precision(images, order, truth, found, limits)
    per_category = {c: _mean(precision[:, :, k, 0, -1]) for k, c in enumerate(order)}
    per_category50 = {c: _mean(precision[0, :, k, 0, -1]) for k, c in enumerate(order)}
    return AveragePrecision(
        ap=_mean(precision[:, :, :, 0, -1]),
        ap50=_mean(precision[0, :, :, 0, -1]),
        ap75=_mean(precision[5, :, :, 0, -1]),
        small=_mean(precision[:, :, :, 1, -1]),
        medium=_mean(precision[:, :, :, 2, -1]),
        large=_mean(precision[:, :, :, 3, -1]),
        by_category=per_category,
        by_category50=per_category50,
        counts=counts,
    )


def _mean(values: NDArray[np.float64]) -> float:
    """Mean of what could be measured (COCO marks the rest -1), percent; NaN for nothing."""
    measured = values[values > -1]
    return 100.0 * float(measured.mean()) if measured.size else math.nan


def _precision(
    images: Sequence[int],
    categories: Sequence[int],
    truth: Sequence[TrueObject],
    found: Sequence[Detection],
    limits: tuple[int, int, int],
) -> NDArray[np.float64]:
    """Precision (10 IoU thresholds, 101 recalls, categories, 4 areas, 3 limits); -1: none."""
    try:
        from faster_coco_eval import COCO, COCOeval_faster
    except ImportError as error:
        raise MissingDependency(
            "Average precision needs faster-coco-eval.", "pip install 'gemvg-agent[eval]'"
        ) from error
    dataset: dict[str, Any] = {
        "info": {},
        "images": [{"id": i} for i in images],
        "categories": [{"id": c, "name": str(c)} for c in categories],
        "annotations": [_annotation(k, t) for k, t in enumerate(truth, 1)],
    }
    known = set(images)
    results = [
        {
            "image_id": d.image,
            "category_id": d.category,
            "bbox": _xywh(d.box),
            # The evaluator refuses everything because of one NaN.
            "score": -math.inf if math.isnan(d.score) else d.score,
        }
        for d in found
        if d.image in known
    ]
    true_set: Any = COCO(dataset)
    evaluator: Any = COCOeval_faster(
        true_set, true_set.loadRes(results), "bbox", print_function=_silent
    )
    evaluator.params.maxDets = list(limits)
    evaluator.evaluate()
    evaluator.accumulate()
    return np.asarray(evaluator.eval["precision"], dtype=np.float64)


def _annotation(number: int, item: TrueObject) -> dict[str, Any]:
    box = item.box
    return {
        "id": number,
        "image_id": item.image,
        "category_id": item.category,
        "bbox": [box.x1, box.y1, box.width, box.height],
        "area": box.area if item.area is None else item.area,
        "iscrowd": int(item.crowd),
    }


def _xywh(box: Box) -> list[float]:
    """COCO's form; a box that is none becomes an empty one, which overlaps nothing."""
    return [box.x1, box.y1, box.width, box.height] if box.is_valid else [0.0, 0.0, 0.0, 0.0]


def _silent(*_: Any) -> None:
    """Takes the evaluator's progress lines."""
