"""Tiny sources in the published shapes of all that `mg-data-240k.yaml` names, made on the spot."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from tests.training.data_fixtures import LABELS, PAINT, make_coco

SIZE = (240, 180)


def make_paper_sources(data: Path) -> Path:
    """The folder that `--data` points at, with all six sources in it."""
    make_coco_train(data / "coco", "train2017", "{:012d}.jpg", seed=1)
    make_coco_train(data / "coco", "train2014", "COCO_train2014_{:012d}.jpg", seed=2)
    make_refcocog(data)
    make_d3(data / "d3")
    make_egoexo(data / "egoexo")
    make_mot(data / "mot")
    make_star(data / "star")
    return data


def noise(rng: np.random.Generator) -> Image.Image:
    """A background that is like no other."""
    coarse = rng.integers(60, 200, (8, 10, 3)).astype(np.uint8)
    return Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC)


def paint(picture: Image.Image, label: str, box: tuple[int, int, int, int]) -> None:
    """A rectangle of the label's colour with a cross through it."""
    draw, inner = ImageDraw.Draw(picture), (box[0], box[1], box[2] - 1, box[3] - 1)
    draw.rectangle(inner, fill=PAINT[label])
    draw.line(inner, fill=(250, 250, 250), width=2)


def save(picture: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, quality=92) if path.suffix == ".jpg" else picture.save(path)


def run_lengths(box: tuple[int, int, int, int]) -> dict[str, Any]:
    """The mask of a box as COCO's tools write it: compressed run lengths."""
    from pycocotools import mask as coco_mask

    mask = np.zeros((SIZE[1], SIZE[0]), dtype=np.uint8, order="F")
    mask[box[1] : box[3], box[0] : box[2]] = 1
    packed = coco_mask.encode(mask)
    return {"size": [SIZE[1], SIZE[0]], "counts": packed["counts"].decode()}


def make_coco_train(coco: Path, split: str, pattern: str, seed: int) -> None:
    """`annotations/instances_<split>.json` and `<split>/`, with COCO's names and licences."""
    made = make_coco(coco / f"made-{split}", number=30, seed=seed)
    data = json.loads((made / "instances.json").read_text())
    for image in data["images"]:
        name = pattern.format(image["id"])
        with Image.open(made / "images" / image["file_name"]) as opened:
            save(opened.convert("RGB"), coco / split / name)
        image |= {"file_name": name, "license": 4, "flickr_url": "http://example.org/x.jpg"}
    data |= {"info": {"year": int(split[-4:])}, "licenses": [{"id": 4, "name": "Attribution"}]}
    (coco / "annotations").mkdir(exist_ok=True)
    (coco / "annotations" / f"instances_{split}.json").write_text(json.dumps(data))


def make_refcocog(data: Path) -> None:
    """`refs(umd).p`: a pickled list; one object in two has sentences."""
    instances = json.loads((data / "coco/annotations/instances_train2014.json").read_text())
    refs: list[dict[str, Any]] = []
    for k, a in enumerate(instances["annotations"][::2], 1):
        name = LABELS[a["category_id"] - 1]
        said = f"the {name} numbered {a['id']}"
        refs.append(
            {"ref_id": k, "ann_id": a["id"], "image_id": a["image_id"], "split": "train",
             "category_id": a["category_id"], "sent_ids": [k],
             "file_name": f"COCO_train2014_{a['image_id']:012d}_{a['id']}.jpg",
             "sentences": [{"sent_id": k, "raw": said, "sent": said, "tokens": said.split()}]}
        )  # fmt: skip
    refs[0]["split"] = "val"
    path = data / "refcoco" / "refcocog" / "refs(umd).p"
    path.parent.mkdir(parents=True)
    path.write_bytes(pickle.dumps(refs))


def make_d3(folder: Path) -> None:
    """Sentences as categories; pictures and sentences in groups; masks as run lengths."""
    rng, random = np.random.default_rng(5), Random(5)
    categories: list[dict[str, Any]] = []
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for group in range(2):
        said = [f"a {n} that lies on noise of kind {group}" for n in LABELS[:4]]
        first = len(categories) + 1
        categories += [
            {"id": first + k, "name": f"{s}.", "group_id": group} for k, s in enumerate(said)
        ]
        for _ in range(16):
            number, picture = len(images) + 1, noise(rng)
            name = f"g{group}/{number:05d}.jpg"
            images.append(
                {"id": number, "file_name": name, "group_id": group,
                 "width": SIZE[0], "height": SIZE[1]}
            )  # fmt: skip
            for k in random.sample(range(4), 2):
                x, y = 10 + 55 * k, random.randint(10, 100)
                box = (x, y, x + random.randint(30, 48), y + random.randint(30, 60))
                paint(picture, LABELS[k], box)
                annotations.append(
                    {"id": len(annotations) + 1, "image_id": number, "category_id": first + k,
                     "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]], "iscrowd": 0,
                     "area": 1, "segmentation": run_lengths(box)}
                )  # fmt: skip
            save(picture, folder / "d3_images" / name)
    data = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "d3_json").mkdir()
    (folder / "d3_json" / "d3_full_annotations.json").write_text(json.dumps(data))


