"""`data check` finds what was planted; a clean data set is clean."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gemvg.agent.cli.main import run
from gemvg.tools.errors import DataError, UsageError
from gemvg.training.data.build import build
from gemvg.training.data.check import CheckReport, check
from gemvg.training.data.folder import DataFolder, manifest_roots
from gemvg.training.data.hashing import look_alike, near_pairs, picture_hash
from gemvg.training.data.sample import ImageRef, Sample, TruthBox
from gemvg.training.data.verify_pixels import pixel_findings
from tests.training.data_fixtures import make_coco, recipe

Row = dict[str, Any]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_coco(tmp_path_factory.mktemp("coco"))
    build(recipe(size=84), folder / "out", folder, workers=1)
    return folder


@pytest.fixture
def copy(clean: Path, tmp_path: Path) -> Path:
    shutil.copytree(clean, tmp_path / "c")
    return tmp_path / "c"


def plant(folder: Path, change: Callable[[list[Row]], None]) -> CheckReport:
    file = folder / "out" / "samples.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    change(rows)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return check(DataFolder(folder / "out"))


def wrong(report: CheckReport) -> list[tuple[str, str]]:
    return [(f.kind, f.what) for f in report.findings if f.kind != "balance"]


def test_clean(clean: Path) -> None:
    report = check(DataFolder(clean / "out"), [])
    assert wrong(report) == [] and report.ok and report.pictures > 0


def first(rows: list[Row], op: str, boxes: int = 1) -> Row:
    return next(r for r in rows if r["meaning"]["op"] == op and len(r["answer"]) >= boxes)


def test_a_planted_repeat(copy: Path) -> None:
    def change(rows: list[Row]) -> None:
        rows.append(rows[0] | {"id": "again"})

    kinds = [kind for kind, _ in wrong(plant(copy, change))]
    assert "repeat" in kinds


def test_a_planted_box_outside(copy: Path) -> None:
    def change(rows: list[Row]) -> None:
        row = first(rows, "all")
        row["answer"][0]["box"][2] = row["images"][row["answer"][0]["image"] - 1]["width"] + 9

    found = wrong(plant(copy, change))
    assert any(kind == "form" and "box outside" in what for kind, what in found)


def test_a_planted_missing_box(copy: Path) -> None:
    def change(rows: list[Row]) -> None:
        row = first(rows, "all", 2)
        row["answer"].pop()
        row["targets"] = "single" if len(row["answer"]) == 1 else "multi"

    assert any("is missing" in what for kind, what in wrong(plant(copy, change)))


def test_a_planted_wrong_count(copy: Path) -> None:
    def change(rows: list[Row]) -> None:
        row = first(rows, "count")
        row["text"] = str(int(row["text"]) + 1)

    assert any("the text says" in what for _, what in wrong(plant(copy, change)))


def test_planted_wrong_targets(copy: Path) -> None:
    def change(rows: list[Row]) -> None:
        first(rows, "all")["targets"] = "none"

    found = wrong(plant(copy, change))
    assert any("targets says none" in what for _, what in found)


def test_a_planted_shifted_box(copy: Path) -> None:
    def change(rows: list[Row]) -> None:
        box = first(rows, "all")["answer"][0]["box"]
        box[0] += 0.5

    assert any("no valid answer" in what for _, what in wrong(plant(copy, change)))


def test_planted_words(copy: Path) -> None:
    def change(rows: list[Row]) -> None:
        row = first(rows, "all")
        row["question"] = "Find every zebra."
        row["prompts"] = []

    assert any("does not name" in what for _, what in wrong(plant(copy, change)))


def test_a_planted_swapped_pair_of_pictures(copy: Path) -> None:
    def change(rows: list[Row]) -> None:
        row = next(r for r in rows if r["task"] == "region" and len(r["images"]) == 2)
        box = row["answer"][0]["box"]
        row["answer"][0]["box"] = [0, 0, box[2] - box[0], box[3] - box[1]]

    assert any("close-up" in what for _, what in wrong(plant(copy, change)))


def test_a_missing_picture_and_a_damaged_line(copy: Path) -> None:
    def change(rows: list[Row]) -> None:
        made = next(i for r in rows for i in r["images"] if i.get("root") is None)
        (copy / "out" / made["file"]).unlink()

    found = wrong(plant(copy, change))
    assert any(kind == "picture" for kind, _ in found)
    with (copy / "out" / "samples.jsonl").open("a") as file:
        file.write('{"id": "x"}\nnot json\n')
    report = check(DataFolder(copy / "out"), [], pixels=False)
    lines = [f.where for f in report.findings if f.kind == "form"]
    assert lines[:2] == ["samples.jsonl, line 85", "samples.jsonl, line 86"]


@pytest.mark.slow
def test_a_planted_leak(copy: Path, tmp_path: Path) -> None:
    bench = tmp_path / "bench"
    bench.mkdir()
    source = Image.open(copy / "images" / "000001.png").convert("RGB")
    source.resize((200, 150)).save(bench / "stolen.jpg", quality=60)
    Image.fromarray(np.random.default_rng(7).integers(0, 255, (90, 90, 3), dtype=np.uint8)).save(
        bench / "other.png"
    )
    (tmp_path / "bench.json").write_text(
        json.dumps([{"images": ["./bench/stolen.jpg"], "question": "?"}])
    )
    for against in (bench, bench / "stolen.jpg", tmp_path / "bench.json"):
        report = check(DataFolder(copy / "out"), [against])
        leaks = [f for f in report.findings if f.kind == "leak"]
        assert leaks and all("stolen.jpg" in f.what for f in leaks)
    with pytest.raises(DataError, match="no such"):
        check(DataFolder(copy / "out"), [tmp_path / "gone"])


def test_a_planted_picture_in_two_splits(copy: Path) -> None:
    def change(rows: list[Row]) -> None:
        row = first(rows, "all")
        twin = json.loads(json.dumps(row)) | {"id": "twin", "question": row["question"] + " "}
        twin["split"] = "val" if row["split"] == "train" else "train"
        for ref in twin["images"]:
            copied = copy / "images" / f"copy-{ref['file']}"
            Image.open(copy / "images" / ref["file"]).resize((310, 236)).save(copied)
            ref["file"] = copied.name
        rows.append(twin)

    kinds = [kind for kind, _ in wrong(plant(copy, change))]
    assert "same picture in two splits" in kinds


@pytest.mark.parametrize("pixels", [True, False])
def test_the_very_same_file_in_two_splits(copy: Path, pixels: bool) -> None:
    rows = [json.loads(line) for line in (copy / "out/samples.jsonl").read_text().splitlines()]
    row = first(rows, "all")
    twin = json.loads(json.dumps(row)) | {"id": "twin", "question": row["question"] + " "}
    twin["split"] = "val" if row["split"] == "train" else "train"
    report = plant(copy, lambda rows: rows.append(twin))
    report = report if pixels else check(DataFolder(copy / "out"), pixels=False)
    shared = [f for f in report.findings if f.kind == "same picture in two splits"]
    shown = {Path(ref["file"]).name for ref in row["images"]}
    assert {f.what.split()[0] for f in shared} == shown and not report.ok
    assert all(f"{twin['split']} (twin)" in f.what for f in shared)


def test_damaged_lines_are_findings_and_stop_nothing(copy: Path) -> None:
    samples, pictures = copy / "out" / "samples.jsonl", copy / "out" / "pictures.jsonl"
    with samples.open("ab") as file:
        file.write(b'\xff\xfe\n{"id": "x"}\n')
    lines = pictures.read_bytes().splitlines(keepends=True)
    number = len(lines)
    wrong_record = (
        b'{"key": ":x", "record": {"objects": [{"label": "a", "box": [1]}]}, "notes": {}}\n'
    )
    pictures.write_bytes(
        b"".join([*lines, b"\n", b"\xff\n", b"[]\n", wrong_record, lines[0][:-200]])
    )
    report = check(DataFolder(copy / "out"), pixels=False)
    assert report.samples == 84 == report.verified
    assert [(f.kind, f.where) for f in report.findings if f.kind != "balance"] == [
        *(("form", f"pictures.jsonl, line {number + k}") for k in range(1, 6)),
        ("form", "samples.jsonl, line 85"),
        ("form", "samples.jsonl, line 86"),
    ]
    with pytest.raises(DataError, match=r"samples\.jsonl, line 85"):
        list(DataFolder(copy / "out").samples())
    samples.unlink()
    with pytest.raises(DataError, match=r"samples\.jsonl: can't be opened"):
        check(DataFolder(copy / "out"))


@pytest.mark.parametrize(
    "meaning",
    [
        {"op": ["all"]}, {"op": "count", "label": 7, "by": "total"}, {"op": "region"},
        {"op": "region", "crop": 99}, {"op": "rank", "image": 1, "key": "left", "label": "dog"},
        {"op": "all", "labels": ["dog"], "number": 9999},
    ],
)  # fmt: skip
def test_a_meaning_that_says_nothing_is_a_finding(copy: Path, meaning: Row) -> None:
    report = plant(copy, lambda rows: first(rows, "all").update(meaning=meaning))
    assert report.samples == 84 and [f.kind for f in report.findings if f.kind == "answer"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "no JSON"), ("[]", "no object"), ("\udcff", "no JSON"), ("[" * 100_000, "no JSON"),
        ('{"complete": true}', "roots"), ('{"complete": true, "roots": null}', "roots"),
        ('{"complete": true, "roots": {"a": 7}}', "roots"),
    ],
)  # fmt: skip
def test_a_damaged_manifest_is_one_error(tmp_path: Path, text: str, says: str) -> None:
    assert manifest_roots(tmp_path) == {}
    (tmp_path / "dataset.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    for opened in (DataFolder, manifest_roots):
        with pytest.raises(DataError, match=rf"dataset\.json: damaged, .*{says}") as error:
            opened(tmp_path)
        assert error.value.cure and "\n" not in str(error.value)
    with pytest.raises(UsageError, match="damaged"):
        build(recipe(), tmp_path, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("listed", "says"),
    [
        ('[{"images": ["good.png", "x/1.png", "x/2.png"]}]', "of 3 pictures: 2 missing (x/1.png, "),
        ('{"images": [{"file_name": "good.png"}, {"file_name": "bad.png"}]}',
         "of 2 pictures: 1 unreadable (bad.png)"),
        ('[{"images": null}, 7, {"image": "good.png"}, "./good.png"]',
         "of 1 pictures: 2 items without a picture (0, 1)"),
        ('{"images": null, "data": [{"images": "good.png"}, {"images": [null, {"file": "' +
         "n" * 300 + '"}]}]}', "of 2 pictures: 1 missing (nnn"),
        ('{"images": ["good.png"]}\n[\n', "of 1 pictures: 1 broken lines (2)"),
        ('["good.png"]', None),
    ],
)  # fmt: skip
def test_benchmark_pictures_that_are_not_there_are_told(
    copy: Path, tmp_path: Path, listed: str, says: str | None
) -> None:
    shutil.copy(copy / "images" / "000001.png", tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"nope")
    file = tmp_path / ("b.jsonl" if "\n" in listed else "b.json")
    file.write_text(listed)
    report = check(DataFolder(copy / "out"), [file])
    told = [f.what for f in report.findings if f.kind == "not compared"]
    assert [text[: len(says or "")] for text in told] == ([says] if says else [])
    assert report.benchmark == 1 and any(f.kind == "leak" for f in report.findings)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("gone.json", None, "no such"), ("b.json", "{", "not a readable"),
        ("b.json", '{"images": null}', "no picture named"), ("b.json", "7", "no picture named"),
        ("b.json", '[{"images": null}]', "no picture named"),
        ("b.json", '[{"images": ["a.png", "b.png"]}]', "none of the 2 pictures"),
        ("empty", None, "no benchmark pictures"),
    ],
)  # fmt: skip
def test_what_names_no_benchmark_picture_is_one_error(
    clean: Path, tmp_path: Path, name: str, text: str | None, says: str
) -> None:
    (tmp_path / "empty").mkdir()
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=says) as error:
        check(DataFolder(clean / "out"), [tmp_path / name])
    assert "\n" not in str(error.value)


def test_benchmark_pictures_need_pixels(clean: Path, tmp_path: Path) -> None:
    given = ["data", "check", str(clean / "out"), "--no-pixels", "--against"]
    assert run([*given, str(tmp_path / "gone.json")]) == 2
    with pytest.raises(UsageError, match="--no-pixels"):
        check(DataFolder(clean / "out"), [clean / "images"], pixels=False)


@given(st.lists(st.integers(0, 2**64 - 1), max_size=20), st.lists(st.integers(0, 63), max_size=5))
def test_near_pairs_is_brute_force(hashes: list[int], flips: list[int]) -> None:
    other = list(hashes)
    if other:
        for bit in flips:
            other[0] ^= 1 << bit
    brute = {
        (i, j, (a ^ b).bit_count())
        for i, a in enumerate(hashes)
        for j, b in enumerate(other)
        if (a ^ b).bit_count() <= 6
    }
    assert set(near_pairs(hashes, other)) == brute


def test_a_plain_picture_has_no_hash(tmp_path: Path) -> None:
    Image.new("RGB", (50, 50), (9, 99, 200)).save(tmp_path / "p.png")
    assert picture_hash(tmp_path / "p.png") is None


def test_near_hashes_get_a_second_look(tmp_path: Path) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (12, 16, 3)).astype(np.uint8)
    Image.fromarray(noise).resize((320, 240), Image.Resampling.BICUBIC).save(tmp_path / "a.png")
    one = Image.open(tmp_path / "a.png")
    one.resize((150, 120)).save(tmp_path / "again.jpg", quality=50)
    other = np.random.default_rng(4).integers(0, 255, (12, 16, 3)).astype(np.uint8)
    Image.fromarray(other).resize((320, 240), Image.Resampling.BICUBIC).save(tmp_path / "b.png")
    assert look_alike(tmp_path / "a.png", tmp_path / "again.jpg")
    assert not look_alike(tmp_path / "a.png", tmp_path / "b.png")


@pytest.mark.parametrize(
    ("second", "found"),
    [
        # Grey 110 both: another hue of the same brightness is a change, the same colour is none.
        ((69, 138, 74), []),
        ((189, 86, 27), ["nothing changes in [30.0, 30.0, 70.0, 60.0]"]),
    ],
)
def test_a_change_of_hue_alone_is_a_change(
    tmp_path: Path, second: tuple[int, int, int], found: list[str]
) -> None:
    for name, colour in (("a.png", (189, 86, 27)), ("b.png", second)):
        picture = Image.new("RGB", (100, 80), (120, 120, 120))
        picture.paste(colour, (30, 30, 70, 60))
        picture.save(tmp_path / name)
    grey = [Image.open(tmp_path / n).convert("L").getpixel((50, 45)) for n in ("a.png", "b.png")]
    assert max(grey) - min(grey) <= 1
    manifest = {"name": "x", "complete": True, "roots": {}}
    (tmp_path / "dataset.json").write_text(json.dumps(manifest))
    sample = Sample(
        id="d", task="difference", demand="semantic", question="What differs?",
        images=[ImageRef(file=n, width=100, height=80) for n in ("a.png", "b.png")],
        answer=[TruthBox(image=2, box=(30, 30, 70, 60), label="sink")], targets="single",
        meaning={"op": "changed", "images": [2]}, source="s", licence="l",
    )  # fmt: skip
    assert pixel_findings(DataFolder(tmp_path), sample) == found
