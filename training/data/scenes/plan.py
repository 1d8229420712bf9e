"""How a scene is composed, and its rendering: pixels, which object each shows, exact boxes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

import numpy as np
from numpy.typing import NDArray

from ....tools.boxes import Box
from ..masks import box_of
from ..record import Instance, Record
from ..shots import Pixels, Shot
from .sprites import Sprite

LEAST_VISIBLE = 0.4
"""An object of which less than this share is left after occlusion is never asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One object in a scene.

    Attributes:
        x, y: top left corner, pixels; may be negative.
        longest: longest side before rotation, pixels.
        angle: degrees, counter-clockwise.
        gain: brightness factor.
        hue: shift on OpenCV's hue circle (0-179); 0 leaves the colours.
    """

    sprite: Sprite
    x: int
    y: int
    longest: int
    flip: bool = False
    angle: float = 0.0
    gain: float = 1.0
    hue: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A scene: background pixels, layers from back to front, light and blur.

    Attributes:
        unsure: labels that the background may hold.
        light: gamma applied to everything; 1 leaves it.
        blur: standard deviation of the lens, pixels; 0 for none.
    """

    background: Pixels
    layers: tuple[Layer, ...]
    unsure: frozenset[str] = frozenset()
    light: float = 1.0
    blur: float = 0.0
    source: str = "scenes"
    licence: str = "MIT"

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.background.shape[1], self.background.shape[0]

    def with_layers(self, layers: tuple[Layer, ...]) -> Plan:
        """The same scene with other objects."""
        return replace(self, layers=layers)


def layer_pixels(layer: Layer) -> NDArray[np.uint8]:
    """A layer's sprite as it is pasted: scaled, mirrored, turned, lit; (h, w, 4)."""
    import cv2

    rgba = layer.sprite.rgba
    height, width = rgba.shape[:2]
    scale = layer.longest / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Bilinear is clean down to one half and several times faster than area averaging.
    method = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR
    out: NDArray[np.uint8] = np.asarray(cv2.resize(rgba, size, interpolation=method), np.uint8)
    if layer.flip:
        out = np.ascontiguousarray(out[:, ::-1])
    if layer.angle:
        out = _turn(out, layer.angle)
    if layer.hue:
        out = shift_hue(out, layer.hue)
    if layer.gain != 1.0:
        table = np.clip(np.arange(256) * layer.gain, 0, 255).astype(np.uint8)
        out = np.dstack([table[out[..., :3]], out[..., 3]])
    return out


def _turn(rgba: NDArray[np.uint8], angle: float) -> NDArray[np.uint8]:
    """Rotated about its middle on a canvas that holds all of it."""
    import cv2

    height, width = rgba.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    c, s = abs(matrix[0, 0]), abs(matrix[0, 1])
    wide, high = int(np.ceil(width * c + height * s)), int(np.ceil(width * s + height * c))
    matrix[0, 2] += (wide - width) / 2
    matrix[1, 2] += (high - height) / 2
    return np.asarray(cv2.warpAffine(rgba, matrix, (wide, high), flags=cv2.INTER_LINEAR), np.uint8)


def shift_hue(pixels: NDArray[np.uint8], shift: int) -> NDArray[np.uint8]:
    """RGB or RGBA pixels with every hue moved on by `shift` (0-179), greys unchanged."""
    import cv2

    hsv = cv2.cvtColor(np.ascontiguousarray(pixels[..., :3]), cv2.COLOR_RGB2HSV)
    hsv[..., 0] = ((hsv[..., 0].astype(np.int16) + shift) % 180).astype(np.uint8)
    rgb = np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.uint8)
    return np.dstack([rgb, pixels[..., 3]]) if pixels.shape[2] == 4 else rgb


def paste(
    canvas: Pixels, labels: NDArray[np.int16], rgba: NDArray[np.uint8], x: int, y: int, number: int
) -> int:
    """Blend a cut object into a canvas at (x, y), in place.

    Pixels that it covers by half or more get `number` in `labels`.

    Returns:
        how many pixels of the whole object are solid (outside the canvas too).
    """
    height, width = canvas.shape[:2]
    solid = int(np.count_nonzero(rgba[..., 3] >= 128))
    left, top = max(0, -x), max(0, -y)
    right = min(rgba.shape[1], width - x)
    bottom = min(rgba.shape[0], height - y)
    if right <= left or bottom <= top:
        return solid
    cut = rgba[top:bottom, left:right]
    rows, columns = slice(y + top, y + bottom), slice(x + left, x + right)
    alpha = cut[..., 3:].astype(np.uint16)
    under = canvas[rows, columns].astype(np.uint16)
    mixed = (cut[..., :3] * alpha + under * (255 - alpha) + 127) // 255
    canvas[rows, columns] = mixed.astype(np.uint8)
    labels[rows, columns][cut[..., 3] >= 128] = number
    return solid


def finish(pixels: Pixels, light: float, blur: float) -> Pixels:
    """Light (gamma) and blur over the whole picture."""
    import cv2

    if light != 1.0:
        table = np.round(255.0 * (np.arange(256) / 255.0) ** light).astype(np.uint8)
        pixels = table[pixels]
    if blur > 0.0:
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), blur), np.uint8)
    return pixels


def render(plan: Plan, name: str) -> Shot | None:
    """Render a plan; None where some object ends up less visible than `LEAST_VISIBLE`.

    The record's objects are the layers in order; each box is the smallest around the pixels that
    show its object.
    """
    canvas = plan.background.copy()
    width, height = plan.size
    labels = np.zeros((height, width), dtype=np.int16)
    solids = [
        paste(canvas, labels, layer_pixels(layer), layer.x, layer.y, number)
        for number, layer in enumerate(plan.layers, 1)
    ]
    objects: list[Instance] = []
    for number, (layer, solid) in enumerate(zip(plan.layers, solids, strict=True), 1):
        box, visible = _visible(labels, number, layer)
        if box is None or visible < LEAST_VISIBLE * solid:
            return None
        objects.append(Instance(layer.sprite.label, box, identity=layer.sprite.identity))
    record = Record(
        name=name, root="", file=name, width=width, height=height, objects=tuple(objects),
        unsure=plan.unsure - {o.label for o in objects}, source=plan.source, licence=plan.licence,
    )  # fmt: skip
    return Shot(record, finish(canvas, plan.light, plan.blur), labels, plan)


def _visible(labels: NDArray[np.int16], number: int, layer: Layer) -> tuple[Box | None, int]:
    """Box and count of an object's pixels, looked for only where it can be."""
    reach = int(layer.longest * 1.5) + 4
    x, y = max(0, layer.x), max(0, layer.y)
    part = labels[y : max(0, layer.y + reach), x : max(0, layer.x + reach)] == number
    box = box_of(part)
    return (None, 0) if box is None else (box.shift(x, y), int(np.count_nonzero(part)))


def jitter(rng: Random, low: float, high: float, chance: float, neutral: float) -> float:
    """`neutral`, or with some chance a number between low and high, two digits."""
    return round(rng.uniform(low, high), 2) if rng.random() < chance else neutral
