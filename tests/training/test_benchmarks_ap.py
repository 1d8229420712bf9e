"""Average precision: pycocotools' figures to 1e-9, and a brute-force AP on small cases."""

from __future__ import annotations

import contextlib
import io
import json
import math
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemvg.tools.boxes import Box
from gemvg.training.benchmarks.metrics.average_precision import (
    Detection,
    TrueObject,
    average_precision,
)
from tests.shared import SHARED, needs_shared


def raccoon() -> list[TrueObject]:
    found: list[TrueObject] = []
    paths = sorted((SHARED / "raccoon" / "annotations").glob("*.xml"))
    for image, path in enumerate(paths, 1):
        for thing in ET.parse(path).getroot().iter("bndbox"):
            x1, y1, x2, y2 = (
                float(thing.findtext(k, "0")) for k in ("xmin", "ymin", "xmax", "ymax")
            )
            found.append(TrueObject(image, 1, Box(x1, y1, x2, y2)))
    return found


def photographs() -> list[TrueObject]:
    data = json.loads((SHARED / "photos" / "instances.json").read_bytes())
    return [
        TrueObject(a["image_id"], a["category_id"], Box.from_xywh(*a["bbox"]), a["area"],
                   bool(a["iscrowd"]))
        for a in data["annotations"]
    ]  # fmt: skip


def noisy(truth: list[TrueObject], seed: int, ties: bool) -> list[Detection]:
    """Moved, missed, doubled, mislabelled, in the wrong picture, and made up; with scores."""
    rng = np.random.default_rng(seed)
    categories = sorted({t.category for t in truth})
    images = sorted({t.image for t in truth})
    found: list[Detection] = []
    for t in truth:
        for _ in range(int(rng.choice([0, 1, 1, 1, 2]))):
            dx, dy, dw, dh = rng.normal(0, 0.12, 4)
            w, h = t.box.width, t.box.height
            box = Box.from_xywh(
                t.box.x1 + dx * w, t.box.y1 + dy * h, w * math.exp(dw), h * math.exp(dh)
            )
            category = t.category if rng.random() < 0.9 else int(rng.choice(categories))
            image = t.image if rng.random() < 0.95 else int(rng.choice(images))
            score = float(rng.random())
            found.append(Detection(image, category, box, round(score, 1) if ties else score))
    return found


