"""Loaders on small files of the published shapes, made from real photographs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gemvg.tools.boxes import Box
from gemvg.tools.errors import DataError, UsageError
from gemvg.training.benchmarks.evaluate import Chosen
from gemvg.training.benchmarks.multiple_choice import Blink, Mmiu, MuirBench
from gemvg.training.benchmarks.odinw import Odinw13, Odinw13PerClass, annotation_files
from gemvg.training.benchmarks.outcome import FoundBox, Outcome
from gemvg.training.benchmarks.refcoco import RefCoco, split_of
from gemvg.training.benchmarks.registry import data_folder, make_benchmark
from gemvg.training.benchmarks.runner import choose
from tests.shared import SHARED, needs_shared
from tests.training.benchmark_files import blink_rows, jpeg, parquet, perfect, photographs


def coco(names: list[str], files: list[str]) -> dict[str, Any]:
    return {
        "images": [
            {"id": k, "file_name": f, "width": 32, "height": 24} for k, f in enumerate(files)
        ],
        "categories": [{"id": k, "name": n} for k, n in enumerate(["things", *names])],
        "annotations": [
            {"id": 3 * k + c, "image_id": k, "category_id": c, "bbox": [c, 2, 10, 12], "area": 120,
             "iscrowd": 0}
            for k in range(len(files)) for c in range(1, len(names) + 1) if (k + c) % 3
        ],
    }  # fmt: skip


@pytest.fixture
def odinw(tmp_path: Path) -> Path:
    for name, inner, classes in (
        ("Raccoon", "Raccoon.v2-raw.coco/valid", ["raccoon"]),
        ("Aquarium", "Aquarium Combined/valid", ["fish", "jellyfish", "stingray"]),
    ):
        folder = tmp_path / name / inner
        folder.mkdir(parents=True)
        files = [f"{k}.jpg" for k in range(4)]
        for file in files:
            (folder / file).write_bytes(jpeg())
        text = json.dumps(coco(classes, files))
        (folder / "annotations_without_background.json").write_text(text)
        train = folder.parent / "train"
        train.mkdir()
        (train / "annotations_without_background.json").write_text("[broken")
    return tmp_path


@pytest.mark.parametrize("kind", [Odinw13, Odinw13PerClass])
def test_odinw(odinw: Path, kind: type[Odinw13]) -> None:
    bench = kind()
    items = bench.load(odinw)
    assert {i.task for i in items} == {"Raccoon", "Aquarium"}
    assert all(Path(i.pictures[0].name).is_file() for i in items)
    result = bench.score(items, perfect(items))
    assert result.summary.headline == ("mAP", pytest.approx(100.0))
    assert any("2 sets of 13" in n for n in result.summary.notes)
    assert bench.score(items, {}).summary.headline[1] == 0.0
    with pytest.raises(UsageError, match="no --official"):
        bench.score(items, {}, official=True)


def test_odinw_asks_once_or_by_class(odinw: Path) -> None:
    every, single = Odinw13().load(odinw), Odinw13PerClass().load(odinw)
    assert len(every) == 8 and all(len(i.truth) == 1 for i in single)
    assert every[0].query == "Locate every object of these categories: fish, jellyfish, stingray."
    assert "things" not in every[0].query
    assert single[0].query == "Locate every fish." and len(single) > len(every)


def test_odinw_labels_must_be_classes(odinw: Path) -> None:
    bench = Odinw13()
    items = [i for i in bench.load(odinw) if i.task == "Aquarium"]

    def labelled(word: Callable[[str], str]) -> dict[str, Outcome]:
        return {
            n: replace(o, boxes=tuple(replace(b, label=word(b.label or "")) for b in o.boxes))
            for n, o in perfect(items).items()
        }

    assert bench.score(items, labelled(str.upper)).summary.headline[1] == pytest.approx(100.0)
    result = bench.score(items, labelled(lambda _: "shark"))
    assert result.summary.headline[1] == 0.0
    assert any("no class of their set" in n for n in result.summary.notes)


@needs_shared
def test_refcoco_json_lines(tmp_path: Path) -> None:
    (tmp_path / "train2014").mkdir()
    lines = []
    for photo in photographs(3):
        (tmp_path / "train2014" / photo.name).write_bytes(photo.read_bytes())
        lines.append({"image": f"data/coco/train2014/{photo.name}", "sent": "left one",
                      "bbox": [10, 20, 110, 220], "width": 640, "height": 480})  # fmt: skip
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / "refcoco+_testA.jsonl").write_text(text)
    (tmp_path / "refcoco_val.jsonl").write_text(text)
    (tmp_path / "refcoco_train.jsonl").write_text("broken")
    bench = RefCoco()
    items = bench.load(tmp_path)
    assert [i.task for i in items] == ["refcoco-val"] * 3 + ["refcoco+-testA"] * 3
    assert items[0].pictures[0].open().width > 0
    assert items[0].truth[0].box == Box(10, 20, 110, 220)
    result = bench.score(items, perfect(items))
    assert result.summary.averages[0].values[1] == 100.0
    corner = FoundBox(1, Box(0, 0, 5, 5))
    two = {n: replace(o, boxes=(corner, *o.boxes)) for n, o in perfect(items).items()}
    assert bench.score(items, two).summary.headline[1] == 0.0


@pytest.mark.parametrize(
    ("path", "task"),
    [
        ("refcoco_val.jsonl", "refcoco-val"),
        ("refcoco+_testB.jsonl", "refcoco+-testB"),
        ("refcocog_test.jsonl", "refcocog-test"),
        ("RefCOCOplus/data/testA-00000-of-00001.parquet", "refcoco+-testA"),
        ("RefCOCOg/val-00000-of-00001.parquet", "refcocog-val"),
        ("refcocog_testA.jsonl", None),
        ("other.jsonl", None),
    ],
)
def test_refcoco_file_names(path: str, task: str | None) -> None:
    assert split_of(Path(path)) == task


def test_refcoco_parquet(tmp_path: Path) -> None:
    rows = [{"question_id": "1", "image": {"bytes": jpeg((64, 48)), "path": "a.jpg"},
             "answer": ["the dog", "left dog"], "bbox": [1.0, 2.0, 10.0, 20.0]}]  # fmt: skip
    parquet(tmp_path / "RefCOCO" / "data" / "testB-00000-of-00001.parquet", rows)
    items = RefCoco().load(tmp_path)
    assert [i.query for i in items] == ["the dog", "left dog"]
    assert items[1].pictures[0].open().size == (64, 48)
    assert items[0].truth[0].box == Box(1, 2, 11, 22)


def test_blink_parquet(tmp_path: Path) -> None:
    parquet(tmp_path / "Counting" / "val-00000-of-00001.parquet", blink_rows(5))
    parquet(tmp_path / "Counting" / "test-00000-of-00001.parquet", blink_rows(1))
    bench = Blink()
    items = bench.load(tmp_path)
    assert [len(i.pictures) for i in items] == [1, 2, 1, 2, 1]
    assert items[4].pictures[0].open().size == (32, 24)
    said = ["(B)", "A", "<think>A?</think><answer>B</answer>", "two of them", ""]
    outcomes = {i.id: Outcome(i.id, i.task, raw=t) for i, t in zip(items, said, strict=True)}
    result = bench.score(items, outcomes)
    assert [o.scores["accuracy"] for o in result.outcomes] == [1.0, 0.0, 1.0, 0.0, 0.0]
    assert result.summary.headline == ("micro accuracy", pytest.approx(40.0))
    assert any("2 answers pick no option" in n for n in result.summary.notes)


def test_muirbench_parquet(tmp_path: Path) -> None:
    cells = [{"bytes": jpeg((8 * k, 8)), "path": ""} for k in (1, 2, 3, 4)]
    rows = [{"idx": "1", "task": "Ordering", "image_relation": "temporal", "image_type": "photo",
             "question": "Which of <image> and <image> is like <image>?",
             "options": ["<image>", "the first", "none"], "answer": "C",
             "image_list": cells}]  # fmt: skip
    parquet(tmp_path / "data" / "test-00000-of-00001.parquet", rows)
    (item,) = MuirBench().load(tmp_path)
    assert "Which of Image 1 and Image 2 is like Image 3?\n(A) Image 4\n(B) the first" in item.query
    assert [p.open().width for p in item.pictures] == [8, 16, 24, 32]
    assert item.answer == "C" and MuirBench().item_scores(item, Outcome("1", "t", text="C.")) == {
        "accuracy": 1.0
    }


def lay_twice(folder: Path, name: str) -> None:
    """Two files of one split or task in a benchmark's published form, or one of several tasks."""
    for n in range(2):
        shard = f"0000{n}-of-00002"
        said = {"image": "a.jpg", "sent": f"number {n}", "bbox": [0, 0, 10, 10]}
        row = {"image": {"bytes": jpeg(), "path": ""}, "answer": ["x", "y"],
               "bbox": [0.0, 0.0, 9.0, 9.0]}  # fmt: skip
        mmiu = {"task": "t", "question": "q", "output": "A", "options": "A: x\nB: y",
                "input_image_path": ["a.jpg"]}  # fmt: skip
        muir = {"idx": str(n), "task": "t", "question": "q", "options": ["x", "y"], "answer": "A",
                "image_list": [row["image"]]}  # fmt: skip
        if name == "refcoco":
            (folder / f"refcoco_val-{shard}.jsonl").write_text(f"{json.dumps(said)}\n" * 3)
            parquet(folder / "RefCOCO" / "data" / f"val-{shard}.parquet", [row] * 3)
        elif name == "blink":
            rows = [{**r, "idx": f"{r['idx']}_{n}"} for r in blink_rows(3)]
            parquet(folder / "Counting" / f"val-{shard}.parquet", rows)
        elif name == "muirbench":
            parquet(folder / "data" / f"test-{shard}.parquet", [muir])
        else:
            (folder / f"{n}.json").write_text(json.dumps([mmiu] * 3))


