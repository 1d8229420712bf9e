"""One broken row of an annotation is left out and counted, and the others are read."""

import json
from pathlib import Path
from typing import Any

import pytest

from gemvg.training.data.build import build
from gemvg.training.data.check import check
from gemvg.training.data.folder import DataFolder
from gemvg.training.data.readers.base import (
    Source,
    frame_number,
    row_key,
    whole,
)
from gemvg.training.data.readers.mig import read_mig
from gemvg.training.data.record import Skips
from tests.training.coco_rows import BIRD, GOOD, A, B, files
from tests.training.data_fixtures import SQUARE, make_coco, picture, read, recipe

INFINITE = float("inf")
HUGE = 10**400


@pytest.mark.parametrize(
    ("parts", "reasons", "kept"),
    [
        ({"categories": [{"id": 1}, BIRD]}, {"category without number or name": 1}, ["a.png"]),
        ({"categories": [{"id": 1, "name": None}, BIRD]}, {"category without number or name": 1},
         ["a.png"]),
        ({"categories": [{"id": 1, "name": "(dog)"}, BIRD]},
         {"category without number or name": 1}, ["a.png"]),
        ({"categories": [{"name": "dog"}, BIRD]}, {"category without number or name": 1},
         ["a.png"]),
        ({"categories": [{"id": "x", "name": "dog"}, BIRD]},
         {"category without number or name": 1}, ["a.png"]),
        ({"categories": [{"id": INFINITE, "name": "dog"}, BIRD]},
         {"category without number or name": 1}, ["a.png"]),
        ({"categories": [BIRD, {"id": 2, "name": "dog"}]}, {"number of two categories": 1},
         ["a.png"]),
        ({"images": [A, B | {"width": INFINITE}]}, {"picture without name or size": 1}, ["a.png"]),
        ({"images": [A, B | {"height": HUGE}]}, {"size differs from the annotation": 1},
         ["a.png"]),
        ({"images": [A, B | {"file_name": None}]}, {"picture without name or size": 1},
         ["a.png"]),
        ({"images": [A, B | {"file_name": "b" * 300}]}, {"unreadable picture": 1}, ["a.png"]),
        ({"images": [A, {"file_name": "b.png"}]}, {"picture without number": 1}, ["a.png"]),
        ({"images": [A, B | {"id": 1}]}, {"number of two pictures": 2}, []),
        ({"images": [A, B, A]}, {"picture listed twice": 1}, ["a.png", "b.png"]),
        ({"images": [A, A | {"id": 7}, B]}, {"picture of two numbers": 2}, ["b.png"]),
        ({"annotations": [GOOD, {"bbox": [1, 1, 30, 30], "category_id": 1}]},
         {"annotation without picture": 1}, ["a.png"]),
        ({"annotations": [GOOD, GOOD | {"bbox": [HUGE, 1, 1, 1]}]}, {"no box": 1}, ["a.png"]),
        ({"annotations": [GOOD, GOOD | {"category_id": [1]}]}, {"unknown category": 1}, ["a.png"]),
        ({"annotations": [GOOD, GOOD | {"segmentation": [[*SQUARE[:7], float("nan")]]}]},
         {"broken outline": 1}, ["a.png"]),
        ({"annotations": [GOOD, GOOD | {"segmentation": {"size": [80, 100],
                                                         "counts": [INFINITE]}}]},
         {"broken run lengths": 1}, ["a.png"]),
        ({"annotations": [GOOD, GOOD | {"segmentation": {"size": [INFINITE, 100],
                                                         "counts": [8000]}}]},
         {"broken run lengths": 1}, ["a.png"]),
    ],
)  # fmt: skip
def test_coco(
    tmp_path: Path, parts: dict[str, list[Any]], reasons: dict[str, int], kept: list[str]
) -> None:
    skips = Skips()
    records = read("coco", skips, **files(tmp_path, **parts))
    assert skips.counts == reasons and [r.file for r in records] == kept
    # The good annotation is still there, and nothing is called after no name.
    assert [o.label for r in records if r.file == "a.png" for o in r.objects] in (
        ["wild bird"], [],
    ) and all("" not in (r.known or ()) for r in records)  # fmt: skip


def test_numbers_may_be_written_with_a_point_or_as_text(tmp_path: Path) -> None:
    found = {
        "images": [A | {"id": 1.0, "width": "100"}],
        "categories": [{"id": "2", "name": "cup"}],
    }
    (record,) = read("coco", skips := Skips(), **files(tmp_path, **found))
    assert [o.label for o in record.objects] == ["cup"] and not skips.counts and record.name == "1"


