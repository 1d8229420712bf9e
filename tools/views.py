"""Views: what the policy sees: a picture, or a window of one, at a raster size of its own.

The window is kept in exact float pixels of the upright picture, so crops of crops compose without
drift, and any box in any view maps back exactly.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from .boxes import Box
from .coordinates import Frame
from .errors import BudgetExhausted
from .images import Picture


@dataclass(frozen=True, slots=True)
class View:
    """One view.

    Attributes:
        index: 1-based in the conversation; views 1..m are the pictures themselves.
        image: 1-based index of the picture that it shows.
        window: the part of the picture that it shows, upright picture pixels.
        width, height: of the view's raster, pixels (a tiny window is magnified).
        shows: what it is, for people and for the policy.
    """

    index: int
    image: int
    window: Box
    width: int
    height: int
    shows: str

    def to_image(self, box: Box) -> Box:
        """A box in this view's raster pixels to picture pixels."""
        sx, sy = self.window.width / self.width, self.window.height / self.height
        return box.scale(sx, sy).shift(self.window.x1, self.window.y1)

    def from_image(self, box: Box) -> Box:
        """A box in picture pixels to this view's raster pixels (may reach outside the view)."""
        sx, sy = self.width / self.window.width, self.height / self.window.height
        return box.shift(-self.window.x1, -self.window.y1).scale(sx, sy)

    def frame(self, grid: tuple[float, float] | None = None) -> Frame:
        """The frame in which a coordinate space reads boxes of this view."""
        return Frame(self.width, self.height, grid)


ViewPlan = tuple[int, Box, tuple[int, int], str]
"""A view to be: image, window (picture pixels), raster size (width, height), what it shows."""


class ViewBook:
    """The views of one episode and their pixels. Views are only ever added.

    Args:
        pictures: in the user's order; they become views 1..m.
        max_new: how many views may be added to them; None for any number.

    Attributes:
        refused: how many views were not added because the limit was reached.
    """

    def __init__(self, pictures: Sequence[Picture], max_new: int | None = None) -> None:
        self.pictures: tuple[Picture, ...] = tuple(pictures)
        self.max_new = max_new
        self.refused = 0
        self._views: list[View] = [
            View(i, i, Box(0.0, 0.0, float(p.width), float(p.height)), p.width, p.height,
                 f"image {i}")
            for i, p in enumerate(self.pictures, 1)
        ]  # fmt: skip
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._views)

    def __contains__(self, index: object) -> bool:
        return isinstance(index, int) and 1 <= index <= len(self._views)

    def __getitem__(self, index: int) -> View:
        """The view of a 1-based index. Raises KeyError where there is none."""
        if index not in self:
            raise KeyError(index)
        return self._views[index - 1]

    @property
    def views(self) -> tuple[View, ...]:
        """All views, in order of their index."""
        return tuple(self._views)

    @property
    def image_count(self) -> int:
        """How many pictures there are; they are views 1 to this."""
        return len(self.pictures)

    def picture(self, image: int) -> Picture:
        """The picture of a 1-based image index."""
        return self.pictures[image - 1]

    def add(self, image: int, window: Box, size: tuple[int, int], shows: str) -> View:
        """Append a view of a window (picture pixels, inside the picture) at a raster size.

        Raises:
            BudgetExhausted: the book may not grow any more.
        """
        return self.add_all([(image, window, size, shows)])[0]

    def add_all(self, plans: Sequence[ViewPlan]) -> tuple[View, ...]:
        """Append a view for each plan, or none: a view that is not shown must not be in the book.

        Raises:
            BudgetExhausted: there is no room for all of them.
        """
        with self._lock:
            begin = len(self._views)
            room = None if self.max_new is None else self.max_new - (begin - self.image_count)
            if room is not None and len(plans) > room:
                self.refused += len(plans)
                raise BudgetExhausted(
                    f"{len(plans)} new views are more than the {room} left."
                    if room > 0
                    else f"the limit of {self.max_new} new views is reached.",
                    "Answer with what you have.",
                )
            views = tuple(
                View(index, image, window, width, height, shows)
                for index, (image, window, (width, height), shows) in enumerate(plans, begin + 1)
            )
            self._views.extend(views)
            return views

    def raster(self, index: int, size: tuple[int, int] | None = None) -> Image.Image:
        """The pixels of a view, RGB, at its own size or at `size` (width, height).

        Raises:
            KeyError: no such view. ImageError: the picture turns out damaged.
        """
        view = self[index]
        target = size or (view.width, view.height)
        picture = self.picture(view.image)
        if view.index <= self.image_count and target == picture.size:
            return picture.pixels
        return render_window(picture.pixels, view.window, target)


def render_window(image: Image.Image, window: Box, size: tuple[int, int]) -> Image.Image:
    """A float window of a picture resampled to `size`, exactly (no rounding of the window)."""
    clipped = window.clip(image.width, image.height)
    shrinks = clipped.width > size[0] or clipped.height > size[1]
    method = Image.Resampling.BOX if shrinks and clipped.area > 4e6 else Image.Resampling.BICUBIC
    if shrinks and clipped.area > 4e6:
        # A box pass to twice the size and a bicubic pass: as sharp, and several times faster.
        twice = (min(size[0] * 2, round(clipped.width)), min(size[1] * 2, round(clipped.height)))
        if twice[0] > size[0] and twice[1] > size[1]:
            image = image.resize(twice, method, box=clipped)
            return image.resize(size, Image.Resampling.BICUBIC)
    whole = tuple(clipped) == tuple(map(round, clipped))
    if whole and (clipped.width, clipped.height) == size:
        return image.crop((int(clipped.x1), int(clipped.y1), int(clipped.x2), int(clipped.y2)))
    return image.resize(size, Image.Resampling.BICUBIC, box=clipped)
