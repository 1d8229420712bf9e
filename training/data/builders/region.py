"""Region to place: a close-up, and the picture that it was cut from. Demand: spatial."""

from __future__ import annotations

from random import Random

import numpy as np

from ....tools.boxes import Box
from ..language.grammar import image_mark
from ..record import Record
from ..sample import TruthBox, VisualPrompt
from ..shots import Pixels, Shot
from .base import Builder, Desk, Draft

_LEAST_CONTRAST = 18.0
"""Least standard deviation of grey levels in a close-up: a patch of sky could be anywhere."""


def _window(rng: Random, shot: Shot, made: bool) -> Box | None:
    """A window around (in made pictures: across) an annotated object, or anywhere; whole pixels."""
    width, height = shot.size
    objects = [o for o in shot.record.objects if 0.01 < o.box.area / (width * height) < 0.4]
    if objects and rng.random() < 0.7:
        around = rng.choice(objects).box
        grown = _across(rng, around) if made else around.expand(rng.uniform(0.0, 0.25))
        grown = grown.clip(width, height)
    else:
        w, h = width * rng.uniform(0.15, 0.45), height * rng.uniform(0.15, 0.45)
        x, y = rng.uniform(0, width - w), rng.uniform(0, height - h)
        grown = Box(x, y, x + w, y + h)
    box = Box(*(float(round(v)) for v in grown)).clip(width, height)
    fits = min(box.width, box.height) >= 32 and box.width < 0.8 * width
    return box if fits else None


def _across(rng: Random, box: Box) -> Box:
    """A window of another shape that shows part of an object.

    The same object lies in scenes of every split; close-ups of all of it would be the same picture
    in two of them.
    """
    (x, y), w, h = box.center, box.width, box.height
    x, y = x + w * rng.uniform(-0.4, 0.4), y + h * rng.uniform(-0.4, 0.4)
    w, h = w * rng.uniform(0.5, 1.3), h * rng.uniform(0.5, 1.3)
    return Box(x - w / 2, y - h / 2, x + w / 2, y + h / 2)


def close_up(rng: Random, pixels: Pixels, box: Box) -> Pixels | None:
    """The window's pixels at another size; None where there is too little to recognise."""
    import cv2

    cut = pixels[int(box.y1) : int(box.y2), int(box.x1) : int(box.x2)]
    grey = np.asarray(cv2.cvtColor(np.ascontiguousarray(cut), cv2.COLOR_RGB2GRAY))
    if float(grey.std()) < _LEAST_CONTRAST:
        return None
    scale = rng.uniform(0.8, 2.2)
    size = (max(24, round(box.width * scale)), max(24, round(box.height * scale)))
    return np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def _elsewhere(desk: Desk, shots: list[Shot], chosen: int, box: Box) -> bool:
    """True where the window's content can be seen in a second place too (stripes, repeats)."""
    import cv2

    cut = desk.pool.pixels(shots[chosen])[int(box.y1) : int(box.y2), int(box.x1) : int(box.x2)]
    # About twelve pixels of the shorter side are enough to see a repeat, and quick to slide.
    scale = min(1.0, 14.0 / min(box.width, box.height))
    size = (max(2, round(box.width * scale)), max(2, round(box.height * scale)))
    small = np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA))
    for k, shot in enumerate(shots):
        width, height = (max(1, round(v * scale)) for v in shot.size)
        if width < size[0] or height < size[1]:
            continue
        pixels = desk.pool.pixels(shot)
        whole = np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA))
        scores = np.asarray(cv2.matchTemplate(whole, small, cv2.TM_CCOEFF_NORMED))
        if k == chosen:
            x, y = round(box.x1 * scale), round(box.y1 * scale)
            reach = (max(2, size[0] // 4), max(2, size[1] // 4))
            rows = slice(max(0, y - reach[1]), y + reach[1] + 1)
            scores[rows, max(0, x - reach[0]) : x + reach[0] + 1] = -1.0
        if float(scores.max(initial=-1.0)) > 0.9:
            return True
    return False


def build(rng: Random, desk: Desk) -> Draft | None:
    """A close-up put first or last among one to three pictures; box its place."""
    sources = rng.randint(1, 3)
    shots: list[Shot] = []
    used: set[str] = set()
    for _ in range(sources):
        shot = desk.pool.draw(rng, {}, (), used)
        if shot is None:
            return None
        used.add(shot.record.name)
        shots.append(shot)
    chosen = rng.randrange(sources)
    box = _window(rng, shots[chosen], desk.pool.made)
    if box is None:
        return None
    pixels = close_up(rng, desk.pool.pixels(shots[chosen]), box)
    if pixels is None or _elsewhere(desk, shots, chosen, box):
        return None
    name = f"region-{rng.getrandbits(48):012x}"
    height, width = pixels.shape[:2]
    base = shots[chosen].record
    record = Record(
        name, "", name, width, height, known=frozenset(), source=base.source, licence=base.licence
    )
    crop = Shot(record, pixels)
    crop_first = rng.random() < 0.3
    order = [crop, *shots] if crop_first else [*shots, crop]
    crop_at, at = (1, chosen + 2) if crop_first else (sources + 1, chosen + 1)
    total = sources + 1
    slots = {"crop": image_mark(crop_at, total), "source": image_mark(at, total)}
    rule = "region" if sources == 1 or rng.random() < 0.3 else "region-which"
    question = desk.words.phrase(rng, rule, slots)
    prompt = VisualPrompt(
        image=crop_at, box=(0.0, 0.0, float(width), float(height)), form="picture"
    )
    meaning = {"op": "region", "crop": crop_at}
    return Draft(question, order, [TruthBox.of(at, box, "region")], meaning, [prompt])


BUILDER = Builder("region", "spatial", build, writes=True)