@pytest.mark.parametrize(
    ("value", "number", "key"),
    [(7, 7, "7"), (7.0, 7, "7"), ("7", 7, "7"), (7.5, None, None), ("x", None, "x"),
     (True, None, None), (None, None, None), ("", None, None), (INFINITE, None, None),
     (float("nan"), None, None), ("9" * 5000, None, "9" * 5000), ([7], None, None)],
)  # fmt: skip
def test_numbers_and_keys_of_rows(value: object, number: int | None, key: str | None) -> None:
    assert (whole(value), row_key(value)) == (number, key)


def test_captions(tmp_path: Path) -> None:
    rows = [
        "x", {"image_id": 1, "captions": None}, {"image_id": 1}, {"caption": "of nothing"},
        {"image_id": 1, "captions": ["a dog ", 7]}, {"image_id": 1.0, "caption": "asleep"},
        {"image_id": 1, "captions": "on a bed"}, {"image_id": 1, "captions": []},
    ]  # fmt: skip
    (tmp_path / "captions.json").write_text(json.dumps({"annotations": rows}))
    skips = Skips()
    paths = files(tmp_path) | {"captions": tmp_path / "captions.json"}
    (record,) = read("coco", skips, **paths)
    assert record.captions == ("a dog", "asleep", "on a bed")
    assert skips.counts == {"broken caption": 5}


def test_d3(tmp_path: Path) -> None:
    named = [{"id": 2, "name": "a bird", "group_id": 5}, {"id": 3, "name": "a cat", "group_id": 5}]
    broken = [{"name": "nothing", "group_id": 5}, {"id": INFINITE, "name": "x", "group_id": 5}, 7]
    skips = Skips()
    parts = {"images": [A | {"group_id": 5}], "categories": [*broken, *named]}
    (record,) = read("d3", skips, **files(tmp_path, **parts))
    assert record.counts("a bird") == 1 and record.lacks("a cat")
    assert skips.counts == {"category without number or name": 2, "not an object": 1}


@pytest.mark.parametrize("listed", [None, 7, "1", ["x", [1], None, 1.0]])
def test_lvis(tmp_path: Path, listed: object) -> None:
    image = A | {"neg_category_ids": listed, "not_exhaustive_category_ids": None}
    (record,) = read("lvis", **files(tmp_path, images=[image]))
    assert record.counts("wild bird") == 1
    assert record.lacks("dog") == isinstance(listed, list)


def test_refcoco(tmp_path: Path) -> None:
    said = [{"sent": "left \ud83dbird"}]
    rows = [
        "x", {"ann_id": 3, "image_id": None, "sentences": said},
        {"ann_id": 2.0, "image_id": 1, "sentences": said},
    ]  # fmt: skip
    (tmp_path / "r.json").write_text(json.dumps(rows))
    keys = (2, "x", None, INFINITE)
    found = [GOOD | {"id": key, "bbox": [60, 50, 30 - k, 20]} for k, key in enumerate(keys)]
    skips = Skips()
    paths = files(tmp_path, annotations=found) | {"references": tmp_path / "r.json"}
    (record,) = read("refcoco", skips, **paths)
    assert [o.phrases for o in record.objects] == [("left bird",), (), (), ()]
    assert skips.counts == {"not an object": 1, "broken reference": 1}


QUESTION = {"task": "region", "question": "find it", "images": ["a.png", "b.png"]}


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (QUESTION | {"answer": [0.5, 0.5, 0.50001, 0.6]}, "empty box"),
        (QUESTION | {"answer": [0.1, HUGE, 0.5, 0.5]}, "no box or no picture named"),
        (QUESTION | {"answer": [0.1, float("nan"), 0.5, 0.5]}, "empty box"),
        (QUESTION | {"answer": None, "additional_info": "(" + "9" * 5000 + ",1),(2,3)"},
         "no box or no picture named"),
        (QUESTION | {"question": None, "answer": [0.1, 0.1, 0.5, 0.5]},
         "unknown task or empty question"),
        (QUESTION | {"conversations": [7, None]}, "unknown task or empty question"),
        (QUESTION | {"conversations": [{"value": None}, {"value": "(1,1),(9,9)"}]},
         "unknown task or empty question"),
        ({"task": "group_grounding", "images": ["a.png"], "question": "find it",
          "additional_info": "image " + "9" * 5000, "answer": [0.1, 0.1, 0.5, 0.5]},
         "no box or no picture named"),
    ],
)  # fmt: skip
def test_mig(tmp_path: Path, item: dict[str, Any], reason: str) -> None:
    paths, skips = files(tmp_path), Skips()
    items = [item, QUESTION | {"answer": [0.1, 0.1, 0.5, 0.5]}]
    paths["annotations"].write_text(json.dumps(items))
    assert [s.id for s in read_mig(Source("s", paths), skips)] == ["s-000001"]
    assert skips.counts == {reason: 1}


