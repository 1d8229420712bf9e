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


def test_lasot_and_got10k(tmp_path: Path) -> None:
    clip = tmp_path / "l" / "cat" / "cat-3"
    got = tmp_path / "g" / "GOT-10k_Train_000001"
    for k in range(1, 5):
        picture(clip / "img" / f"{k:08d}.jpg")
        picture(got / f"{k:08d}.jpg")
    lines = "\n".join(f"{10 + k},11,30,20" for k in range(4))
    (clip / "groundtruth.txt").write_text(lines)
    (clip / "full_occlusion.txt").write_text("0,1,0,0")
    (clip / "out_of_view.txt").write_text("0,0,0,0")
    (got / "groundtruth.txt").write_text(lines.replace("13,11", "nan,x"))
    (got / "absence.label").write_text("0\n0\n1\n0\n")
    (got / "meta_info.ini").write_text("[METAINFO]\nobject_class: polar bear\n")
    skips = Skips()
    records = read("lasot", skips, folder=tmp_path / "l", options={"stride": 1})
    assert [r.order for r in records] == [0, 2, 3] and skips.counts == {"object hidden": 1}
    assert records[0].objects[0].box == Box(9, 10, 39, 30)
    assert records[0].objects[0].identity == records[2].objects[0].identity
    skips = Skips()
    records = read("got10k", skips, folder=tmp_path / "g", options={"stride": 1})
    assert [r.objects[0].label for r in records] == ["polar bear"] * 2
    assert skips.counts == {"object hidden": 1, "no box": 1}


def test_mot_tracks_classes_and_hidden_people(tmp_path: Path) -> None:
    frames = tmp_path / "MOT17-02"
    for k in (1, 2):
        picture(frames / "img1" / f"{k:06d}.jpg")
    (frames / "gt").mkdir()
    (frames / "gt" / "gt.txt").write_text(
        "1,1,11,11,20,40,1,1,1.0\n1,2,51,11,20,40,1,1,0.1\n1,3,31,11,15,40,0,1,1.0\n"
        "2,1,13,11,20,40,1,1,0.9\n2,9,41,11,20,40,1,12,1.0\nbroken\n"
    )
    skips = Skips()
    first, second = read("mot", skips, folder=tmp_path, options={"stride": 1})
    assert first.objects[0].identity == second.objects[0].identity == "MOT17-02:1"
    assert first.objects[0].box == Box(10, 10, 30, 50)
    # A hidden one in the first; in the second a mirror image, which may count as one or not.
    assert first.counts("pedestrian") is None and second.counts("pedestrian") is None
    assert skips.counts == {
        "broken line": 1, "object hidden": 1, "not to be considered": 1, "like people": 1,
    }  # fmt: skip


def clip(folder: Path, rows: str) -> None:
    picture(folder / "img1" / "000001.jpg")
    (folder / "gt").mkdir()
    (folder / "gt" / "gt.txt").write_text(rows)


@pytest.mark.parametrize("places", ["-1,-1,-1", "5.2,-3.1,0", "-1"])
def test_rows_of_mot15_are_people(tmp_path: Path, places: str) -> None:
    clip(tmp_path / "TUD-Campus", f"1,1,11,11,20,40,1,{places}\n1,2,51,11,20,40,1,{places}\n")
    (record,) = read("mot", folder=tmp_path)
    assert record.counts("pedestrian") == 2
    # Nobody looked for anything else.
    assert record.known == frozenset({"pedestrian"}) and not record.lacks("car")


def test_what_was_looked_for_in_a_clip_is_what_occurs_in_it(tmp_path: Path) -> None:
    rows = "1,1,11,11,20,40,1,1,1\n2,2,51,11,20,40,0,3,1\n"
    clip(tmp_path / "MOT16-09", rows)
    (record,) = read("mot", folder=tmp_path)
    assert record.known == frozenset({"pedestrian", "car"})
    assert record.lacks("car") and not record.lacks("bicycle")


def test_a_crowd_leaves_it_open_how_many_people_there_are(tmp_path: Path) -> None:
    clip(tmp_path / "MOT20-01", "1,1,11,11,20,40,1,1,1\n1,2,51,11,40,40,0,13,1\n")
    (record,) = read("mot", folder=tmp_path)
    assert len(record.objects) == 1 and record.counts("pedestrian") is None


def test_the_same_frames_under_three_detectors_are_one_clip(tmp_path: Path) -> None:
    names = ("MOT17-02-DPM", "MOT17-02-FRCNN", "MOT17-02-SDP", "MOT17-04-SDP", "MOT16-02", "x-SDP")
    for name in names:
        clip(tmp_path / name, "1,1,11,11,20,40,1,1,1\n")
    skips = Skips()
    groups = [r.group for r in read("mot", skips, folder=tmp_path)]
    assert groups == ["MOT16-02", "MOT17-04-SDP", "x-SDP"]
    assert skips.counts == {"the same frames as another clip": 3}


def test_paired_views_share_identities(tmp_path: Path) -> None:
    mask = np.zeros((80, 100), dtype=bool)
    mask[20:60, 30:90] = True
    rle = {"size": [80, 100], "counts": list(encode_rle(mask).counts)}
    take = tmp_path / "take-a"
    for camera in ("ego", "exo"):
        picture(take / camera / "30.jpg")
    masks = {"white mug_0": {"ego": {"30": rle}, "exo": {"30": rle}},
             "knife_1": {"exo": {"30": {"size": [1, 1], "counts": [1]}}}}  # fmt: skip
    (take / "annotation.json").write_text(json.dumps({"masks": masks}))
    skips = Skips()
    ego, exo = read("views", skips, folder=tmp_path)
    # A take's moments look alike, so that no split may part them.
    assert ego.unit == exo.unit == "take-a"
    assert ego.group == exo.group and {ego.camera, exo.camera} == {"ego", "exo"}
    assert ego.objects[0].identity == exo.objects[0].identity
    assert ego.objects[0].label == "white mug" and ego.objects[0].box == Box(30, 20, 90, 60)
    assert skips.counts == {"broken run lengths": 1}


def test_star_situations(tmp_path: Path) -> None:
    picture(tmp_path / "frames" / "V1.mp4" / "000007.png")
    (tmp_path / "o.txt").write_text("o001 person\no002 paper/notebook\n")
    item = {"video_id": "V1", "situations": {"000007": {
        "bbox": [[5, 5, 40, 70], [50, 20, 80, 60], [1, 1, 40, 40]],
        "bbox_labels": ["o001", "o002", "o099"]},
        "000009": {"bbox": [], "bbox_labels": []}}}  # fmt: skip
    (tmp_path / "s.json").write_text(json.dumps([item, {"video_id": "V2"}]))
    skips = Skips()
    (record,) = read("star", skips, annotations=tmp_path / "s.json", objects=tmp_path / "o.txt",
                     images=tmp_path / "frames")  # fmt: skip
    assert [(o.label, o.identity) for o in record.objects] == [
        ("person", "V1:person"), ("paper", "V1:paper"),
    ]  # fmt: skip
    assert skips.counts == {"missing picture": 1, "no situation": 1, "unknown category": 1}


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
