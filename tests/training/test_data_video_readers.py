"""Readers of clips, tracks and paired views."""

import json
from pathlib import Path

import numpy as np
import pytest

from gemvg.tools.boxes import Box
from gemvg.training.data.masks import (
    encode_rle,
)
from gemvg.training.data.record import Skips
from tests.training.data_fixtures import picture, read


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
