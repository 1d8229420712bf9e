"""Two pictures of one place that differ by known changes (removed, added, recoloured, moved).

In a composed scene the layers are changed and the scene is rendered again; in a photograph an
annotated object is painted out (OpenCV's Telea inpainting) or recoloured within its outline, or a
cut-out is pasted where it covers nothing annotated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

import numpy as np

from ....tools.boxes import Box
from ..masks import Mask, box_of, mask_of
from ..pools import RecordPool
from ..record import Instance
from ..shots import Pixels, Shot
from .arrange import arrange, covers, outline
from .plan import Layer, Plan, layer_pixels, paste, render, shift_hue
from .pool import ScenePool
from .sprites import SpriteLibrary

Kind = Literal["removed", "added", "recoloured", "moved"]

_VISIBLE = 10.0
"""Mean change, of 255, on an object's pixels below which nobody could be asked to see it."""

_AGREES = 1.5
"""Pixels by which each side of an annotated box may differ from its outline's."""


@dataclass(slots=True)
class Change:
    """One change.

    Attributes:
        before, after: where the object is seen in the two pictures; None where it is not there.
        mask: the pixels of the object, in the picture that shows it (the second for moved ones).
    """

    kind: Kind
    label: str
    before: Box | None
    after: Box | None
    mask: Mask

    @property
    def place(self) -> Box:
        """The changed place, in aligned pictures the same in both."""
        found = self.after if self.after is not None else self.before
        if found is None:
            raise ValueError("a change that is nowhere")
        return found


@dataclass(slots=True)
class Pair:
    """Two pictures, their changes, and the masks of the second one's objects."""

    before: Shot
    after: Shot
    changes: list[Change]
    masks: list[Mask | None]


def changed_scene(rng: Random, pool: ScenePool, kinds: Sequence[Kind]) -> Pair | None:
    """A composed scene and the same with one change per kind, none touching another object."""
    number = max(len(kinds), rng.randint(2, 5))
    chosen = pool.fillers(rng, number, ())
    if len(chosen) < len(kinds):
        return None
    width, height = rng.randint(208, 352), rng.randint(208, 352)
    first = arrange(rng, chosen, width, height)
    if first is None:
        return None
    back = pool.backgrounds.draw(rng, width, height, {s.label for s in chosen})
    licence = " AND ".join(sorted({s.licence for s in chosen} | {back.licence}))
    second: list[Layer | None] = list(first)
    before: list[Layer | None] = list(first)
    for index, kind in enumerate(kinds):
        layer = first[index]
        if kind == "removed":
            second[index] = None
        elif kind == "added":
            before[index] = None
        else:
            changed = _changed_layer(rng, layer, kind, first, (width, height))
            if changed is None:
                return None
            second[index] = changed
    plan = Plan(back.pixels, (), back.labels, source=pool.name, licence=licence)
    return _render_pair(rng, plan, before, second, kinds)


def _changed_layer(
    rng: Random, layer: Layer, kind: Kind, others: Sequence[Layer], size: tuple[int, int]
) -> Layer | None:
    """The layer recoloured, or moved to where it meets no other layer."""
    if kind == "recoloured":
        return replace(layer, hue=rng.randint(40, 140)) if _colourful(layer.sprite.rgba) else None
    box = outline(layer)
    for _ in range(20):
        x = rng.randint(0, max(0, int(size[0] - box.width)))
        y = rng.randint(0, max(0, int(size[1] - box.height)))
        there = box.shift(x - layer.x, y - layer.y)
        # The old place counts as taken: a move of a few pixels would be two boxes in one.
        if all(covers(there.expand(0.05), outline(o)) == 0.0 for o in others):
            return replace(layer, x=x, y=y)
    return None


def _colourful(pixels: Pixels) -> bool:
    """True where turning the hue shows on most of an object's pixels."""
    import cv2

    solid = pixels[..., 3] >= 128 if pixels.shape[2] == 4 else np.ones(pixels.shape[:2], bool)
    hsv = np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels[..., :3]), cv2.COLOR_RGB2HSV))
    strong = (hsv[..., 1] > 80) & (hsv[..., 2] > 60)
    return bool(strong[solid].mean() > 0.6) if solid.any() else False


def _render_pair(
    rng: Random,
    plan: Plan,
    before: Sequence[Layer | None],
    after: Sequence[Layer | None],
    kinds: Sequence[Kind],
) -> Pair | None:
    name = f"pair-{rng.getrandbits(48):012x}"
    rows = [[i for i, layer in enumerate(side) if layer is not None] for side in (before, after)]
    shots = [
        render(plan.with_layers(tuple(la for la in side if la is not None)), f"{name}-{k}")
        for k, side in enumerate((before, after))
    ]
    first, second = shots
    if first is None or second is None or first.labels is None or second.labels is None:
        return None
    changes: list[Change] = []
    for index, kind in enumerate(kinds):
        old = rows[0].index(index) if index in rows[0] else None
        new = rows[1].index(index) if index in rows[1] else None
        shown, at = (second, new) if new is not None else (first, old)
        if at is None or shown.labels is None:
            return None
        instance = shown.record.objects[at]
        changes.append(
            Change(
                kind,
                instance.label,
                None if old is None else first.record.objects[old].box,
                None if new is None else second.record.objects[new].box,
                shown.labels == at + 1,
            )
        )
    _note_recoloured(second, changes)
    masks: list[Mask | None] = [second.labels == k + 1 for k in range(len(second.record.objects))]
    return Pair(first, second, changes, masks)