@pytest.mark.parametrize(
    ("situation", "reason"),
    [
        (None, "no situation"), ([], "no situation"),
        ({"bbox": 7, "bbox_labels": 7}, "labels and boxes are no lists"),
        ({"bbox": {"a": 1}, "bbox_labels": ["o001"]}, "labels and boxes are no lists"),
        ({"bbox": [[1, 1, HUGE, 9]], "bbox_labels": ["o001"]}, "no box"),
    ],
)  # fmt: skip
def test_star(tmp_path: Path, situation: object, reason: str) -> None:
    for frame in ("1", "²"):
        picture(tmp_path / "V.mp4" / f"{frame}.png")
    (tmp_path / "o.txt").write_text("o001 person\n")
    good = {"bbox": [[5, 5, 40, 70]], "bbox_labels": ["o001"]}
    item = {"video_id": "V", "situations": {"1": situation, "²": good}}
    (tmp_path / "s.json").write_text(json.dumps([item]))
    skips = Skips()
    paths = {"annotations": tmp_path / "s.json", "objects": tmp_path / "o.txt", "images": tmp_path}
    records = read("star", skips, **paths)
    assert [o.label for r in records for o in r.objects] == ["person"]
    assert skips.counts == {reason: 1} and frame_number("²") == 0


@pytest.mark.parametrize(
    ("line", "unsure"),
    [
        ("nan,1,1,1,1,1,1,1,1", False), ("inf,1,1,1,1,1,1,1,1", False),
        ("1.5,1,1,1,1,1,1,1,1", False), ("1e300,1,1,1,1,1,1,1,1", None),
        ("1,nan,51,11,20,40,1,1,1", True), ("1,2,nan,11,20,40,1,1,1", True),
        ("1,2,51,11,20,40,1,nan,1", True), ("1,2,51,11,20,40,1,inf,1", True),
    ],
)  # fmt: skip
def test_mot(tmp_path: Path, line: str, unsure: bool | None) -> None:
    clip = tmp_path / "c%d"
    picture(clip / "img1" / "000001.jpg")
    (clip / "gt").mkdir()
    (clip / "gt" / "gt.txt").write_text(f"1,1,11,11,20,40,1,1,1\n{line}\n")
    (clip / "seqinfo.ini").write_text("[Sequence]\nimDir=img1\nimExt=.jpg\nname=c%d\n")
    skips = Skips()
    (record,) = read("mot", skips, folder=tmp_path, options={"stride": 1})
    assert len(record.objects) == 1
    # A row of the frame that can't be read may be of any class: nothing is counted on.
    assert record.counts("pedestrian") == (None if unsure else 1)
    assert skips.counts == {"unreadable picture" if unsure is None else "broken line": 1}


def test_a_frame_without_a_line_is_not_the_next_frame(tmp_path: Path) -> None:
    for clip in ("cat-1", "dog-1"):
        for k in range(1, 4):
            picture(tmp_path / clip / "img" / f"{k:08d}.jpg")
        (tmp_path / clip / "groundtruth.txt").write_text("1,1,30,30\n\n21,21,30,30\n")
    (tmp_path / "dog-1" / "groundtruth.txt").write_bytes(b"\xff\xfe")
    skips = Skips()
    records = read("lasot", skips, folder=tmp_path, options={"stride": 1})
    assert [(r.order, r.objects[0].box.x1) for r in records] == [(0, 0.0), (2, 20.0)]
    assert skips.counts == {"no box": 1, "broken annotation file": 1}


def test_views_of_objects_without_a_name(tmp_path: Path) -> None:
    picture(tmp_path / "take" / "ego" / "².jpg")
    whole_mask = {"size": [80, 100], "counts": [0, 8000]}
    masks = {name: {"ego": {"²": whole_mask}} for name in ("_0", "cup\ud83d_1")}
    (tmp_path / "take" / "annotation.json").write_text(json.dumps({"masks": masks}))
    skips = Skips()
    (record,) = read("views", skips, folder=tmp_path)
    assert [o.label for o in record.objects] == ["cup"] and skips.counts == {"no label": 1}


def test_a_build_gets_over_broken_rows(tmp_path: Path) -> None:
    folder = make_coco(tmp_path / "c")
    data = json.loads((folder / "instances.json").read_text())
    data["categories"][0]["name"] = "do\ud83dg"
    data["categories"] += [{"id": "x", "name": "y"}, {"id": 99}]
    data["images"] += [data["images"][0], data["images"][1] | {"id": 500}, {"width": INFINITE}]
    data["annotations"] += [{"image_id": 3, "category_id": 1, "bbox": [HUGE, 1, 1, 1]}]
    (folder / "instances.json").write_text(json.dumps(data))
    report = build(recipe(size=24), folder / "out", folder, workers=1)
    assert {reason: found["count"] for reason, found in report.skips["painted"].items()} == {
        "category without number or name": 2, "picture without number": 1, "no box": 1,
        "picture listed twice": 1, "picture of two numbers": 2,
    }  # fmt: skip
    assert (
        check(DataFolder(folder / "out")).ok and "dog" in (folder / "out/samples.jsonl").read_text()
    )
