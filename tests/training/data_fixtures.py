"""A small COCO data set of painted shapes, and sprites, made on the spot."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from gemvg.training.data.readers.base import Source
from gemvg.training.data.readers.registry import reader
from gemvg.training.data.recipe import Recipe
from gemvg.training.data.record import Record, Skips
from gemvg.training.data.scenes.backgrounds import Backgrounds
from gemvg.training.data.scenes.pool import ScenePool
from gemvg.training.data.scenes.sprites import Sprite

LABELS = ("dog", "cat", "chair", "couch", "cup", "wine glass")
PAINT = {
    "dog": (200, 30, 30), "cat": (30, 60, 210), "chair": (40, 160, 60), "couch": (230, 210, 40),
    "cup": (150, 60, 190), "wine glass": (240, 140, 20),
}  # fmt: skip
SQUARE = [10, 10, 50, 10, 50, 40, 10, 40]


class Shapes:
    """Sprites: an ellipse of its own colour a label, two different ones of each."""

    name = "shapes"
    labels = LABELS

    def sprite(self, label: str, rng: Random, other_than: str | None = None) -> Sprite | None:
        kinds = [k for k in (0, 1) if f"{label}-{k}" != other_than]
        kind = rng.choice(kinds)
        size = (120, 90) if kind == 0 else (80, 110)
        image = Image.new("RGBA", size)
        draw = ImageDraw.Draw(image)
        draw.ellipse((0, 0, size[0] - 1, size[1] - 1), fill=(*PAINT[label], 255))
        draw.line((0, 0, *size), fill=(20, 20, 20, 255) if kind else (240, 240, 240, 255), width=5)
        rgba = np.asarray(image).copy()
        return Sprite(label, f"{label}-{kind}", rgba, "CC0-1.0")


def scene_pool() -> ScenePool:
    return ScenePool("shapes", Shapes(), Backgrounds())


def make_coco(folder: Path, number: int = 24, seed: int = 0) -> Path:
    """`instances.json` and `images/`: shapes on noise, no two touching, polygons exact."""
    rng, noise = Random(seed), np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for k in range(1, number + 1):
        coarse = noise.integers(60, 200, (9, 12, 3)).astype(np.uint8)
        picture = Image.fromarray(coarse).resize((320, 240), Image.Resampling.BICUBIC)
        draw = ImageDraw.Draw(picture)
        cells = rng.sample([(x, y) for x in range(4) for y in range(3)], rng.randint(3, 6))
        for x, y in cells:
            label = rng.randrange(3 if k % 2 else len(LABELS))
            w, h = rng.randint(24, 66), rng.randint(24, 66)
            x1, y1 = x * 80 + rng.randint(4, 10), y * 80 + rng.randint(4, 10)
            corners = [x1, y1, x1 + w, y1, x1 + w, y1 + h, x1, y1 + h]
            draw.rectangle((x1, y1, x1 + w - 1, y1 + h - 1), fill=PAINT[LABELS[label]])
            draw.line((x1, y1, x1 + w - 1, y1 + h - 1), fill=(250, 250, 250), width=2)
            annotations.append(
                {"id": len(annotations) + 1, "image_id": k, "category_id": label + 1,
                 "bbox": [x1, y1, w, h], "area": w * h, "iscrowd": 0, "segmentation": [corners]}
            )  # fmt: skip
        name = f"{k:06d}.png"
        picture.save(folder / "images" / name)
        images.append({"id": k, "file_name": name, "width": 320, "height": 240})
    categories = [{"id": i, "name": label} for i, label in enumerate(LABELS, 1)]
    data = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "instances.json").write_text(json.dumps(data))
    return folder


def recipe(**changes: object) -> Recipe:
    """Every task from the painted photographs; 72 samples."""
    tasks = [
        "retrieval", "common", "same-class", "region", "difference", "robust-difference",
        "multi-view", "correspondence", "reasoning", "absent",
    ]  # fmt: skip
    raw: dict[str, object] = {
        "name": "painted", "seed": 3, "size": 60, "splits": {"train": 0.7, "val": 0.3},
        "sources": {
            "painted": {
                "reader": "coco", "annotations": "instances.json", "images": "images",
                "licence": "CC0-1.0",
            },
        },
        "pools": {
            "painted": {"records": "painted"},
            "composed": {"sprites": "painted", "backgrounds": ["painted"], "sides": [160, 260]},
        },
        "tasks": [{"task": t, "pool": "painted", "share": 1, "paste": "painted"} for t in tasks]
        + [{"task": t, "pool": "composed", "share": 1} for t in ("same-instance", "tracking")],
    }  # fmt: skip
    return Recipe.model_validate(raw | changes)


def picture(path: Path, size: tuple[int, int] = (100, 80)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (90, 120, 60)).save(path)


def read(name: str, skips: Skips | None = None, **given: Any) -> list[Record]:
    options = given.pop("options", {})
    source = Source(name, given, options, "CC0-1.0")
    return list(reader(name)(source, skips or Skips()))


def coco(folder: Path, annotations: list[dict[str, Any]], **image: Any) -> dict[str, Path]:
    """One picture a.png of 100 x 80 with these annotations, in COCO's form."""
    picture(folder / "images" / "a.png")
    row = {"id": 1, "file_name": "a.png", "width": 100, "height": 80} | image
    for k, a in enumerate(annotations):
        a.setdefault("image_id", 1)
        a.setdefault("id", k + 1)
        a.setdefault("category_id", 1)
    cats = [{"id": 1, "name": "dog"}, {"id": 2, "name": "Wild_Bird (owl)"}]
    data = {"info": {}, "images": [row], "annotations": annotations, "categories": cats}
    (folder / "c.json").write_text(json.dumps(data))
    return {"annotations": folder / "c.json", "images": folder / "images"}
