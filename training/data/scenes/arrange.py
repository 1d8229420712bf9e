"""Where objects go in a scene."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from ....tools.boxes import Box
from .plan import Layer
from .sprites import Sprite

_TRIES = 30


def arrange(
    rng: Random, sprites: Sequence[Sprite], width: int, height: int, crowd: float = 0.0
) -> tuple[Layer, ...] | None:
    """Layers for sprites at random places; None where they do not fit.

    `crowd` says how far an object may cover an earlier one, as a share of the smaller box.
    """
    side = min(width, height)
    low, high = (
        (0.22, 0.46) if len(sprites) <= 4 else (0.15, 0.3) if len(sprites) <= 8 else (0.1, 0.19)
    )
    layers: list[Layer] = []
    taken: list[Box] = []
    for sprite in sprites:
        layer = _place(rng, sprite, (width, height), (side * low, side * high), taken, crowd)
        if layer is None:
            return None
        layers.append(layer)
        taken.append(outline(layer))
    return tuple(layers)


def outline(layer: Layer) -> Box:
    """The box that a layer fills, before anything covers it."""
    from math import cos, radians, sin

    height, width = layer.sprite.rgba.shape[:2]
    scale = layer.longest / max(height, width)
    w, h = width * scale, height * scale
    c, s = abs(cos(radians(layer.angle))), abs(sin(radians(layer.angle)))
    return Box(layer.x, layer.y, layer.x + w * c + h * s, layer.y + w * s + h * c)


def _place(
    rng: Random,
    sprite: Sprite,
    size: tuple[int, int],
    sides: tuple[float, float],
    taken: Sequence[Box],
    crowd: float,
) -> Layer | None:
    for attempt in range(_TRIES):
        high = sides[1] - (sides[1] - sides[0]) * attempt / _TRIES
        longest = max(20, round(rng.uniform(sides[0], high)))
        angle = round(rng.uniform(-20, 20), 1) if rng.random() < 0.35 else 0.0
        gain = round(rng.uniform(0.8, 1.15), 2) if rng.random() < 0.4 else 1.0
        layer = Layer(sprite, 0, 0, longest, rng.random() < 0.5, angle, gain)
        box = outline(layer)
        free_x, free_y = size[0] - box.width, size[1] - box.height
        if free_x < 1 or free_y < 1:
            continue
        x, y = rng.randint(0, int(free_x)), rng.randint(0, int(free_y))
        box = box.shift(x, y)
        if all(covers(box, other) <= crowd for other in taken):
            return moved(layer, x, y)
    return None


def covers(a: Box, b: Box) -> float:
    """Common area as a share of the smaller box."""
    common = a.intersect(b)
    return common.area / min(a.area, b.area) if common.is_valid else 0.0


def moved(layer: Layer, x: int, y: int) -> Layer:
    """The same layer at another place."""
    from dataclasses import replace

    return replace(layer, x=x, y=y)
