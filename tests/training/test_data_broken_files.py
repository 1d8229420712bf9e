"""Files and pictures that are damaged, doubled or written otherwise: left out, or read as meant."""

import json
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from PIL import Image

from gemvg.tools.boxes import Box
from gemvg.tools.errors import DataError, ImageError
from gemvg.tools.images import picture_from_path
from gemvg.training.data.readers.base import (
    ObjectList,
    PictureCheck,
)
from gemvg.training.data.readers.refcoco import load_references
from gemvg.training.data.record import Record, Skips
from gemvg.training.data.scenes.thumbs import write_thumbs
from tests.training.coco_rows import GOOD, files
from tests.training.data_fixtures import coco, picture, read


def test_small_backgrounds_are_there_only_with_their_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start that was killed between the two could not go on."""

    def killed(*given: object) -> None:
        raise KeyboardInterrupt

    record = Record("a", "r", "a.png", 100, 80)
    monkeypatch.setattr(Path, "write_text", killed)
    with pytest.raises(KeyboardInterrupt):
        write_thumbs(
            tmp_path / "s.thumbs", [(0, record)], lambda _: np.zeros((80, 100, 3), np.uint8)
        )
    assert not (tmp_path / "s.thumbs").exists()


def test_bytes_that_are_no_pickle_are_one_error(tmp_path: Path) -> None:
    paths = files(tmp_path)
    for data in (b"\x80\x05\x8c", b"cos\nsystem\n", b"[" * 100_000, b"}I1\n", b"(dNs."):
        (tmp_path / "r.p").write_bytes(data)
        with pytest.raises(DataError, match=r"r\.p: not a"):
            read("refcoco", references=tmp_path / "r.p", **paths)


def test_two_files_of_one_picture_are_left_out(tmp_path: Path) -> None:
    body = (
        "<annotation><filename>{name}</filename><size><width>100</width><height>80</height></size>"
        "<object><name>cat</name><bndbox><xmin>11</xmin><ymin>11</ymin><xmax>50</xmax>"
        "<ymax>40</ymax></bndbox></object></annotation>"
    )
    paths = files(tmp_path) | {"annotations": tmp_path}
    for file, name in (("1", "a.png"), ("2", "b.png"), ("3", "a.png")):
        (tmp_path / f"{file}.xml").write_text(body.format(name=name))
    skips = Skips()
    assert [r.file for r in read("voc", skips, **paths)] == ["b.png"]
    assert skips.counts == {"picture of two files": 2}


def test_a_damaged_picture_is_counted_whatever_it_leads_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import struct

    def damaged(*given: object) -> None:
        raise struct.error("unpack requires a buffer")

    paths, skips = coco(tmp_path, [dict(GOOD)]), Skips()
    monkeypatch.setattr(Image.Image, "getexif", damaged)
    assert read("coco", skips, **paths) == []
    assert skips.counts == {"unreadable picture": 1}


@pytest.mark.parametrize("text", ['{"images": [1' + "0" * 5000 + "]}", "{{}: [1]}", "[" * 100_000])
def test_odd_json_is_one_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(DataError, match=r"c\.json"):
        read("coco", annotations=tmp_path / "c.json", images=tmp_path)


def test_pictures_are_sized_as_the_agent_opens_them(tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    for name in ("jpg", "png", "tiff", "webp"):
        Image.new("RGB", (80, 100)).save(tmp_path / f"a.{name}", exif=turned)
    # Behind the pixels, where it is legal, too.
    exif = turned.tobytes()[6:]
    chunk = len(exif).to_bytes(4, "big") + b"eXIf" + exif + crc32(b"eXIf" + exif).to_bytes(4, "big")
    Image.new("RGB", (80, 100)).save(tmp_path / "plain.png")
    plain = (tmp_path / "plain.png").read_bytes()
    (tmp_path / "late.png").write_bytes(plain[:-12] + chunk + plain[-12:])
    Image.new("1", (9000, 9000)).save(tmp_path / "large.png")
    Image.new("RGB", (80, 100)).save(tmp_path / "a.pcx")
    skips = Skips()
    for path in sorted(tmp_path.iterdir()):
        try:
            size = picture_from_path(path).size
        except ImageError:
            size = None
        assert PictureCheck(tmp_path, skips).size(path.name) == size
    assert skips.counts == {"picture beyond the limits": 1, "unreadable picture": 1}
    assert PictureCheck(tmp_path, skips).size("late.png") == (100, 80)


def test_references_that_python_2_has_written(tmp_path: Path) -> None:
    reference = b"(lp0\n(dp1\nS'said'\nS'caf\\xc3\\xa9 \\xff'\nsa."
    (tmp_path / "r.p").write_bytes(reference)
    assert load_references(tmp_path / "r.p") == [{"said": "café \ufffd"}]


def test_a_mark_before_the_text_is_no_text(tmp_path: Path) -> None:
    """Editors and shells of some systems write one before UTF-8."""
    paths = coco(tmp_path, [dict(GOOD)])
    refs = [{"ref_id": 1, "ann_id": 1, "image_id": 1, "sentences": [{"sent": "it"}]}]
    (tmp_path / "r.json").write_bytes(b"\n" + json.dumps(refs).encode())
    clip = tmp_path / "mot" / "c"
    picture(clip / "img1" / "000001.jpg")
    (clip / "gt").mkdir()
    (clip / "gt" / "gt.txt").write_bytes(b"1,1,11,11,20,40,1,1,1\r\n1,2,51,11,20,40,1,1,1\r\n")
    place = tmp_path / "lasot" / "cat-1"
    picture(place / "img" / "00000001.jpg")
    (place / "groundtruth.txt").write_bytes(b"1,1,30,30\r\n")
    for file in (paths["annotations"], tmp_path / "r.json", clip / "gt" / "gt.txt",
                 place / "groundtruth.txt"):  # fmt: skip
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    skips = Skips()
    (record,) = read("refcoco", skips, references=tmp_path / "r.json", **paths)
    assert record.objects[0].phrases == ("it",)
    (record,) = read("mot", skips, folder=tmp_path / "mot")
    assert record.counts("pedestrian") == 2
    (record,) = read("lasot", skips, folder=tmp_path / "lasot")
    assert len(record.objects) == 1 and skips.counts == {}


def test_an_object_that_is_listed_twice_is_one(tmp_path: Path) -> None:
    skips = Skips()
    rows = [dict(GOOD), dict(GOOD), {**GOOD, "category_id": 1}, {**GOOD, "bbox": [61, 50, 30, 20]}]
    (record,) = read("coco", skips, **coco(tmp_path, rows))
    assert skips.counts == {"annotated twice": 1}
    assert record.counts("wild bird") == 2 and record.counts("dog") == 1
    found = ObjectList(100, 80, Skips(), "a.png")
    for said in (("left bird",), ("the bird", "left bird"), ()):
        found.add("bird", Box(60, 50, 90, 70), phrases=said)
    assert [o.phrases for o in found.objects] == [("left bird", "the bird")]


def test_an_outline_from_beyond_any_picture_is_broken(tmp_path: Path) -> None:
    skips = Skips()
    far = {**GOOD, "segmentation": [[1e300, 5, -1e300, 5, 3, 3]]}
    (record,) = read("coco", skips, **coco(tmp_path, [far]))
    assert skips.counts == {"broken outline": 1} and record.counts("wild bird") is None
