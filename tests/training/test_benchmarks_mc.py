"""MC-Bench: the paper's metrics by brute force, the script's by a literal reading of it."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from gemvg.tools.boxes import Box
from gemvg.tools.errors import DataError
from gemvg.training.benchmarks.mc_bench import McBench
from gemvg.training.benchmarks.mc_metrics import McSample, assign_groups, image_accuracy
from gemvg.training.benchmarks.metrics.average_precision import Detection, TrueObject
from gemvg.training.benchmarks.outcome import FoundBox, Outcome

STYLES = ("Referring", "Comparison", "Reasoning")


def random_box(rng: np.random.Generator) -> list[float]:
    x, y = rng.integers(0, 60, 2)
    w, h = rng.integers(20, 40, 2)
    return [float(x), float(y), float(w), float(h)]


def dataset(seed: int, pairs: int = 12) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Annotations in the published form, and results that swap groups and move boxes."""
    rng = np.random.default_rng(seed)
    data: dict[str, Any] = {"images": [], "annotations": [], "descriptions": [], "categories": [
        {"id": k, "name": f"group {k}"} for k in range(1, 8)]}  # fmt: skip
    results: list[dict[str, Any]] = []
    for pair in range(pairs):
        ids = [2 * pair, 2 * pair + 1]
        groups = int(rng.choice([0, 1, 1, 2, 3]))
        swapped = rng.permutation(groups) + 1
        data["descriptions"].append(
            {"id": pair, "images_id": ids, "text": f"phrase {pair}", "positive_sample": groups > 0,
             "text_style": STYLES[pair % 3]}
        )  # fmt: skip
        for k, image in enumerate(ids):
            data["images"].append(
                {"id": image, "text_id": pair, "inter_img_id": k, "file_name": f"D3/{image}.jpg",
                 "height": 100, "width": 100, "pair_image_id": ids[1 - k]}
            )  # fmt: skip
            for group in range(1, groups + 1):
                for _ in range(int(rng.integers(0, 3))):
                    box = random_box(rng)
                    data["annotations"].append(
                        {"id": len(data["annotations"]) + 1, "image_id": image, "text_id": pair,
                         "category_id": group, "area": box[2] * box[3], "bbox": box, "iscrowd": 0}
                    )  # fmt: skip
                    moved = [v + float(rng.normal(0, 3)) for v in box]
                    results.append(
                        {"image_id": image, "category_id": int(swapped[group - 1]), "bbox": moved,
                         "score": float(rng.random())}
                    )  # fmt: skip
            if rng.random() < 0.3:
                results.append(
                    {"image_id": image, "category_id": 1, "bbox": random_box(rng), "score": 0.5}
                )
    return data, results


def literal_script(data: dict[str, Any], results: list[dict[str, Any]]) -> tuple[float, float]:
    """The published evaluation step by step, with pycocotools; (AP50, accuracy), percent."""
    from pycocotools import mask
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    coco = COCO()
    coco.dataset = json.loads(json.dumps(data))
    coco.createIndex()
    first = COCOeval(coco, coco.loadRes(json.loads(json.dumps(results))), "bbox")
    first.evaluate()
    final = json.loads(json.dumps(results))
    for image in coco.getImgIds(catIds=[2]):
        other = coco.loadImgs(image)[0]["pair_image_id"]
        marks = coco.loadAnns(coco.getAnnIds(imgIds=[image, other]))
        true = list({a["category_id"] for a in marks})
        seen = {r["category_id"] for r in results if r["image_id"] in (image, other)}
        numberings = list(itertools.permutations(true, len(seen)))
        means: list[float] = []
        for numbering in numberings:
            overlaps: list[float] = []
            for group, category in enumerate(numbering, start=1):
                for place in (image, other):
                    d = [x["bbox"] for x in first._dts.get((place, group), [])]
                    g = [x["bbox"] for x in first._gts.get((place, category), [])]
                    if d and g:
                        iou = mask.iou(d, g, [0] * len(g))
                        overlaps += list(iou[linear_sum_assignment(-iou)])
            means.append(sum(overlaps) / len(overlaps) if overlaps else 0.0)
        final = json.loads(json.dumps(results))
        chosen = numberings[means.index(max(means))] if numberings else ()
        for old, new in enumerate(chosen, start=1):
            for r in final:
                if r["category_id"] == old and r["image_id"] in (image, other):
                    r["category_id"] = new
    last = COCOeval(coco, coco.loadRes(final), "bbox")
    last.evaluate()
    last.accumulate()
    counts = {c: len(coco.getAnnIds(catIds=[c])) for c in coco.getCatIds()}
    ap50 = 0.0
    for k, category in enumerate(coco.getCatIds()):
        p = last.eval["precision"][0, :, k, 0, 2]
        if (p > -1).any():
            ap50 += counts[category] / sum(counts.values()) * float(p[p > -1].mean())
    images = coco.getImgIds()
    flags = [
        [any(a["image_id"] == i for a in rows) for i in images]
        for rows in (data["annotations"], final)
    ]
    right = sum(
        flags[0][k] == flags[1][k] and flags[0][k + 1] == flags[1][k + 1]
        for k in range(0, len(images), 2)
    )
    return 100 * ap50, 100 * right / (len(images) / 2)


