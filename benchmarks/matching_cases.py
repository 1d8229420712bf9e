"""Cases for measuring `match` and `compare`, made from annotated photographs, by seed."""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Pixels = NDArray[np.uint8]
SHARED = Path(os.environ.get("GEMVG_SHARED", Path(__file__).parents[2] / "shared"))

CROP_KINDS = (
    "plain", "resize", "jpeg", "blur", "light", "mirror", "rotate", "aspect", "grey", "combined",
)  # fmt: skip
CHANGE_KINDS = ("paste", "feather", "remove", "fill", "none")


@dataclass(frozen=True)
class Photo:
    """A photograph, its objects and its crowds (COCO annotations with `name`); area in pixels."""

    id: int
    path: Path
    objects: tuple[dict[str, Any], ...]
    crowds: tuple[dict[str, Any], ...] = ()
    area: float = 0.0

    def pixels(self) -> Pixels:
        """(h, w, 3) uint8, RGB."""
        return np.asarray(Image.open(self.path).convert("RGB"))


def load_photos(half: str) -> list[Photo]:
    """The photographs of even ids (for tuning), of odd ids (for reporting), or all."""
    data = json.loads((SHARED / "photos" / "instances.json").read_text())
    names = {item["id"]: item["name"] for item in data["categories"]}
    objects: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for item in data["annotations"]:
        item["name"] = names[item["category_id"]]
        objects.setdefault((item["image_id"], item["iscrowd"]), []).append(item)
    photos = [
        Photo(
            i["id"],
            SHARED / "photos" / "images" / i["file_name"],
            tuple(objects.get((i["id"], 0), ())),
            tuple(objects.get((i["id"], 1), ())),
            float(i["width"] * i["height"]),
        )
        for i in sorted(data["images"], key=lambda i: i["id"])
    ]
    if half == "all":
        return photos
    return [p for p in photos if p.id % 2 == (half == "odd")]


def recompress(pixels: Pixels, quality: int) -> Pixels:
    """Through JPEG and back."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


def relight(pixels: Pixels, rng: np.random.Generator, strength: float = 1.0) -> Pixels:
    """Another gain, offset, gamma and white balance, clipped."""
    gain = np.exp(rng.uniform(-0.3, 0.3) * strength)
    balance = np.exp(rng.uniform(-0.08, 0.08, 3) * strength)
    offset = rng.uniform(-22, 22) * strength
    gamma = np.exp(rng.uniform(-0.25, 0.25) * strength)
    values = 255.0 * (pixels / 255.0) ** gamma * gain * balance + offset
    return np.clip(values, 0, 255).astype(np.uint8)


def resize(pixels: Pixels, fx: float, fy: float) -> Pixels:
    """By area where smaller, cubic where larger."""
    size = (max(1, round(pixels.shape[1] * fx)), max(1, round(pixels.shape[0] * fy)))
    method = cv2.INTER_AREA if fx < 1 else cv2.INTER_CUBIC
    return cv2.resize(pixels, size, interpolation=method)


def random_window(
    rng: np.random.Generator, width: int, height: int, smallest: int
) -> tuple[int, int, int, int]:
    """A window x1, y1, x2, y2: log-uniform size, sides between 1 to 3 and 3 to 1."""
    largest = 0.8 * min(width, height)
    size = np.exp(rng.uniform(np.log(smallest), np.log(largest)))
    stretch = np.exp(rng.uniform(0, np.log(3)))
    w, h = (size * stretch, size) if rng.random() < 0.5 else (size, size * stretch)
    w, h = min(round(w), width), min(round(h), height)
    x, y = int(rng.integers(0, width - w + 1)), int(rng.integers(0, height - h + 1))
    return x, y, x + w, y + h


def make_crop(
    pixels: Pixels, kind: str, rng: np.random.Generator, smallest: int = 32
) -> tuple[Pixels, tuple[int, int, int, int]]:
    """A degraded crop of a photograph and the window that it came from."""
    height, width = pixels.shape[:2]
    window = random_window(rng, width, height, smallest)
    x1, y1, x2, y2 = window
    if kind == "combined":
        kinds = [k for k in CROP_KINDS[1:7] if rng.random() < 0.5]
    else:
        kinds = [kind]
    crop = rotated_crop(pixels, window, rng.uniform(-10, 10)) if "rotate" in kinds else (
        pixels[y1:y2, x1:x2]
    )  # fmt: skip
    if "light" in kinds:
        crop = relight(crop, rng)
    if "grey" in kinds:
        crop = np.repeat(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    if "resize" in kinds:
        lowest = max(0.4, 20 / min(crop.shape[:2]))
        factor = float(np.exp(rng.uniform(np.log(lowest), np.log(2.5))))
        crop = resize(crop, factor, factor)
    if "aspect" in kinds:
        stretch = float(np.exp(rng.uniform(-0.35, 0.35)))
        crop = resize(crop, stretch, 1.0)
    if "blur" in kinds:
        crop = cv2.GaussianBlur(crop, (0, 0), rng.uniform(0.6, 1.4))
    if "mirror" in kinds:
        crop = crop[:, ::-1]
    if "jpeg" in kinds:
        crop = recompress(np.ascontiguousarray(crop), int(rng.integers(30, 75)))
    return np.ascontiguousarray(crop), window


def rotated_crop(pixels: Pixels, window: tuple[int, int, int, int], degrees: float) -> Pixels:
    """A window turned around its middle (reflected where it reaches outside)."""
    x1, y1, x2, y2 = window
    middle = ((x1 + x2) / 2, (y1 + y2) / 2)
    matrix = cv2.getRotationMatrix2D(middle, degrees, 1.0)
    matrix[:, 2] -= (x1, y1)
    return cv2.warpAffine(
        pixels, matrix, (x2 - x1, y2 - y1), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )


def polygon_mask(item: dict[str, Any], width: int, height: int) -> Pixels:
    """The mask of a COCO polygon annotation, (h, w) of 0 or 255."""
    mask = Image.new("L", (width, height))
    for polygon in item["segmentation"]:
        ImageDraw.Draw(mask).polygon([float(v) for v in polygon], fill=255)
    return np.asarray(mask)


@dataclass(frozen=True)
class ChangeCase:
    """A pair of pictures and the box of what changed in the second, None where nothing did."""

    first: Pixels
    second: Pixels
    box: tuple[float, float, float, float] | None
    share: float


def _visible(mask: Pixels) -> tuple[int, int, int, int]:
    """The box around a mask's pixels above a half."""
    ys, xs = np.nonzero(mask > 127)
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