def make_egoexo(folder: Path) -> None:
    """Takes with a worn and a standing camera; names as `<label>_<number>`."""
    rng, random = np.random.default_rng(6), Random(6)
    for take in ("cmu_bike01_2", "sfu_cooking_003"):
        masks: dict[str, Any] = {}
        for camera in ("aria01_214-1", "cam02"):
            for frame in range(0, 300, 60):
                picture = noise(rng)
                for k, label in enumerate(LABELS[:4]):
                    x, y = 8 + 56 * k + random.randint(0, 6), random.randint(8, 110)
                    box = (x, y, x + random.randint(28, 44), y + random.randint(28, 60))
                    paint(picture, label, box)
                    by_camera = masks.setdefault(f"{label}_{k}", {})
                    by_camera.setdefault(camera, {})[str(frame)] = run_lengths(box)
                save(picture, folder / take / camera / f"{frame}.jpg")
        body = {"masks": masks, "subsample_idx": list(range(0, 300, 60))}
        (folder / take / "annotation.json").write_text(json.dumps(body))


def make_mot(folder: Path) -> None:
    """Clips with `seqinfo.ini`, `img1/`, `gt/gt.txt`; some rows not to be considered."""
    rng, random = np.random.default_rng(7), Random(7)
    for clip in ("MOT17-02-FRCNN", "MOT17-04-FRCNN", "MOT17-05-FRCNN"):
        rows: list[str] = []
        ways = [(random.randint(5, 60), 10 + 55 * k, random.choice((2, 3))) for k in range(3)]
        back = noise(rng)
        for frame in range(1, 52):
            picture = back.copy()
            for track, (x0, y, speed) in enumerate(ways, 1):
                x, kind = x0 + speed * frame // 2, 1 if track < 3 else 3
                paint(picture, LABELS[track - 1], (x, y, x + 24, y + 46))
                rows.append(f"{frame},{track},{x + 1},{y + 1},24,46,1,{kind},1.0")
            rows.append(f"{frame},9,2,2,20,20,0,12,0.4")
            if frame % 10 == 1:
                save(picture, folder / clip / "img1" / f"{frame:06d}.jpg")
        (folder / clip / "gt").mkdir()
        (folder / clip / "gt" / "gt.txt").write_text("\n".join(rows) + "\n")
        (folder / clip / "seqinfo.ini").write_text(
            f"[Sequence]\nname={clip}\nimDir=img1\nframeRate=30\nseqLength=51\n"
            f"imWidth={SIZE[0]}\nimHeight={SIZE[1]}\nimExt=.jpg\n"
        )


def make_star(folder: Path) -> None:
    """`STAR_train.json` with situations by frame, `object_classes.txt`, frames of the videos."""
    rng, random = np.random.default_rng(8), Random(8)
    codes = {f"o{k:03d}": label for k, label in enumerate(LABELS, 1)}
    items: list[dict[str, Any]] = []
    for video in ("6H78U", "A1B2C", "QWE9R", "ZX0CV"):
        situations: dict[str, Any] = {}
        shown, back = random.sample(sorted(codes), 3), noise(rng)
        for frame in range(30, 120, 15):
            picture, found = back.copy(), []
            for k, code in enumerate(shown):
                x, y = 8 + 75 * k + random.randint(0, 14), random.randint(8, 100)
                box = (x, y, x + random.randint(30, 50), y + random.randint(30, 60))
                paint(picture, codes[code], box)
                found.append(list(map(float, box)))
            save(picture, folder / "frames" / f"{video}.mp4" / f"{frame:06d}.png")
            situations[f"{frame:06d}"] = {
                "rel_pairs": [], "rel_labels": [], "actions": ["a000"],
                "bbox": found, "bbox_labels": shown,
            }  # fmt: skip
        items.append(
            {"question_id": f"Interaction_T1_{len(items)}", "video_id": video, "start": 1.0,
             "end": 4.0, "question": "Which object was tidied up?", "answer": "The cup.",
             "choices": [], "situations": situations}
        )  # fmt: skip
    (folder / "STAR_train.json").write_text(json.dumps(items))
    lines = [f"{code} {label.replace(' ', '/')}" for code, label in codes.items()]
    (folder / "object_classes.txt").write_text("\n".join(lines) + "\n")
