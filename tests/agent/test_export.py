"""Exports: every box comes back from every format, within the format's precision."""

import csv
import json
from xml.etree import ElementTree

import pyarrow.parquet as pq
import pytest
import supervision as sv
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from gemvg.agent.batch.record import BatchRecord
from gemvg.agent.cli import main as cli
from gemvg.agent.export import FORMATS, default_target, export
from gemvg.agent.export.records import by_picture, names_for, read_records
from gemvg.tools.errors import DataError, UsageError

SIZE = st.integers(1, 40_000)
LABEL = st.none() | st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)


@st.composite
def boxes(draw, images):
    image = draw(st.sampled_from(images))
    spans = []
    for side in (image["width"], image["height"]):
        first = draw(st.floats(0, side - 0.5))
        spans.append((round(first, 2), round(draw(st.floats(first + 0.25, side)), 2)))
    (x1, x2), (y1, y2) = spans
    score = draw(st.none() | st.floats(0, 1).map(lambda v: round(v, 4)))
    return {
        "image": image["index"],
        "box": (x1, y1, x2, y2),
        "label": draw(LABEL),
        "score": score,
        "score_kind": None if score is None else "detector",
    }


@st.composite
def records(draw):
    """Results over a few shared pictures, some without boxes."""
    sizes = draw(st.lists(st.tuples(SIZE, SIZE), min_size=1, max_size=4))
    made = []
    for number in range(draw(st.integers(0, 4))):
        chosen = draw(st.lists(st.integers(0, len(sizes) - 1), min_size=1, max_size=3, unique=True))
        images = [
            {"index": k, "source": f"a/{n}.jpg", "width": sizes[n][0], "height": sizes[n][1]}
            for k, n in enumerate(chosen, 1)
        ]
        found = draw(st.lists(boxes(images), max_size=4))
        made.append(record(f"q{number}", images, found))
    return made


def record(custom_id, images, found, status=None):
    return BatchRecord.model_validate(
        {
            "custom_id": custom_id,
            "query": "every dog",
            "images": images,
            "status": status or ("ok" if found else "none"),
            "answer": found,
            "mode": {"asked": "auto", "used": "direct", "why": ""},
            "policy": {"name": "p", "backend": "b", "dialect": "d", "coordinates": "c"},
        }
    )


def expected(made):
    """(custom_id, source, label, score, box) of every box; order is not promised."""
    return [
        (r.custom_id, r.images[b.image - 1].source, b.label or "object", b.score, b.box)
        for r in made
        for b in r.answer
    ]


def read_coco(path):
    content = json.loads(path.read_text())
    images = {image["id"]: image["file_name"] for image in content["images"]}
    names = {category["id"]: category["name"] for category in content["categories"]}
    for a in content["annotations"]:
        x, y, w, h = a["bbox"]
        box = (x, y, x + w, y + h)
        assert a["area"] == pytest.approx(w * h, abs=1e-3)
        where = images[a["image_id"]]
        yield a["custom_id"], where, names[a["category_id"]], a.get("score"), box