def _note_recoloured(shot: Shot, changes: Sequence[Change]) -> None:
    """The checker compares annotations; a new colour stands there as a note."""
    boxes = [c.place.rounded() for c in changes if c.kind == "recoloured"]
    if boxes:
        shot.notes["recoloured"] = boxes


def changed_photo(
    rng: Random, pool: RecordPool, sprites: SpriteLibrary | None, kinds: Sequence[Kind]
) -> Pair | None:
    """A photograph and the same with changes (moved objects are for scenes only)."""
    shot = pool.any(rng)
    if shot is None:
        return None
    pixels = pool.pixels(shot).copy()
    record = shot.record
    objects: list[Instance | None] = list(record.objects)
    added: list[tuple[Instance, Mask]] = []
    changes: list[Change] = []
    for kind in kinds:
        change = (
            _add(rng, pixels, [*objects, *(o for o, _ in added)], sprites)
            if kind == "added"
            else _edit(rng, pixels, shot, objects, kind)
        )
        if change is None or any(covers(change.place, c.place) > 0.0 for c in changes):
            return None
        changes.append(change)
        if kind == "added" and change.after is not None:
            added.append((Instance(change.label, change.after), change.mask))
    if not all(_shows(pool.pixels(shot), pixels, change.mask) for change in changes):
        return None
    kept = [(k, o) for k, o in enumerate(objects) if o is not None]
    masks = [pool.mask(shot, k) for k, _ in kept] + [mask for _, mask in added]
    name = f"pair-{rng.getrandbits(48):012x}"
    after = replace(
        record, name=name, root="", file=name,
        objects=tuple(o for _, o in kept) + tuple(o for o, _ in added),
    )  # fmt: skip
    second = Shot(after, pixels)
    _note_recoloured(second, changes)
    return Pair(shot, second, changes, masks)


def _shows(before: Pixels, after: Pixels, mask: Mask) -> bool:
    """True where a change can be seen: what is painted out may look like what is around it."""
    return float(np.abs(before[mask].astype(np.int16) - after[mask]).mean()) >= _VISIBLE


def _add(
    rng: Random, pixels: Pixels, objects: Sequence[Instance | None], sprites: SpriteLibrary | None
) -> Change | None:
    """Paste a cut-out in place where it covers no annotated object."""
    if sprites is None or not sprites.labels:
        return None
    sprite = sprites.sprite(rng.choice(sprites.labels), rng)
    if sprite is None:
        return None
    height, width = pixels.shape[:2]
    for _ in range(20):
        longest = round(min(width, height) * rng.uniform(0.14, 0.32))
        layer = Layer(sprite, 0, 0, longest, rng.random() < 0.5)
        box = outline(layer)
        x = rng.randint(0, max(0, int(width - box.width)))
        y = rng.randint(0, max(0, int(height - box.height)))
        place = box.shift(x, y)
        if any(o is not None and covers(place, o.box) > 0.0 for o in objects):
            continue
        labels = np.zeros((height, width), dtype=np.int16)
        paste(pixels, labels, layer_pixels(layer), x, y, 1)
        mask = labels == 1
        found = box_of(mask)
        return None if found is None else Change("added", sprite.label, None, found, mask)
    return None


def _edit(
    rng: Random, pixels: Pixels, shot: Shot, objects: list[Instance | None], kind: Kind
) -> Change | None:
    """Paint out or recolour an annotated object that touches no other, in place."""
    width, height = shot.size
    total = width * height
    usable = [
        k
        for k, o in enumerate(objects)
        if o is not None and o.shape is not None
        and 0.004 * total <= o.box.area <= 0.12 * total
        and not any(p is not None and j != k and covers(o.box, p.box) > 0.02
                    for j, p in enumerate(objects))
    ]  # fmt: skip
    if not usable:
        return None
    index = rng.choice(usable)
    found = objects[index]
    if found is None or found.shape is None:
        return None
    mask = mask_of(found.shape, width, height)
    seen = box_of(mask)
    # An outline with thin tips fills fewer pixels than its box says; then the two would disagree.
    if seen is None or max(abs(a - b) for a, b in zip(seen, found.box, strict=True)) > _AGREES:
        return None
    if kind == "removed":
        _paint_out(pixels, mask, seen)
        objects[index] = None
        return Change("removed", found.label, found.box, None, mask)
    part = pixels[mask].reshape(1, -1, 3)
    if not _colourful(part):
        return None
    pixels[mask] = shift_hue(part, rng.randint(40, 140))[0]
    return Change("recoloured", found.label, found.box, found.box, mask)


def _paint_out(pixels: Pixels, mask: Mask, box: Box) -> None:
    """Fill an object from its surroundings, in place; only a window around it is looked at."""
    import cv2

    height, width = mask.shape
    pad = int(0.3 * max(box.width, box.height)) + 8
    x1, y1 = max(0, int(box.x1) - pad), max(0, int(box.y1) - pad)
    x2, y2 = min(width, int(box.x2) + pad), min(height, int(box.y2) + pad)
    hole = cv2.dilate(mask[y1:y2, x1:x2].astype(np.uint8), np.ones((7, 7), np.uint8))
    window = np.ascontiguousarray(pixels[y1:y2, x1:x2])
    pixels[y1:y2, x1:x2] = cv2.inpaint(window, np.asarray(hole), 5, cv2.INPAINT_TELEA)
