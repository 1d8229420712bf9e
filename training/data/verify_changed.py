"""Every place that has changed between two pictures, enumerated from their annotations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...tools.boxes import Box
from .record import Instance, Record
from .verify_scene import Place, Scene


def _corners(box: Box, camera: Any) -> tuple[list[float], list[float]]:
    """Both coordinates of a box's corners through a 3 x 3 map, clockwise from the top left."""
    xs: list[float] = []
    ys: list[float] = []
    for x, y in ((box.x1, box.y1), (box.x2, box.y1), (box.x2, box.y2), (box.x1, box.y2)):
        u, v, w = (row[0] * x + row[1] * y + row[2] for row in camera)
        xs.append(u / w)
        ys.append(v / w)
    return xs, ys


def _mapped(box: Box, camera: Any) -> Box:
    """The box around a box's mapped corners."""
    xs, ys = _corners(box, camera)
    return Box(min(xs), min(ys), max(xs), max(ys))


def _warped(box: Box, camera: Any, size: tuple[int, int]) -> Place:
    """Where an object of this box is in picture 2 of this size.

    What the box encloses touches all four of its sides. A map of straight lines takes a side to a
    segment, so the object reaches at least to the nearer end of it, and nowhere beyond the corners.
    """
    xs, ys = _corners(box, camera)
    least = (max(xs[0], xs[3]), max(ys[0], ys[1]), min(xs[1], xs[2]), min(ys[2], ys[3]))
    x1, y1, x2, y2 = (
        min(max(v, 0.0), float(limit)) for v, limit in zip(least, size * 2, strict=True)
    )
    return Place(2, _mapped(box, camera).clip(*size), (x1, y1, x2, y2))


def changed(scene: Scene) -> list[Place]:
    """Objects of one picture that have no counterpart in the other, or another colour there."""
    first, second = scene.records
    camera = scene.notes[1].get("camera")
    places: list[Place] = []
    for own, other, image in ((first, second, 1), (second, first, 2)):
        for o in own.objects:
            if _counterpart(o, other, camera, image):
                continue
            places += _changed_places(scene, o, image, camera)
    recoloured = [
        (k, Box(*b)) for k, n in enumerate(scene.notes, 1) for b in n.get("recoloured", [])
    ]
    for image, box in recoloured:
        places += _changed_places(scene, None, image, camera, box)
    return list(dict.fromkeys(places))


def _counterpart(o: Instance, other: Record, camera: Any, image: int) -> bool:
    """True where the other picture has the same object in the same place, or may have."""
    for p in other.objects:
        if p.label != o.label:
            continue
        if camera is None and p.box.iou(o.box) > 0.98:
            return True
        if camera is not None:
            a, b = (o, p) if image == 1 else (p, o)
            if _mapped(a.box, camera).clip(other.width, other.height).iou(b.box) > 0.5:
                return True
    # Behind the frame or too small to be named after the camera moved.
    return camera is not None and (o.label in other.unsure or _outside(o.box, camera, other, image))


def _outside(box: Box, camera: Any, other: Record, image: int) -> bool:
    if image == 2:
        return False
    seen = _mapped(box, camera)
    return seen.clip(other.width, other.height).area < 0.6 * seen.area


def _changed_places(
    scene: Scene, o: Instance | None, image: int, camera: Any, box: Box | None = None
) -> Iterator[Place]:
    """Where a change is to be boxed: in the pictures that the question names."""
    found = o.box if o is not None else box
    if found is None:
        return
    for target in scene.images():
        if camera is None:
            if scene.meaning.get("moved") and target != image:
                continue
            yield Place(target, found)
        elif target == 2:
            own = image == 2 and o is not None
            second = scene.record(2)
            size = (second.width, second.height)
            yield Place(2, found) if own else _warped(found, camera, size)