def read_yolo(path, sizes):
    text = (path / "data.yaml").read_text()
    names = dict(
        (int(n), json.loads(name))
        for n, name in (ln.strip().split(": ", 1) for ln in text.splitlines() if ln[:2] == "  ")
    )
    for line in (path / "images.txt").read_text().splitlines():
        label, source = line.split("\t")
        width, height = sizes[source]
        for row in (path / label).read_text().splitlines():
            number, cx, cy, w, h, *score = row.split()
            cx, w = float(cx) * width, float(w) * width
            cy, h = float(cy) * height, float(h) * height
            box = (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
            yield None, source, names[int(number)], float(score[0]) if score else None, box


def read_labelme(path):
    for file in path.rglob("*.json"):
        content = json.loads(file.read_text())
        assert content["imageData"] is None
        for shape in content["shapes"]:
            (x1, y1), (x2, y2) = shape["points"]
            box = (x1, y1, x2, y2)
            score = shape.get("score")
            yield shape["description"], content["imagePath"], shape["label"], score, box


def read_label_studio(path):
    for task in json.loads(path.read_text()):
        for region in task["predictions"][0]["result"]:
            v, w, h = region["value"], region["original_width"], region["original_height"]
            x, y = v["x"] * w / 100, v["y"] * h / 100
            box = (x, y, x + v["width"] * w / 100, y + v["height"] * h / 100)
            data, label = task["data"], v["rectanglelabels"][0]
            yield data["custom_id"], data["image"], label, region.get("score"), box


def read_cvat(path):
    for image in ElementTree.parse(path).getroot().iter("image"):
        for box in image.iter("box"):
            extra = {a.get("name"): a.text for a in box.iter("attribute")}
            score = float(extra["score"]) if "score" in extra else None
            corners = tuple(float(box.get(name)) for name in ("xtl", "ytl", "xbr", "ybr"))
            yield extra["custom_id"], image.get("name"), box.get("label"), score, corners


def read_rows(rows, empty):
    for row in rows:
        if row["image"] != empty:
            score = None if row["score"] == empty else float(row["score"])
            label = "object" if row["label"] == empty else row["label"]
            box = tuple(float(row[name]) for name in ("x1", "y1", "x2", "y2"))
            yield row["custom_id"], row["source"], label, score, box


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for custom_id, source, label, score, box in read_rows(rows, ""):
        bare = label[1:] if label[:1] == "'" and label[1:2] in ("=", "+", "-", "@") else label
        yield custom_id, source, bare, score, box


READERS = {
    "coco": (read_coco, 2e-3),
    "labelme": (read_labelme, 0.0),
    "label-studio": (read_label_studio, 1e-3),
    "cvat": (read_cvat, 5e-3),
    "csv": (read_csv, 0.0),
    "parquet": (lambda path: read_rows(pq.read_table(path).to_pylist(), None), 0.0),
    "yolo": (None, 1.5e-3),
}


def order(row):
    return row[1], row[2], row[3] is None, row[3], [round(v, 1) for v in row[4]]


@pytest.mark.parametrize("to", FORMATS)
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(made=records())
def test_every_box_comes_back(to, made, tmp_path):
    target = tmp_path / "target"
    export(iter(made), to, target, force=True)
    read, precision = READERS[to]
    if to == "yolo":
        sizes = {i.source: (i.width, i.height) for r in made for i in r.images}
        found = list(read_yolo(target, sizes))
    else:
        found = list(read(target))
    wanted = expected(made)
    assert len(found) == len(wanted)
    for row in wanted:
        near = [
            f
            for f in found
            if f[0] in (row[0], None)
            and f[1:3] == row[1:3]
            and (f[3] is None) == (row[3] is None)
            and (f[3] is None or f[3] == pytest.approx(row[3], abs=1e-6))
            and all(abs(a - b) <= precision for a, b in zip(f[4], row[4], strict=True))
        ]
        assert near, (row, found)
        found.remove(near[0])


@pytest.fixture
def photo(tmp_path):
    """A picture with two boxes, one of them scored, as results of a batch."""
    Image.new("RGB", (200, 100), "red").save(tmp_path / "p.jpg")
    images = [{"index": 1, "source": "p.jpg", "width": 200, "height": 100}]
    found = [
        {"image": 1, "box": (10, 20, 60, 80), "label": "dog"},
        {"image": 1, "box": (100, 0, 200, 100), "label": "cat"},
    ]
    return tmp_path, [record("a", images, found), record("b", images, [], "unparsable")]


@pytest.mark.parametrize("to", ["coco", "yolo"])
def test_supervision_reads_it(photo, to):
    """A reader that is not ours finds the same boxes and classes."""
    folder, made = photo
    target = default_target(folder / "out.jsonl", to)
    export(made, to, target)
    if to == "coco":
        data = sv.DetectionDataset.from_coco(str(folder), str(target))
    else:
        names = target / "data.yaml"
        data = sv.DetectionDataset.from_yolo(str(folder), str(target / "labels"), str(names))
    [(_, _, seen)] = list(data)
    got = sorted(
        (data.classes[c], *map(float, b)) for b, c in zip(seen.xyxy, seen.class_id, strict=True)
    )
    assert [g[0] for g in got] == ["cat", "dog"]
    assert got[1][1:] == pytest.approx((10, 20, 60, 80), abs=1e-3)


def test_results_without_an_answer_are_no_empty_pictures(photo):
    folder, made = photo
    unparsable = [made[1]]
    export(unparsable, "coco", folder / "c.json")
    assert json.loads((folder / "c.json").read_text())["images"] == []
    export(unparsable, "csv", folder / "c.csv")
    assert "unparsable" in (folder / "c.csv").read_text()


def test_names_stay_in_the_folder_and_apart():
    sources = ["../../etc/passwd", "/abs/a.jpg", "abs/a.png", "ABS/A.gif", "..", "x\n\0y.jpg"]
    sources += [f"http://host/{'é' * 400}?{n}.jpg" for n in range(2)]
    images = [sized(index, source) for index, source in enumerate(sources, 1)]
    names = [name for name, _ in names_for(by_picture([record("a", images, [])]))]
    assert len({str(name).lower() for name in names}) == len(sources)
    for name in names:
        assert not name.is_absolute() and ".." not in name.parts
        assert str(name).isprintable()
        assert max(len(part.encode()) for part in name.parts) < 240


def sized(index, source, side=100):
    return {"index": index, "source": source, "width": side, "height": side}


def in_corner(index, side):
    """A box in the lower right corner: it lies outside any smaller picture."""
    return {"image": index, "box": (side - 20, side - 20, side, side), "label": "dog"}


@pytest.mark.parametrize("source", ["picture 1", "<bytes 1>", "<array 2>", "<image 1>", "<bytes>"])
@pytest.mark.parametrize("to", ["coco", "yolo", "labelme", "cvat"])
def test_a_number_of_a_picture_is_no_name(tmp_path, to, source):
    """`picture 1` of one question is not that of another, even of the same name and size."""
    sides = {"a": 100, "b": 1000, "c/../x": 100}
    made = [
        record(custom_id, [sized(1, source, side)], [in_corner(1, side)])
        for custom_id, side in [*sides.items(), ("a", 100)]
    ]
    names = [f"a/{source}", f"b/{source}", f"c/../x/{source}", f"a/{source}-2"]
    assert exported(made, to, tmp_path / "t") == dict(
        zip(names, [100, 1000, 100, 100], strict=True)
    )


@pytest.mark.parametrize("to", ["coco", "labelme", "cvat"])
def test_one_name_of_two_sizes_is_two_pictures(tmp_path, to):
    """The file was another one when the second question was asked."""
    made = [
        record("a", [sized(1, "p.jpg", 100)], [in_corner(1, 100)]),
        record("b", [sized(1, "p.jpg", 1000)], [in_corner(1, 1000)]),
        record("c", [sized(1, "p.jpg", 100)], [in_corner(1, 100)]),
    ]
    export(made, to, tmp_path / "t")
    found = sorted(row[4][2] for row in READERS[to][0](tmp_path / "t"))
    assert found == pytest.approx([100, 100, 1000])
    assert len(by_picture(made)) == 2


def test_one_picture_of_several_questions_stays_one(tmp_path):
    """A file's name and a `data:` address, which is called by its bytes, are names."""
    for source in ("a/p.jpg", "<data 012345678901>", "http://host/picture 1"):
        made = [record(n, [sized(1, source)], [in_corner(1, 100)]) for n in "ab"]
        assert [(p.image.source, len(p.boxes)) for p in by_picture(made)] == [(source, 2)]


def exported(made, to, target):
    """The side of each picture that was written, by its name; no box may lie outside."""
    export(made, to, target)
    if to == "coco":
        sides = {i["file_name"]: i["width"] for i in json.loads(target.read_text())["images"]}
    elif to == "cvat":
        images = ElementTree.parse(target).getroot().iter("image")
        sides = {image.get("name"): int(image.get("width")) for image in images}
    elif to == "labelme":
        files = [json.loads(file.read_text()) for file in target.rglob("*.json")]
        sides = {file["imagePath"]: file["imageWidth"] for file in files}
    else:
        lines = [line.split("\t") for line in (target / "images.txt").read_text().splitlines()]
        labels = {source: (target / label).read_text().split() for label, source in lines}
        # The box is 20 pixels wide.
        return {source: round(20 / float(words[3])) for source, words in labels.items()}
    for _, source, _, _, (x1, y1, x2, y2) in READERS[to][0](target):
        assert x1 == y1 == sides[source] - 20 and x2 == y2 == sides[source]
    return sides


def test_labels_that_a_spreadsheet_would_run_are_defused(photo):
    folder, made = photo
    made[0].answer[0].label = '=HYPERLINK("http://x")'
    export(made, "csv", folder / "t.csv")
    cells = [row["label"] for row in csv.DictReader((folder / "t.csv").open())]
    assert cells[0] == '\'=HYPERLINK("http://x")'


def write_results(folder, made):
    path = folder / "out.jsonl"
    path.write_text("".join(r.model_dump_json() + "\n" for r in made))
    return path


def test_command_line(photo, capsys):
    folder, made = photo
    path = write_results(folder, made)
    assert cli.run(["export", str(path), "--to", "coco"]) == 0
    out, err = capsys.readouterr()
    assert out.strip() == str(folder / "out.coco.json")
    assert "1 of 2 results hold no answer" in err
    assert cli.run(["export", str(path), "--to", "coco"]) == 2
    assert "--force" in capsys.readouterr().err
    assert cli.run(["export", str(path), "--to", "coco", "--force"]) == 0
    assert cli.run(["export", str(path), "--to", "voc"]) == 2
    assert cli.run(["export", str(folder / "none.jsonl"), "--to", "coco"]) == 2


def test_a_last_line_without_a_line_break_counts_where_it_is_whole(photo):
    folder, made = photo
    path = write_results(folder, made)
    whole = path.read_bytes()
    for cut, count in ((1, 2), (2, 1), (30, 1)):
        path.write_bytes(whole[:-cut])
        assert len(list(read_records(path))) == count
    path.write_bytes(whole + b" ")
    assert len(list(read_records(path))) == 2


@pytest.mark.parametrize("content", ["{}\n", "[1]\n", "{broken\n", "{}"])
def test_what_is_no_result_is_told_with_its_line(tmp_path, content):
    path = tmp_path / "x.jsonl"
    path.write_text(content)
    with pytest.raises(DataError, match="line 1"):
        list(read_records(path))


def test_a_failed_export_leaves_what_was_there(photo):
    folder, made = photo
    target = folder / "kept.csv"
    target.write_text("precious")

    def broken():
        yield made[0]
        raise UsageError("the input broke.")

    with pytest.raises(UsageError):
        export(broken(), "csv", target, force=True)
    assert target.read_text() == "precious"
    assert not list(folder.glob(".*new"))