def lay(folder: Path, data: dict[str, Any], results: list[dict[str, Any]]) -> Path:
    (folder / "mc-bench_v0.2_val.json").write_text(json.dumps(data))
    path = folder / "results.json"
    path.write_text(json.dumps(results))
    return path


@pytest.mark.parametrize("seed", range(6))
def test_official_is_the_script(tmp_path: Path, seed: int) -> None:
    data, results = dataset(seed)
    path = lay(tmp_path, data, results)
    bench = McBench()
    items = bench.load(tmp_path)
    summary = bench.score(items, bench.read_predictions([path], items), official=True).summary
    with contextlib.redirect_stdout(io.StringIO()):
        ap50, accuracy = literal_script(data, results)
    assert summary.averages[0].values[:2] == pytest.approx((ap50, accuracy), abs=1e-9)


def test_strict_undoes_every_swap_of_groups(tmp_path: Path) -> None:
    """Right boxes under shuffled group numbers are worth 100 strictly, and less officially."""
    data, _ = dataset(3, pairs=20)
    rng = np.random.default_rng(0)
    shuffles = {d["id"]: rng.permutation(7) + 1 for d in data["descriptions"]}
    results = [
        {"image_id": a["image_id"], "score": 1.0,
         "category_id": int(shuffles[a["text_id"]][a["category_id"] - 1]),
         "bbox": a["bbox"]}
        for a in data["annotations"]
    ]  # fmt: skip
    path = lay(tmp_path, data, results)
    bench = McBench()
    items = bench.load(tmp_path)
    read = bench.read_predictions([path], items)
    strict = bench.score(items, read).summary.averages[0]
    assert strict.values == pytest.approx((100.0, 100.0, 100.0))
    assert bench.score(items, read, official=True).summary.averages[0].values[0] < 99


@pytest.mark.parametrize("seed", range(25))
def test_groups_are_assigned_as_well_as_any_numbering(seed: int) -> None:
    rng = np.random.default_rng(seed)

    def objects(count: int) -> list[tuple[int, int, Box]]:
        return [
            (int(rng.integers(0, 2)), int(rng.integers(1, 4)), Box.from_xywh(*random_box(rng)))
            for _ in range(count)
        ]

    truth = tuple(TrueObject(i, c, b) for i, c, b in objects(5))
    found = tuple(Detection(i, c, b, 1.0) for i, c, b in objects(5))
    sample = McSample((0, 1), truth, found)
    assigned = assign_groups(sample, 7)

    def total(labels: dict[int, int]) -> float:
        value = 0.0
        for group, category in labels.items():
            for image in (0, 1):
                d = [x.box for x in found if x.image == image and x.category == group]
                g = [x.box for x in truth if x.image == image and x.category == category]
                small, large = sorted((d, g), key=len)
                value += max(
                    sum(a.iou(b) for a, b in zip(small, order, strict=False))
                    for order in itertools.permutations(large, len(small))
                )
        return value

    groups = sorted({d.category for d in found})
    best = max(
        total(dict(zip(groups, numbers, strict=True)))
        for numbers in itertools.permutations(range(1, 8), len(groups))
    )
    used = {a.category: b.category for a, b in zip(found, assigned, strict=True)}
    assert len(set(used.values())) == len(used)
    assert total(used) == pytest.approx(best)


