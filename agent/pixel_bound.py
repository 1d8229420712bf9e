"""The bound on a question's decoded pixels: the pictures that were looked at last are held."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..tools.images import Picture

if TYPE_CHECKING:
    from PIL import Image


class PixelBound:
    """Gives up decoded pixels beyond a limit, those of the picture least recently looked at first.

    A picture that is looked at is held until the next look at another one, however large it is: a
    tool looks at one several times in a row. Safe to use from several threads.

    Args:
        limit: decoded pixels, of all pictures together.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pixels = 0
        self._held: dict[str, Picture] = {}
        self._lock = threading.Lock()

    def looked_at(self, picture: Picture) -> None:
        """Count a picture that is decoded now, and release others where there are too many."""
        released: list[Picture] = []
        with self._lock:
            if self._held.pop(picture.digest, None) is None:
                self._pixels += picture.width * picture.height
            self._held[picture.digest] = picture
            while self._pixels > self._limit and len(self._held) > 1:
                oldest = self._held.pop(next(iter(self._held)))
                self._pixels -= oldest.width * oldest.height
                released.append(oldest)
        # Not under the lock: a picture that is being decoded keeps others waiting for its own.
        for oldest in released:
            oldest.release()


@dataclass(slots=True)
class BoundedPicture(Picture):
    """A picture whose pixels are those of another one, held only within a bound.

    Attributes:
        inner: is decoded and released; equal pictures of different names share one.
        bound: what the pictures of its question share.
    """

    inner: Picture = field(kw_only=True)
    bound: PixelBound = field(kw_only=True)

    @property
    def pixels(self) -> Image.Image:
        """See `Picture.pixels`."""
        pixels = self.inner.pixels
        self.bound.looked_at(self.inner)
        return pixels

    @property
    def decoded(self) -> bool:
        """See `Picture.decoded`."""
        return self.inner.decoded

    def release(self) -> None:
        """See `Picture.release`."""
        self.inner.release()

    @classmethod
    def of(cls, picture: Picture, inner: Picture, bound: PixelBound) -> BoundedPicture:
        """A picture of its own name with the pixels of an equal one."""
        return cls(
            picture.source, *picture.size, picture.digest, picture.orientation, inner._reread,
            inner=inner, bound=bound,
        )  # fmt: skip

    @staticmethod
    def may_be(picture: Picture) -> bool:
        """Whether released pixels can be decoded again; those of an array can't."""
        return picture._reread is not None


def bounded(pictures: Sequence[Picture], first: Mapping[str, Picture], limit: int) -> list[Picture]:
    """Pictures that keep to a limit together, however often each is looked at.

    Args:
        pictures: in their order.
        first: by digest, the picture whose pixels all pictures of that digest share.
        limit: decoded pixels. Pictures that can't be given up stay, and take their part of it.
    """
    stay = [p for p in first.values() if not BoundedPicture.may_be(p)]
    bound = PixelBound(limit - sum(p.width * p.height for p in stay))
    for picture in first.values():
        if picture.decoded and BoundedPicture.may_be(picture):
            bound.looked_at(picture)
    return [
        BoundedPicture.of(picture, inner, bound)
        if BoundedPicture.may_be(inner := first[picture.digest])
        else picture
        for picture in pictures
    ]