def suitable_objects(photo: Photo, width: int, height: int) -> list[dict[str, Any]]:
    """Objects between 0.3% and 20% of the picture, annotated by polygons."""
    return [
        item
        for item in photo.objects
        if isinstance(item["segmentation"], list)
        and 0.003 < item["area"] / (width * height) < 0.2
        and min(item["bbox"][2:]) >= 12
    ]


def in_one_piece(item: dict[str, Any], width: int, height: int) -> bool:
    """Whether nine tenths of an object hang together.

    Of a person behind a table of whom head and hands are annotated, each piece is a change of its
    own: what is between them is the same in both pictures, so no box around all of them is right.
    """
    mask = (polygon_mask(item, width, height) > 127).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    return len(areas) > 0 and int(areas.max()) >= 0.9 * int(areas.sum())


def paste_object(
    scene: Pixels, giver: Pixels, item: dict[str, Any], rng: np.random.Generator, feather: bool
) -> tuple[Pixels, tuple[int, int, int, int]] | None:
    """An object of one photograph pasted at a random place of another; None where it can't be."""
    mask = polygon_mask(item, giver.shape[1], giver.shape[0])
    if (mask > 127).sum() < 50:
        return None
    x1, y1, x2, y2 = _visible(mask)
    cut, alpha = giver[y1:y2, x1:x2], mask[y1:y2, x1:x2]
    h, w = scene.shape[:2]
    factor = min(1.0, 0.5 * w / cut.shape[1], 0.5 * h / cut.shape[0])
    cut = resize(cut, factor, factor)
    alpha = cv2.resize(alpha, (cut.shape[1], cut.shape[0]), interpolation=cv2.INTER_AREA)
    if (alpha > 127).sum() < max(40, 0.003 * w * h):
        return None
    x = int(rng.integers(0, w - cut.shape[1] + 1))
    y = int(rng.integers(0, h - cut.shape[0] + 1))
    soft = cv2.GaussianBlur(alpha, (0, 0), 1.5) if feather else alpha
    weight = (np.minimum(soft, 255) / 255.0)[..., None]
    out = scene.copy()
    under = out[y : y + cut.shape[0], x : x + cut.shape[1]]
    under[:] = np.round(weight * cut + (1 - weight) * under).astype(np.uint8)
    bx1, by1, bx2, by2 = _visible(alpha)
    return out, (x + bx1, y + by1, x + bx2, y + by2)