def sample(true: list[int], found: list[int]) -> McSample:
    box = Box(0, 0, 10, 10)
    return McSample(
        (0, 1),
        tuple(TrueObject(i, 1, box) for i in true),
        tuple(Detection(i, 1, box, 1.0) for i in found),
    )


@pytest.mark.parametrize(
    ("true", "found", "accuracy"),
    [
        ([], [], 100.0), ([], [0], 0.0), ([0], [0], 100.0), ([0], [1], 0.0), ([0], [0, 1], 0.0),
        ([0, 1], [0, 1, 1], 100.0), ([0, 1], [0], 0.0), ([0], [], 0.0),
    ],
)  # fmt: skip
def test_image_accuracy(true: list[int], found: list[int], accuracy: float) -> None:
    assert image_accuracy([sample(true, found)]) == accuracy


def test_answers_of_the_agent_name_groups_by_label(tmp_path: Path) -> None:
    data, results = dataset(1, pairs=4)
    lay(tmp_path, data, results)
    bench = McBench()
    items = bench.load(tmp_path)
    perfect = {
        i.id: Outcome(
            i.id, i.task, "ok" if i.truth else "none",
            boxes=tuple(FoundBox(t.image, t.box, t.label) for t in i.truth),
        )
        for i in items
    }  # fmt: skip
    summary = bench.score(items, perfect).summary
    assert summary.averages[0].values == pytest.approx((100.0, 100.0, 100.0))
    assert any("rank alike" in n for n in summary.notes)
    assert any(not i.truth for i in items)
    for status in ("missing", "failed", "unparsable", "truncated"):
        silent = {i.id: Outcome(i.id, i.task, status) for i in items}
        said = bench.score(items, {} if status == "missing" else silent).summary
        assert said.averages[0].values == (0.0, 0.0, 0.0), "silence does not say that none is there"
    wrong = dict(perfect)
    first = next(i for i in items if i.truth)
    wrong[first.id] = Outcome(first.id, first.task, boxes=(FoundBox(1, Box(math.nan, 0, 1, 1)),))
    assert bench.score(items, wrong).summary.averages[0].values[0] < 100.0


@pytest.mark.parametrize("official", [False, True])
def test_a_score_that_is_no_number_ranks_last(tmp_path: Path, official: bool) -> None:
    """One NaN of a detector doesn't end the scoring, and is not the surest box either."""
    data, results = dataset(2, pairs=6)
    bench = McBench()

    def ap50(rows: list[dict[str, Any]]) -> tuple[float, tuple[str, ...]]:
        path = lay(tmp_path, data, rows)
        items = bench.load(tmp_path)
        found = bench.score(items, bench.read_predictions([path], items), official).summary
        return found.headline[1], found.notes

    lowest, notes = ap50([{**results[0], "score": -1.0}, *results[1:]])
    assert not any("no number" in n for n in notes)
    wild, notes = ap50([{**results[0], "score": math.nan}, *results[1:]])
    assert wild == lowest and "1 boxes have a score that is no number; they rank last." in notes


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([{"image_id": 99, "category_id": 1, "bbox": [0, 0, 9, 9], "score": 1}], "in a picture of"),
        ([{"image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9], "score": "?"}], "a list of"),
        ([], None),
    ],
)
def test_results_of_other_pictures_are_refused(
    tmp_path: Path, rows: list[dict[str, Any]], told: str | None
) -> None:
    data, _ = dataset(2, pairs=3)
    path = lay(tmp_path, data, rows)
    bench = McBench()
    items = bench.load(tmp_path)
    if told is None:
        assert {o.status for o in bench.read_predictions([path], items).values()} == {"none"}
        return
    with pytest.raises(DataError, match=told):
        bench.read_predictions([path], items)


def test_damaged_data_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"mc-bench_v0\.2_val\.json and mc-bench_images"):
        McBench().load(tmp_path)
    (tmp_path / "mc-bench_v0.2_val.json").write_text('{"images": 3}')
    with pytest.raises(DataError, match="published form"):
        McBench().load(tmp_path)
