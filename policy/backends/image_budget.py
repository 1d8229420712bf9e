"""The image-token budget, planned before anything is sent: at what size each picture is shown.

A Qwen-VL processor cuts a picture into square cells (patch size times merge size, 28 or 32 pixels a
side), one token each, after resizing it to whole cells inside bounds of its own. The plan chooses
such a size for each picture, so that all of them fit the context; resized to it on our side, a
picture passes through the processor, ours or a server's, unchanged, and the grid that boxes are
written in is known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from ...tools.errors import ContextOverflow
from ...tools.text import clean_text

MAX_RATIO = 200
"""Longest to shortest side that the Qwen-VL processors take."""

VIEW_TOKENS = 2048
"""Tokens a picture gets at most by default: the upper end of what Qwen advises for grounding."""

FLOOR_TOKENS = 16
"""Below this a picture shows nothing worth asking about."""

FRAME_TOKENS = 2
"""Start and end mark around each picture."""


@dataclass(frozen=True, slots=True)
class PixelGrid:
    """How a family's processor cuts a picture.

    Attributes:
        factor: side of the square that becomes one token, pixels.
        min_pixels, max_pixels: bounds of width times height after the processor's resize.
    """

    factor: int
    min_pixels: int
    max_pixels: int

    @property
    def floor(self) -> int:
        """The fewest tokens that a picture can have."""
        return max(1, math.ceil(self.min_pixels / self.factor**2), FLOOR_TOKENS)

    @property
    def ceiling(self) -> int:
        """The most tokens that a picture can have."""
        return max(self.floor, self.max_pixels // self.factor**2)


QWEN2_GRID = PixelGrid(28, 56 * 56, 16384 * 28 * 28)
"""Qwen2-VL, Qwen2.5-VL and their finetunes (their preprocessor_config.json)."""

QWEN3_GRID = PixelGrid(32, 256 * 256, 4096 * 4096)
"""Qwen3-VL (its preprocessor_config.json)."""

_FAMILY_GRIDS: Mapping[str, PixelGrid] = {
    "qwen2": QWEN2_GRID,
    "migician": QWEN2_GRID,
    "univg": QWEN2_GRID,
    "vlm-r1": QWEN2_GRID,
    "mg-thinker": QWEN2_GRID,
    "gem-vg": QWEN2_GRID,
    "qwen3": QWEN3_GRID,
}


def grid_of_family(*names: str) -> PixelGrid:
    """The grid of the first name (of a model or a dialect) that tells one.

    Where none does, the coarser grid: its sizes suit any server that takes pictures of any size.
    """
    for name in names:
        lowered = name.lower()
        for part, grid in _FAMILY_GRIDS.items():
            if part in lowered:
                return grid
    return QWEN3_GRID


@dataclass(frozen=True, slots=True)
class ImageNeed:
    """A picture that wants room.

    Attributes:
        view: its 1-based view index. source: how a message names it.
        width, height: of its raster, pixels.
    """

    view: int
    source: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class PlannedImage:
    """The size at which a view is shown, pixels, and what it costs, tokens."""

    view: int
    source: str
    width: int
    height: int
    tokens: int

    @property
    def size(self) -> tuple[int, int]:
        """(width, height), pixels."""
        return self.width, self.height

    @property
    def grid(self) -> tuple[float, float]:
        """The size as coordinate spaces take it."""
        return float(self.width), float(self.height)


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """The sizes of all pictures of one call, in the order of the needs."""

    images: tuple[PlannedImage, ...]

    @property
    def tokens(self) -> int:
        """Image tokens in all, without start and end marks."""
        return sum(image.tokens for image in self.images)

    @property
    def grids(self) -> dict[int, tuple[float, float]]:
        """(width, height) by view index."""
        return {image.view: image.grid for image in self.images}

    def size_of(self, view: int) -> tuple[int, int]:
        """(width, height) of a view that is in the plan."""
        return next(image.size for image in self.images if image.view == view)


def fit_size(width: int, height: int, grid: PixelGrid, max_tokens: int) -> tuple[int, int]:
    """The size in whole cells closest to a picture's own, within a number of tokens.

    A picture is made smaller to fit and made larger only where the processor would do so itself.
    The result is a fixed point of the processors' resize: multiples of the factor, bounds and
    aspect ratio kept.

    Args:
        width: of the picture, pixels.
        height: of the picture, pixels.
        grid: of the family, or of the processor at hand.
        max_tokens: raised to the least and lowered to the most that the grid allows.
    """
    cap = max(min(max_tokens, grid.ceiling), grid.floor)
    least = max(1, math.ceil(grid.min_pixels / grid.factor**2))
    across, down = width / grid.factor, height / grid.factor
    columns, rows = _whole(across, down, 1.0)
    if not least <= columns * rows <= cap or max(columns, rows) > MAX_RATIO * min(columns, rows):
        bound = cap if columns * rows > cap else least if columns * rows < least else cap
        columns, rows = _whole(across, down, math.sqrt(bound / (across * down)))
        if not _allowed(columns, rows, least, cap):
            columns, rows = _nearest(across, down, columns * rows, least, cap)
    return columns * grid.factor, rows * grid.factor


def _whole(across: float, down: float, scale: float) -> tuple[int, int]:
    """Cells at a scale, rounded, at least one each way."""
    return max(1, round(across * scale)), max(1, round(down * scale))


def _allowed(columns: int, rows: int, least: int, cap: int) -> bool:
    """Whether a processor leaves a picture of so many cells as it is, and the budget holds it."""
    in_shape = max(columns, rows) <= MAX_RATIO * min(columns, rows)
    return in_shape and least <= columns * rows <= cap


def _nearest(across: float, down: float, cells: int, least: int, cap: int) -> tuple[int, int]:
    """The allowed cells that bend the picture least; the most of those that bend it alike.

    Only a few shorter sides are tried: those around the one that the aspect ratio wants, and, for
    pictures longer than any processor takes, those at the limit.
    """
    long, short = max(across, down), min(across, down)
    ratio = min(long / short, float(MAX_RATIO))
    wanted = math.sqrt(min(max(cells, least), cap) / ratio)
    best: tuple[float, int, int] | None = None
    for shorter in range(max(1, int(wanted) - 2), int(wanted) + 4):
        low, high = math.ceil(least / shorter), min(cap // shorter, MAX_RATIO * shorter)
        if low > high:
            continue
        longer = min(max(round(shorter * ratio), low), high)
        bend = abs(math.log(longer / shorter / ratio))
        found = (round(bend, 2), -longer * shorter, shorter)
        best = found if best is None else min(best, found)
    if best is None:
        shorter, longer = 1, min(cap, MAX_RATIO)
    else:
        shorter, longer = best[2], -best[1] // best[2]
    return (longer, shorter) if across >= down else (shorter, longer)


def plan_images(
    needs: Sequence[ImageNeed],
    grid: PixelGrid,
    *,
    room: int | None = None,
    max_tokens: int = VIEW_TOKENS,
) -> ImagePlan:
    """Choose the size of every picture so that all fit.

    Where there is room, a picture keeps its own size up to `max_tokens`; where there is not, the
    largest pictures give way first, all down to one common limit.

    Args:
        needs: the pictures.
        grid: of the family, or of the processor at hand.
        room: tokens left for pictures in the context; None where the context is not known.
        max_tokens: of one picture.

    Raises:
        ContextOverflow: they don't fit at the smallest size; the message names the first picture
            that finds no room.
    """
    cap = max(grid.floor, min(max_tokens, grid.ceiling))
    if room is None:
        return _at(needs, grid, cap)
    free = room - FRAME_TOKENS * len(needs)
    plan = _at(needs, grid, cap)
    if plan.tokens <= free:
        return plan
    smallest = _at(needs, grid, grid.floor)
    if smallest.tokens > free:
        raise _overflow(smallest, room)
    low, high = grid.floor, cap
    while low < high:
        middle = (low + high + 1) // 2
        if _at(needs, grid, middle).tokens <= free:
            low = middle
        else:
            high = middle - 1
    # In whole cells a lower bound now and then holds a few more: none gains by giving way.
    limited = zip(_at(needs, grid, low).images, plan.images, strict=True)
    return ImagePlan(tuple(min(pair, key=lambda image: image.tokens) for pair in limited))


def _at(needs: Sequence[ImageNeed], grid: PixelGrid, cap: int) -> ImagePlan:
    images: list[PlannedImage] = []
    for need in needs:
        width, height = fit_size(need.width, need.height, grid, cap)
        tokens = (width // grid.factor) * (height // grid.factor)
        images.append(PlannedImage(need.view, need.source, width, height, tokens))
    return ImagePlan(tuple(images))


def _overflow(smallest: ImagePlan, room: int) -> ContextOverflow:
    totals = accumulate(image.tokens + FRAME_TOKENS for image in smallest.images)
    number = sum(total <= room for total in totals)
    image = smallest.images[min(number, len(smallest.images) - 1)]
    source = clean_text(image.source, 120)
    return ContextOverflow(
        f"{source} (view {image.view}) does not fit the model's context: after the text "
        f"{max(0, room)} tokens are left, and even at their smallest size only "
        f"{number} of {len(smallest.images)} pictures fit.",
        "Ask about fewer pictures at once (--strategy poll does), or give the model a longer "
        "context.",
    )
