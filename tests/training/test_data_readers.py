"""Readers: each format's published shape; broken input is left out with a counted reason."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gemvg.policy.dialects.registry import get_dialect
from gemvg.tools.boxes import Box
from gemvg.tools.errors import DataError
from gemvg.training.data.export import family_context
from gemvg.training.data.masks import (
    box_of,
    decode_rle,
    decompress_counts,
    encode_rle,
    fill_polygons,
)
from gemvg.training.data.readers.base import Source, label_words
from gemvg.training.data.readers.mig import named_images, read_mig
from gemvg.training.data.readers.refcoco import load_references
from gemvg.training.data.readers.registry import READERS, reader
from gemvg.training.data.readers.stream import stream_arrays
from gemvg.training.data.record import Skips
from gemvg.training.data.spoken import spoken
from tests.shared import SHARED, needs_shared
from tests.training.data_fixtures import SQUARE, coco, picture, read


def test_coco_boxes_polygons_and_runs(tmp_path: Path) -> None:
    mask = np.zeros((80, 100), dtype=bool)
    mask[20:60, 30:90] = True
    runs = encode_rle(mask)
    paths = coco(
        tmp_path,
        [
            {"bbox": [10, 10, 40, 30], "segmentation": [SQUARE]},
            {"bbox": [30, 20, 60, 40], "category_id": 2,
             "segmentation": {"size": [80, 100], "counts": list(runs.counts)}},
        ],
    )  # fmt: skip
    (record,) = read("coco", **paths)
    assert [(o.label, o.box) for o in record.objects] == [
        ("dog", Box(10, 10, 50, 40)),
        ("wild bird", Box(30, 20, 90, 60)),
    ]
    assert record.lacks("dog") is False and record.counts("dog") == 1
    assert record.known == frozenset({"dog", "wild bird"})


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        ({"bbox": [10, 10, 40, 30], "iscrowd": 1}, "crowd"),
        ({"bbox": [10, 10, 40, 30], "category_id": 9}, "unknown category"),
        ({"bbox": [10, 10, 40, 30], "segmentation": []}, "empty polygon"),
        ({"bbox": [10, 10, 40, 30], "segmentation": [[]]}, "empty polygon"),
        ({"bbox": [10, 10, 40, 30], "segmentation": [[1, 2, 3, 4]]}, "empty polygon"),
        ({"bbox": [10, 10, 40, 30], "segmentation": "?"}, "broken outline"),
        ({"bbox": [10, 10, 40, 30], "segmentation": [["a"] * 6]}, "broken outline"),
        ({"bbox": [10, 10, 40, 30], "segmentation": {"size": [1, 1], "counts": [1]}},
         "broken run lengths"),
        ({"bbox": [10, 10, 40, 30], "segmentation": {"size": [80, 100], "counts": [8000]}},
         "empty mask"),
        ({"bbox": [10, 10, 0, 30]}, "empty box"),
        ({"bbox": [float("nan"), 10, 5, 30]}, "empty box"),
        ({"bbox": [90, 10, 40, 30]}, "box outside the picture"),
        ({"bbox": [10, 10, 3, 30]}, "too small"),
        ({"bbox": [10, 10, 40]}, "no box"),
        ({}, "no box"),
    ],
)  # fmt: skip
def test_a_broken_object_is_counted_and_its_label_unsure(
    tmp_path: Path, annotation: dict[str, Any], reason: str
) -> None:
    skips = Skips()
    good = {"bbox": [60, 50, 30, 20], "category_id": 2}
    (record,) = read("coco", skips, **coco(tmp_path, [annotation, good]))
    assert skips.counts == {reason: 1}
    assert [o.label for o in record.objects] == ["wild bird"]
    assert not record.lacks("dog") or reason == "unknown category"


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ({"file_name": "b.png"}, "missing picture"),
        ({"width": 90}, "size differs from the annotation"),
        ({"width": None}, "picture without name or size"),
    ],
)
def test_a_broken_picture_is_counted(tmp_path: Path, image: dict[str, Any], reason: str) -> None:
    skips = Skips()
    assert read("coco", skips, **coco(tmp_path, [{"bbox": [1, 1, 40, 30]}], **image)) == []
    assert skips.counts == {reason: 1}


def test_a_picture_that_is_text_is_counted(tmp_path: Path) -> None:
    paths, skips = coco(tmp_path, []), Skips()
    (tmp_path / "images" / "a.png").write_text("no picture")
    assert read("coco", skips, **paths) == []
    assert skips.counts == {"unreadable picture": 1}


@pytest.mark.parametrize("text", ["", "{", "[1", '{"images": [', "nonsense", '{"images": [{]}'])
def test_damaged_json_is_one_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(DataError, match=r"c\.json"):
        read("coco", annotations=tmp_path / "c.json", images=tmp_path)


@given(st.lists(st.dictionaries(st.text(max_size=3), st.integers() | st.text()), max_size=8))
def test_streaming_reads_what_json_reads(items: list[dict[str, Any]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.json"
        path.write_text(
            json.dumps({"a": 1, "skip": [[1, [2]]], "items": items, "z": "e"}, indent=1)
        )
        assert [v for _, v in stream_arrays(path, frozenset({"items"}))] == items


@given(arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_run_lengths_come_back_and_agree_with_pycocotools(mask: np.ndarray[Any, Any]) -> None:
    from pycocotools import mask as coco_mask

    assert (decode_rle(encode_rle(mask)) == mask).all()
    packed = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    assert decompress_counts(packed["counts"].decode()) == encode_rle(mask).counts


def test_a_filled_polygon_is_exact_for_whole_pixels() -> None:
    mask = fill_polygons((tuple(map(float, SQUARE)),), 100, 80)
    assert box_of(mask) == Box(10, 10, 50, 40) and mask.sum() == 40 * 30


def test_refcoco_sentences_meet_their_objects(tmp_path: Path) -> None:
    paths = coco(tmp_path, [{"bbox": [10, 10, 40, 30], "id": 77}])
    refs = [{"ref_id": 1, "ann_id": 77, "image_id": 1, "split": "train",
             "sentences": [{"sent": "left dog"}, {"sent": "dog lying down"}]},
            {"ref_id": 2, "ann_id": None, "image_id": 1, "split": "train",
             "sentences": []}]  # fmt: skip
    for name, data in (("r.json", json.dumps(refs).encode()), ("r.p", pickle.dumps(refs))):
        (tmp_path / name).write_bytes(data)
        skips = Skips()
        (record,) = read("refcoco", skips, references=tmp_path / name, **paths)
        assert record.objects[0].phrases == ("left dog", "dog lying down")
        assert skips.counts == {"broken reference": 1}


def test_a_pickle_with_code_is_refused(tmp_path: Path) -> None:
    class Bad:
        def __reduce__(self) -> tuple[Any, ...]:
            return (print, ("run",))

    (tmp_path / "r.p").write_bytes(pickle.dumps([Bad()]))
    with pytest.raises(DataError, match="references"):
        load_references(tmp_path / "r.p")


def test_lvis_knows_only_what_was_looked_for(tmp_path: Path) -> None:
    paths = coco(tmp_path, [{"bbox": [10, 10, 40, 30]}], neg_category_ids=[2],
                 not_exhaustive_category_ids=[1], coco_url="http://x/images/a.png")  # fmt: skip
    data = json.loads(paths["annotations"].read_text())
    del data["images"][0]["file_name"]
    paths["annotations"].write_text(json.dumps(data))
    (record,) = read("lvis", annotations=paths["annotations"], images=tmp_path)
    assert record.lacks("wild bird") and record.counts("dog") is None
    assert record.counts("chair") is None


@pytest.mark.parametrize(
    ("negative", "dogs", "bows"), [([], None, None), ([2], None, None), ([2, 3], None, 0)]
)
def test_lvis_classes_of_one_label(
    tmp_path: Path, negative: list[int], dogs: int | None, bows: int | None
) -> None:
    paths = coco(tmp_path, [{"bbox": [10, 10, 40, 30]}], neg_category_ids=negative)
    data = json.loads(paths["annotations"].read_text())
    names = ("dog_(animal)", "bow_(weapon)", "bow_(decorative_ribbons)", "dog_(food)", "cat")
    data["categories"] = [{"id": k, "name": name} for k, name in enumerate(names, 1)]
    paths["annotations"].write_text(json.dumps(data))
    (record,) = read("lvis", **paths)
    assert record.counts("dog") == dogs and record.counts("bow") == bows


def test_objects365_patches_and_drawings(tmp_path: Path) -> None:
    paths = coco(
        tmp_path, [{"bbox": [10, 10, 40, 30], "isfake": 1}], file_name="images/v1/p0/a.png"
    )
    picture(tmp_path / "p0" / "a.png")
    skips = Skips()
    (record,) = read("objects365", skips, annotations=paths["annotations"], images=tmp_path)
    assert record.file == "p0/a.png" and skips.counts == {"crowd": 1}


def test_d3_sentences_of_the_picture_group(tmp_path: Path) -> None:
    paths = coco(tmp_path, [{"bbox": [10, 10, 40, 30]}, {"bbox": [50, 40, 40, 30]}], group_id=5)
    data = json.loads(paths["annotations"].read_text())
    data["categories"] = [
        {"id": 1, "name": "a dog that sleeps.", "group_id": 5},
        {"id": 2, "name": "a running dog", "group_id": 5},
        {"id": 3, "name": "a red boat", "group_id": 6},
    ]
    paths["annotations"].write_text(json.dumps(data))
    (record,) = read("d3", **paths)
    assert [o.phrases for o in record.objects] == [("a dog that sleeps",)] * 2
    assert record.lacks("a running dog") and not record.lacks("a red boat")


VOC = (
    "<annotation><filename>a.png</filename><size><width>100</width><height>80</height></size>"
    "<object><name>raccoon</name><difficult>{hard}</difficult><bndbox><xmin>11</xmin>"
    "<ymin>11</ymin><xmax>50</xmax><ymax>40</ymax></bndbox></object></annotation>"
)


def test_voc_corners_and_entity_bombs(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png")
    notes = tmp_path / "xml"
    notes.mkdir()
    (notes / "a.xml").write_text(VOC.format(hard=0))
    (notes / "b.xml").write_text('<!DOCTYPE x [<!ENTITY a "b">]>' + VOC.format(hard=0))
    picture(tmp_path / "images" / "c.png")
    (notes / "c.xml").write_text(VOC.format(hard=1).replace("a.png", "c.png"))
    (notes / "d.xml").write_text("<annotation>")
    skips = Skips()
    first, hard = read("voc", skips, annotations=notes, images=tmp_path / "images")
    assert first.objects[0].box == Box(10, 10, 50, 40)
    assert hard.objects == () and hard.counts("raccoon") is None
    assert skips.counts == {"broken annotation file": 2, "difficult": 1}


def test_mig_bench_and_mgrounding_items(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        picture(tmp_path / name)
    items: list[Any] = [
        {"task": "region", "images": ["a.png", "./b.png"], "question": "Locate the 1th region",
         "answer": [100, 250, 500, 750]},
        {"task": "view_diff", "images": ["a.png", "b.png"], "answer": [0.1, 0.25, 0.5, 0.75],
         "question": "Find it in the second image."},
        {"task": "group_grounding", "images": ["a.png", "b.png"], "question": "Where is it?",
         "conversations": [{"value": "<image><image>Where is it?"},
                           {"value": "It is in the second image. (100,250),(500,750)"}]},
        {"task": "unheard of", "images": ["a.png"], "question": "?", "answer": [1, 2, 3, 4]},
        {"task": "region", "images": ["gone.png"], "question": "Locate", "answer": [1, 2, 3, 4]},
        7,
    ]  # fmt: skip
    (tmp_path / "m.json").write_text(json.dumps(items))
    skips = Skips()
    source = Source("mig", {"annotations": tmp_path / "m.json", "images": tmp_path})
    samples = list(read_mig(source, skips))
    assert [s.task for s in samples] == ["region", "robust-difference", "retrieval"]
    assert [s.answer[0].image for s in samples] == [1, 2, 2]
    assert all(s.answer[0].box == (10, 20, 50, 60) for s in samples)
    assert sum(skips.counts.values()) == 3


def test_mig_questions_are_said_as_ours_are(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        picture(tmp_path / name)
    marked = "marked in the first image(<|box_start|>(100,250),(500,750)<|box_end|>)"
    asked = f"Not (1,2),(3,4): a <|object_ref_start|>dog<|object_ref_end|> {marked}. Find it"
    item: dict[str, Any] = {
        "task": "multi_view", "images": ["a.png", "b.png"], "answer": [0, 0, 900, 900],
        "question": f"{asked} in the 2th image.",
    }  # fmt: skip
    said = ("Where is it?", "In image-1 (1,2),(300,400) and (5,6),(700,800).")
    turns = [{"value": text} for text in said]
    several = {"task": "group_grounding", "images": ["a.png"], "conversations": turns}
    (tmp_path / "m.json").write_text(json.dumps([item, several]))
    skips = Skips()
    paths = {"annotations": tmp_path / "m.json", "images": tmp_path}
    (sample,) = read_mig(Source("mig", paths), skips)
    wanted = "Not (1,2),(3,4): a dog marked in the first image([100, 250, 500, 750]). Find it in"
    assert sample.question.startswith(wanted)
    assert [(p.image, p.box) for p in sample.prompts] == [(1, (10, 20, 50, 60))]
    assert skips.counts == {"no box or no picture named": 1}
    # In a family of resized pixels the question holds the same pixels as an answer would.
    speech = get_dialect("qwen2.5-vl")
    question, _ = spoken(sample, speech, family_context(sample, "qwen2.5-vl"))
    assert "[100, 250, 500, 750]" not in question


def test_pictures_named_in_words() -> None:
    assert named_images("in the 3th image and Image-2, then the first picture") == [3, 2, 1]


@pytest.mark.parametrize(
    ("name", "words"),
    [("Wild Bird", "wild bird"), ("alarm_clock", "alarm clock"), ("Pen/Pencil", "pen"),
     ("baby_buggy_(stroller)", "baby buggy")],
)  # fmt: skip
def test_label_words(name: str, words: str) -> None:
    assert label_words(name) == words


def test_unknown_reader_and_missing_path() -> None:
    with pytest.raises(DataError, match="Readers: coco"):
        reader("nope")
    for name in READERS:
        with pytest.raises(DataError):
            read(name)


@needs_shared
def test_the_real_files() -> None:
    photos, skips = SHARED / "photos", Skips()
    records = read("coco", skips, annotations=photos / "instances.json", images=photos / "images")
    assert len(records) == 266 and skips.counts["crowd"] == 28
    raccoon = SHARED / "raccoon"
    records = read("voc", annotations=raccoon / "annotations", images=raccoon / "images")
    assert len(records) == 200 and sum(len(r.objects) for r in records) == 217