def remove_object(
    scene: Pixels, item: dict[str, Any], fill: bool, rng: np.random.Generator
) -> tuple[Pixels, tuple[int, int, int, int]]:
    """An object painted over: inpainted (Telea), or with the texture beside it."""
    mask = polygon_mask(item, scene.shape[1], scene.shape[0])
    box = _visible(mask)
    grown = cv2.dilate(mask, np.ones((5, 5), np.uint8))
    if not fill:
        return cv2.inpaint(scene, grown, 4, cv2.INPAINT_TELEA), box
    shift = box[2] - box[0] + 8
    shift = shift if box[2] + shift <= scene.shape[1] else -shift
    if box[0] + shift < 0:
        return cv2.inpaint(scene, grown, 4, cv2.INPAINT_TELEA), box
    soft = (cv2.GaussianBlur(grown, (0, 0), 1.5) / 255.0)[..., None]
    beside = np.roll(scene, -shift, axis=1)
    return np.round(soft * beside + (1 - soft) * scene).astype(np.uint8), box


def move_camera(
    pixels: Pixels, box: tuple[float, ...] | None, rng: np.random.Generator
) -> tuple[Pixels, tuple[float, float, float, float] | None]:
    """A small shift, turn, zoom and tilt of the camera, and the box carried along."""
    h, w = pixels.shape[:2]
    turn, zoom = np.deg2rad(rng.uniform(-3, 3)), np.exp(rng.uniform(-0.05, 0.05))
    c, s = np.cos(turn) * zoom, np.sin(turn) * zoom
    tilt = rng.uniform(-1, 1, 2) * 0.04 / np.array([w, h])
    centre = np.array([[1, 0, -w / 2], [0, 1, -h / 2], [0, 0, 1]])
    back = np.array([[1, 0, w / 2 + rng.uniform(-0.04, 0.04) * w],
                     [0, 1, h / 2 + rng.uniform(-0.04, 0.04) * h], [0, 0, 1]])  # fmt: skip
    matrix = back @ np.array([[c, -s, 0], [s, c, 0], [*tilt, 1]]) @ centre
    moved = cv2.warpPerspective(
        pixels, matrix, (w, h), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT
    )
    if box is None:
        return moved, None
    x1, y1, x2, y2 = box
    points = np.array([[x1, y1, 1], [x2, y1, 1], [x2, y2, 1], [x1, y2, 1]]) @ matrix.T
    points = np.clip(points[:, :2] / points[:, 2:], 0, [w, h])
    low, high = points.min(axis=0), points.max(axis=0)
    return moved, (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def make_change(
    photos: list[Photo], kind: str, rng: np.random.Generator, *, light: bool, camera: bool
) -> ChangeCase:
    """A pair of pictures that differ by one object (or by none), both through JPEG."""
    while True:
        photo = photos[rng.integers(len(photos))]
        scene = photo.pixels()
        box: tuple[float, float, float, float] | None = None
        second = scene
        if kind in ("paste", "feather"):
            giver = photo if rng.random() < 0.3 else photos[rng.integers(len(photos))]
            pixels = giver.pixels()
            items = suitable_objects(giver, pixels.shape[1], pixels.shape[0])
            if not items:
                continue
            item = items[rng.integers(len(items))]
            if not in_one_piece(item, pixels.shape[1], pixels.shape[0]):
                continue
            pasted = paste_object(scene, pixels, item, rng, kind == "feather")
            if pasted is None:
                continue
            second, box = pasted
        elif kind in ("remove", "fill"):
            items = suitable_objects(photo, scene.shape[1], scene.shape[0])
            if not items:
                continue
            item = items[rng.integers(len(items))]
            if not in_one_piece(item, scene.shape[1], scene.shape[0]):
                continue
            second, box = remove_object(scene, item, kind == "fill", rng)
        break
    if camera:
        second, box = move_camera(second, box, rng)
    if light:
        second = relight(second, rng, 0.6)
        if rng.random() < 0.3:
            second = cv2.GaussianBlur(second, (0, 0), rng.uniform(0.4, 0.9))
    share = 0.0
    if box is not None:
        share = (box[2] - box[0]) * (box[3] - box[1]) / (scene.shape[0] * scene.shape[1])
    first = recompress(scene, int(rng.integers(60, 96)))
    return ChangeCase(first, recompress(second, int(rng.integers(40, 96))), box, share)