@pytest.mark.parametrize(
    ("name", "count"), [("refcoco", 18), ("blink", 6), ("muirbench", 2), ("mmiu", 6)]
)
def test_ids_are_unique_over_several_files(name: str, count: int, tmp_path: Path) -> None:
    lay_twice(tmp_path, name)
    items = Chosen.of(name, tmp_path).items
    assert len(items) == len({i.id for i in items}) == count
    assert items[0].id == items[0].id.replace("00002", "00001"), "numbers begin at 1"


@needs_shared
@pytest.mark.parametrize(("name", "folder"), [("photos", "photos"), ("mig-bench", "mig_bench")])
def test_ids_are_unique_in_the_data_at_hand(name: str, folder: str) -> None:
    if not (SHARED / folder).is_dir():
        pytest.skip("the data is not here")
    items = Chosen.of(name, SHARED / folder).items
    assert len({i.id for i in items}) == len(items)


@pytest.mark.parametrize("kind", [Odinw13, Odinw13PerClass])
def test_odinw_ids_are_unique(odinw: Path, kind: type[Odinw13]) -> None:
    items = Chosen.of(kind.name, odinw).items
    assert len({i.id for i in items}) == len(items) > 6


def test_a_file_that_is_there_twice_is_told(tmp_path: Path) -> None:
    for name in ("Counting", "Counting copy"):
        parquet(tmp_path / name / "val-00000-of-00001.parquet", blink_rows(2))
    with pytest.raises(DataError, match=r"two items of .* have the id 'val_Counting_0'") as error:
        Chosen.of("blink", tmp_path)
    assert "\n" not in str(error.value)