def pycocotools_precision(
    images: list[int], categories: list[int], truth: list[TrueObject], found: list[Detection]
) -> np.ndarray:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    coco = COCO()
    coco.dataset = {
        "info": {},
        "images": [{"id": i} for i in images],
        "categories": [{"id": c} for c in categories],
        "annotations": [
            {"id": k, "image_id": t.image, "category_id": t.category,
             "bbox": [t.box.x1, t.box.y1, t.box.width, t.box.height],
             "area": t.box.area if t.area is None else t.area, "iscrowd": int(t.crowd)}
            for k, t in enumerate(truth, 1)
        ],
    }  # fmt: skip
    rows: list[dict[str, Any]] = [
        {"image_id": d.image, "category_id": d.category, "score": d.score,
         "bbox": [d.box.x1, d.box.y1, d.box.width, d.box.height]}
        for d in found
    ]  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        evaluator = COCOeval(coco, coco.loadRes(rows), "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
    return evaluator.eval["precision"]


def mean(values: np.ndarray) -> float:
    return 100 * float(values[values > -1].mean()) if (values > -1).any() else math.nan


@needs_shared
@pytest.mark.parametrize("ties", [False, True], ids=["scores", "tied-scores"])
@pytest.mark.parametrize("source", [raccoon, photographs], ids=["raccoon", "photographs"])
def test_same_as_pycocotools(source: Any, ties: bool) -> None:
    truth = source()
    found = noisy(truth, 7, ties)
    images = sorted({t.image for t in truth} | {10**9})
    categories = sorted({t.category for t in truth} | {9999})
    ours = average_precision(images, categories, truth, found)
    p = pycocotools_precision(images, categories, truth, found)
    expected = [mean(p[:, :, :, 0, -1]), mean(p[0, :, :, 0, -1]), mean(p[5, :, :, 0, -1]),
                *(mean(p[:, :, :, a, -1]) for a in (1, 2, 3))]  # fmt: skip
    got = [ours.ap, ours.ap50, ours.ap75, ours.small, ours.medium, ours.large]
    assert got == pytest.approx(expected, abs=1e-9, nan_ok=True)
    assert 5 < ours.ap < 95
    for k, category in enumerate(categories):
        pair = ours.by_category[category], ours.by_category50[category]
        assert pair == pytest.approx(
            (mean(p[:, :, k, 0, -1]), mean(p[0, :, k, 0, -1])), abs=1e-9, nan_ok=True
        )
    assert math.isnan(ours.by_category[9999])


def brute_ap50(truth: list[TrueObject], found: list[Detection]) -> float:
    """AP at IoU .5 of one category from its definition: best precision at 101 recalls."""
    ranked = sorted(found, key=lambda d: -d.score)
    used: set[int] = set()
    hits: list[bool] = []
    for d in ranked:
        rest = [
            (t.box.iou(d.box), k)
            for k, t in enumerate(truth)
            if t.image == d.image and k not in used and t.box.iou(d.box) >= 0.5
        ]
        if rest:
            used.add(max(rest)[1])
        hits.append(bool(rest))
    points = [
        (sum(hits[: k + 1]) / len(truth), sum(hits[: k + 1]) / (k + 1)) for k in range(len(hits))
    ]
    best = [max((p for r, p in points if r >= level / 100 - 1e-12), default=0.0)
            for level in range(101)]  # fmt: skip
    return 100 * sum(best) / 101


CORNER = st.integers(0, 3).map(lambda v: v * 10.0)
SIDE = st.sampled_from([10.0, 12.0, 16.0])
BOX = st.builds(Box.from_xywh, CORNER, CORNER, SIDE, SIDE)
TRUTH = st.lists(
    st.tuples(st.integers(1, 2), BOX).map(lambda p: TrueObject(p[0], 1, p[1])),
    min_size=1,
    max_size=4,
)


@settings(max_examples=150, deadline=None)
@given(TRUTH, st.lists(st.tuples(st.integers(1, 2), BOX), max_size=6))
def test_ap50_from_its_definition(truth: list[TrueObject], boxes: list[tuple[int, Box]]) -> None:
    found = [Detection(i, 1, b, 1.0 - k / 10) for k, (i, b) in enumerate(boxes)]
    ours = average_precision([1, 2], [1], truth, found)
    assert ours.ap50 == pytest.approx(brute_ap50(truth, found), abs=1e-6)


A = Box(10, 10, 60, 60)
T = [TrueObject(1, 1, A)]


@pytest.mark.parametrize(
    ("truth", "found", "ap50"),
    [
        (T, [], 0.0),
        (T, [Detection(1, 1, A, 0.5)], 100.0),
        (T, [Detection(2, 1, A, 0.5)], 0.0),
        (T, [Detection(3, 1, A, 0.5)], 0.0),
        (T, [Detection(1, 2, A, 0.5)], 0.0),
        (T, [Detection(1, 1, A, 0.5), Detection(1, 1, A, 0.4)], 100.0),
        (T, [Detection(1, 1, Box(math.nan, 0, 1, 1), 0.9), Detection(1, 1, A, 0.4)], 50.0),
        (T, [Detection(1, 1, Box(60, 60, 10, 10), 0.9), Detection(1, 1, A, 0.4)], 50.0),
        (T, [Detection(1, 1, Box(0, 0, 9, 9), math.nan), Detection(1, 1, A, 0.1)], 100.0),
        (T, [Detection(1, 1, A, math.nan), Detection(1, 1, Box(0, 0, 9, 9), -5.0)], 50.0),
        (T, [Detection(1, 1, A, math.nan)], 100.0),
        (T, [Detection(1, 1, A, math.inf), Detection(1, 1, Box(0, 0, 9, 9), 5.0)], 100.0),
        ([TrueObject(1, 1, A, None, True), TrueObject(2, 1, A)],
         [Detection(1, 1, A, 0.9), Detection(2, 1, A, 0.4)], 100.0),
    ],
)  # fmt: skip
def test_ap_cases(truth: list[TrueObject], found: list[Detection], ap50: float) -> None:
    assert average_precision([1, 2], [1, 2], truth, found).ap50 == pytest.approx(ap50)


def test_no_truth_is_nothing_to_measure() -> None:
    result = average_precision([1], [1], [], [Detection(1, 1, A, 1.0)])
    assert math.isnan(result.ap) and math.isnan(result.by_category50[1])
