"""Benchmarks whose data is gone, damaged or of another form: one line, and no lost report."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gemvg.tools.boxes import Box
from gemvg.tools.errors import DataError, ImageError
from gemvg.training.benchmarks.benchmark import Benchmark
from gemvg.training.benchmarks.cases import draw_case
from gemvg.training.benchmarks.evaluate import Chosen, evaluated
from gemvg.training.benchmarks.item import FilePicture, Item, TrueBox
from gemvg.training.benchmarks.outcome import Outcome
from gemvg.training.benchmarks.photos import MadePicture
from gemvg.training.benchmarks.registry import NAMES, make_benchmark
from gemvg.training.photo_questions import Shot, load_photos
from tests.training.benchmark_files import blink_rows, parquet, perfect


def lay_photos(folder: Path, count: int, objects: int) -> None:
    """So many photographs of the test half, each with so many objects of a class of its own."""
    (folder / "images").mkdir()
    names = [n for n in (f"{k}.jpg" for k in range(99)) if zlib.crc32(n.encode()) % 2][:count]
    outline = [[5, 5, 55, 5, 55, 55, 5, 55]]
    data = {
        "images": [
            {"id": k, "file_name": n, "width": 200, "height": 160} for k, n in enumerate(names)
        ],
        "categories": [{"id": k, "name": w} for k, w in enumerate(("dog", "cat", "cup", "car"))],
        "annotations": [
            {"image_id": k, "category_id": k, "bbox": [5 + 70 * j, 5, 50, 50], "iscrowd": 0,
             "segmentation": outline}
            for k in range(count) for j in range(objects)
        ],
    }  # fmt: skip
    (folder / "instances.json").write_text(json.dumps(data))


@pytest.mark.parametrize(
    ("count", "objects", "tasks"),
    [
        (0, 0, ()), (1, 0, ()), (1, 1, ("difference",)), (2, 0, ("region",)),
        (2, 1, ("region", "difference")), (3, 0, ("region",)),
        (3, 1, ("retrieval", "region", "difference")),
        (4, 2, ("retrieval", "reference", "region", "absent", "difference")),
    ],
)  # fmt: skip
def test_few_photographs_give_the_questions_that_they_can(
    count: int,
    objects: int,
    tasks: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gemvg.training.benchmarks.photos.PER_TASK", 2)
    lay_photos(tmp_path, count, objects)
    if tasks:
        assert tuple(dict.fromkeys(i.task for i in Chosen.of("photos", tmp_path).items)) == tasks
        return
    with pytest.raises(DataError, match=r"no question can be made of the .* Lay more") as error:
        Chosen.of("photos", tmp_path)
    assert "\n" not in str(error.value)


def lay_pictures(folder: Path) -> list[Path]:
    """The photographs of `lay_photos`, each of its own colour, by file name."""
    paths = [folder / "images" / f"{k}.jpg" for k in range(99)]
    paths = [p for p in paths if zlib.crc32(p.name.encode()) % 2]
    for k, path in enumerate(paths):
        Image.new("RGB", (200, 160), (9 * k % 255, 90, 60)).save(path)
    return paths


@pytest.mark.parametrize("damage", ["missing", "text"])
def test_a_photograph_that_is_not_there_fails_its_own_questions_and_no_report(
    damage: str, tmp_path: Path
) -> None:
    lay_photos(tmp_path, 4, 2)
    for path in lay_pictures(tmp_path)[1:4]:
        path.unlink() if damage == "missing" else path.write_text("no picture")
    chosen = Chosen.of("photos", tmp_path, ["region", "difference"], 4)
    errors = 0
    for source in (p for item in chosen.items for p in item.pictures):
        try:
            source.open()
        except ImageError:
            errors += 1
    assert errors > 0
    done = evaluated(chosen, perfect(list(chosen.items)), {}, False)
    done.write(tmp_path / "out")
    assert (tmp_path / "out" / "report.html").is_file()


def test_photographs_are_shown_upright_and_only_as_they_were_annotated(tmp_path: Path) -> None:
    lay_photos(tmp_path, 4, 2)
    first, second, third, *_ = lay_pictures(tmp_path)
    turned = Image.Exif()
    turned[0x0112] = 6
    # Annotated upright; annotated as it lies; resized since.
    Image.new("RGB", (160, 200), (200, 10, 10)).save(first, exif=turned)
    Image.new("RGB", (200, 160), (10, 200, 10)).save(second, exif=turned)
    Image.new("RGB", (100, 80), (10, 10, 200)).save(third)
    photos = {p.path.name: p for p in load_photos(tmp_path)}
    part = Shot(photos[first.name], window=Box(0, 0, 100, 60))
    assert Shot(photos[first.name]).render().size == (200, 160) and part.render().size == (100, 60)
    shown = {
        s.shot.photo.path if isinstance(s, MadePicture) else Path(s.name)
        for i in Chosen.of("photos", tmp_path).items for s in i.pictures
    }  # fmt: skip
    assert first in shown and not {second, third} & shown
    for path in (tmp_path / "images").iterdir():
        Image.new("RGB", (100, 80)).save(path)
    with pytest.raises(DataError, match="have other sizes"):
        Chosen.of("photos", tmp_path)


@pytest.mark.parametrize("damage", ["missing", "text"])
def test_a_parquet_file_that_goes_fails_its_own_questions_and_no_report(
    damage: str, tmp_path: Path
) -> None:
    path = tmp_path / "Counting" / "val-00000-of-00001.parquet"
    parquet(path, blink_rows(3))
    chosen = Chosen.of("blink", tmp_path)
    path.unlink() if damage == "missing" else path.write_text("no table")
    for source in chosen.items[0].pictures:
        with pytest.raises(ImageError, match="the file can't be read"):
            source.open()
    evaluated(chosen, perfect(list(chosen.items)), {}, False).write(tmp_path / "out")
    assert (tmp_path / "out" / "report.html").is_file()


@pytest.mark.parametrize("box", [(0, 0, 0, 0), (-9, -9, 5, 5), (float("nan"),) * 4])
def test_a_case_without_its_picture_is_drawn_whatever_its_boxes(box: tuple[float, ...]) -> None:
    item = Item("x", "t", "?", (FilePicture("/gone.jpg"),), (TrueBox(1, Box(*box)),))
    (panel,) = draw_case(item, Outcome("x", "t"), "f1").panels
    assert panel.width > 0 and panel.height > 0


@pytest.mark.parametrize(
    ("part", "change", "words"),
    [
        ("images", {"width": 0}, "row 2 of its images"),
        ("images", {"file_name": None, "height": "x"}, "row 2 of its images"),
        ("categories", {"id": [1]}, "row 2 of its categories|row 1 of its annotations"),
        ("annotations", {"bbox": [1, 2, 3]}, "row 2 of its annotations"),
        ("annotations", {"image_id": 77}, r"row 2 of its annotations .*KeyError: 77"),
        ("annotations", {"category_id": None}, "row 2 of its annotations"),
        ("annotations", {"bbox": [10**400, 1, 1, 1]}, "row 2 of its annotations"),
    ],
)
def test_a_row_of_photographs_that_is_wrong_is_named(
    part: str, change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    lay_photos(tmp_path, 3, 1)
    file = tmp_path / "instances.json"
    data = json.loads(file.read_text())
    # As editors of some systems write it, with a mark before the text.
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(data).encode())
    assert len(load_photos(tmp_path)) == 3
    data[part][1] |= change
    file.write_text(json.dumps(data))
    with pytest.raises(DataError, match=words):
        load_photos(tmp_path)


@pytest.mark.parametrize(
    ("name", "file", "body", "words"),
    [
        ("refcoco", "refcoco_val.jsonl", b'{"sent": "x"}\n\nnonsense\n', "line 3: not JSON"),
        ("refcoco", "refcoco_val.jsonl", b'{"sent": "x"}\n', "not in RefCOCO's published form"),
        ("mmiu", "all.json", b'{"a": 1}', "a list of items expected"),
        ("mmiu", "all.json", b"[[1]]", "not in mmiu's published form"),
        ("mmiu", "all.json", b'[{"task": "t", "question": "q", "context": "A: x", "output": "A",'
         b' "input_image_path": [{"bytes": "x"}]}]', "not in mmiu's published form"),
        ("mig-bench", "revised_MIG_bench.json", b'[{"answer": [1, 2, 3, 4], "images": ["a"]},'
         b' {"answer": [], "images": null}]', "item 2 is not one"),
        ("mig-bench", "revised_MIG_bench.json", b'[{"answer": [1, 2, 3, 4], "images": ["a"]}]',
         "item 1 is not one"),
        ("mc-bench", "mc-bench_v0.2_val.json", b'{"images": [{"id": 1e999}]}', "published form"),
    ],
)  # fmt: skip
def test_data_of_another_form_is_one_line(
    name: str, file: str, body: bytes, words: str, tmp_path: Path
) -> None:
    (tmp_path / file).write_bytes(body)
    with pytest.raises(DataError, match=words):
        make_benchmark(name).load(tmp_path)


@pytest.mark.parametrize("change", [{"boxes": [{"image": 1e999, "box": [1, 2, 3, 4]}]},
                                    {"tokens": {"a": 1e999}}, {"boxes": 7}])  # fmt: skip
def test_a_record_of_another_form_is_one_line(change: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="not a line of a results file"):
        Outcome.from_json({"id": "x", "task": "t", **change})


def test_a_benchmark_without_items_is_said(tmp_path: Path) -> None:
    (tmp_path / "revised_MIG_bench.json").write_text("[]")
    with pytest.raises(DataError, match="mig-bench: no item in"):
        Chosen.of("mig-bench", tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_missing_data_is_one_line_with_place_and_source(name: str, tmp_path: Path) -> None:
    bench: Benchmark = make_benchmark(name)
    with pytest.raises(DataError) as error:
        bench.load(tmp_path / "absent")
    text = str(error.value)
    assert "\n" not in text and str(tmp_path / "absent") in text and bench.place.layout in text
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError):
        bench.load(tmp_path / "empty")