@needs_shared
def test_mmiu_json(tmp_path: Path) -> None:
    for k, photo in enumerate(photographs(2)):
        (tmp_path / f"{k}.jpg").write_bytes(photo.read_bytes())
    rows = [{"task": "person_reid", "question": "Same person?", "output": "B",
             "context": "Select from the following choices.\nA: yes\nB: no",
             "options": "A: yes\nB: no", "input_image_path": ["./0.jpg", "./1.jpg"]}]  # fmt: skip
    (tmp_path / "all.json").write_text(json.dumps(rows))
    (item,) = Mmiu().load(tmp_path)
    assert item.options == ("yes", "no") and item.pictures[1].open().width > 0
    assert Mmiu().item_scores(item, Outcome(item.id, item.task, raw="no"))["accuracy"] == 1.0


@needs_shared
def test_photos_are_the_same_questions_every_time() -> None:
    bench = make_benchmark("photos")
    items = bench.load(SHARED / "photos")
    assert {i.task for i in items} == {
        "retrieval", "common", "reference", "region", "absent", "difference"
    }  # fmt: skip
    again = bench.load(SHARED / "photos")
    assert [(i.id, i.query, i.truth) for i in items] == [(i.id, i.query, i.truth) for i in again]
    result = bench.score(items, perfect(items))
    assert result.summary.headline == ("macro F1@0.5", 100.0)
    nothing = bench.score(items, {}).summary
    assert nothing.averages[0].values[0] == 0.0
    few = choose(items, ["region"], 2)
    picture = few[0].pictures[-1].open()
    assert picture.digest == few[0].pictures[-1].open().digest


def test_a_set_may_lie_below_a_folder_named_train(tmp_path: Path) -> None:
    place = tmp_path / "train" / "odinw" / "Raccoon"
    for part in ("train", "valid"):
        (place / part).mkdir(parents=True)
        body = json.dumps(coco(["raccoon"], [f"{part}.jpg"]))
        (place / part / "annotations_without_background.json").write_text(body)
    (item,) = Odinw13().load(place.parent)
    assert item.pictures[0].name.endswith("valid.jpg")


@pytest.mark.parametrize(
    ("name", "files", "taken"),
    [
        ("ShellfishOpenImages", ("416x416/valid/a", "416x416/test/a", "raw/valid/a"), 2),
        ("VehiclesOpenImages", ("raw/valid/a", "416x416/test/a", "416x416/valid/a"), 2),
        ("Raccoon", ("Raccoon.v2-raw.coco/valid/a", "Raccoon.v38-416x416-resize.coco/valid/a"), 0),
        ("Packages", ("augmented-v1/valid/a", "Raw/test/a"), 1),
        ("pistols", ("export/test/a", "export/val_a", "other/valid/a"), 1),
        ("pothole", ("test/a", "train/a"), 0),
    ],
)
def test_the_variant_of_a_set_is_the_published_one(
    name: str, files: tuple[str, ...], taken: int, tmp_path: Path
) -> None:
    paths = [tmp_path / name / f"{f}nnotations_without_background.json" for f in files]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    assert annotation_files(tmp_path) == {name: paths[taken]}


def test_names_and_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GEMVG_BENCHMARKS", str(tmp_path))
    assert data_folder("mc-bench", None) == tmp_path / "mc-bench"
    assert data_folder("mc-bench", Path("x")) == Path("x")
    with pytest.raises(UsageError, match="mig-bench"):
        make_benchmark("coco")
