"""Pictures of a job: each read, checked and decoded once, and shared by the lines that name it."""

from __future__ import annotations

import base64
import binascii
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote_to_bytes

from ...tools.errors import DataError, ImageError
from ...tools.images import (
    DEFAULT_LIMITS,
    ImageLimits,
    Picture,
    picture_from_bytes,
    picture_from_path,
)
from ...tools.text import clean_text
from ..pictures import not_fetched
from .reading import is_remote
from .sinks import read_remote

PIXELS_KEPT = 128_000_000
"""Decoded pixels that stay on the shelf; 3 bytes each."""

FOLDERS_KEPT = 10_000

Signature = tuple[int, int, int]
"""Size, time of change and inode: a file with the same ones has not changed."""


class PictureShelf:
    """Opens pictures by name and keeps the latest ones. Safe to use from several threads.

    Args:
        base: what relative names are relative to: a folder, or an address that fsspec opens.
        limits: of each picture.
        fetch: gets a picture from a web address; None refuses those.
        pixels: how many decoded pixels are kept.
    """

    def __init__(
        self,
        base: str,
        *,
        limits: ImageLimits = DEFAULT_LIMITS,
        fetch: Callable[[str], bytes] | None = None,
        pixels: int = PIXELS_KEPT,
    ) -> None:
        self.base = base
        self._limits, self._fetch, self._room = limits, fetch, pixels
        self._kept: OrderedDict[str, tuple[Signature, Picture]] = OrderedDict()
        self._pixels = 0
        self._folders: set[str] = set()
        self._lock = threading.Lock()

    def at_hand(self, name: str) -> Picture | None:
        """The picture where it is on the shelf and its file has not changed since."""
        kept = self._kept.get(name)
        if kept is None or kept[0] != self._signature(name):
            return None
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
        return kept[1]

    def open(self, name: str) -> Picture:
        """A picture, checked by its header and hashed; not decoded yet.

        Raises:
            ImageError: it can't be used. UsageError: an address that is not allowed.
        """
        known = self.at_hand(name)
        if known is not None:
            return known
        if name[:5].lower() == "data:":
            picture = picture_from_bytes(self._inline(name), "<data>", self._limits)
            return replace(picture, source=f"<data {picture.digest[:12]}>", _lock=threading.Lock())
        if is_remote(name):
            return picture_from_bytes(self._from_address(name), name, self._limits)
        if is_remote(self.base):
            data = self._read(f"{self.base.rstrip('/')}/{name}")
            return self._put(name, (0, 0, 0), picture_from_bytes(data, name, self._limits))
        path = Path(self.base) / name
        before = self._signature(name)
        try:
            picture = picture_from_path(path, self._limits)
        except ImageError as error:
            # As the line names it, wherever the job is run.
            raise ImageError(error.message.replace(str(path), name), error.cure) from error
        self._folders.add(str(path.parent))
        if len(self._folders) > FOLDERS_KEPT:
            self._folders.clear()
        picture = replace(picture, source=name, _lock=threading.Lock())
        return self._put(name, before, picture) if before else picture

    def vanished(self, name: str) -> str | None:
        """The folder of a picture, where it was there before and is there no more."""
        if is_remote(name) or is_remote(self.base) or name[:5].lower() == "data:":
            return None
        for folder in (self.base, str((Path(self.base) / name).parent)):
            seen = folder == self.base or folder in self._folders
            if seen and not os.path.isdir(folder):
                return folder
        return None

    def _signature(self, name: str) -> Signature | None:
        if is_remote(self.base):
            return 0, 0, 0
        try:
            found = os.stat(os.path.join(self.base, name))
        except (OSError, ValueError):
            return None
        return found.st_size, found.st_mtime_ns, found.st_ino

    def _put(self, name: str, signature: Signature | None, picture: Picture) -> Picture:
        """Keep a picture, or take the equal one that another thread has put there meanwhile."""
        if signature is None:
            return picture
        with self._lock:
            other = self._kept.get(name)
            if other is not None and other[0] == signature:
                return other[1]
            if other is not None:
                self._pixels -= other[1].width * other[1].height
            self._kept[name] = (signature, picture)
            self._kept.move_to_end(name)
            self._pixels += picture.width * picture.height
            while self._pixels > self._room and len(self._kept) > 1:
                _, (_, oldest) = self._kept.popitem(last=False)
                self._pixels -= oldest.width * oldest.height
            return picture

    def _inline(self, name: str) -> bytes:
        head, comma, body = name.partition(",")
        if not comma or len(body) > self._limits.max_bytes * 2:
            raise ImageError("<data>: the address is damaged or too long.")
        try:
            if head.lower().endswith(";base64"):
                return base64.b64decode(body, validate=True)
            return unquote_to_bytes(body)
        except (binascii.Error, ValueError) as error:
            raise ImageError("<data>: the address is not valid base64.") from error

    def _from_address(self, address: str) -> bytes:
        store = self.base.split("/", 3)[:3]
        if is_remote(self.base) and address.split("/", 3)[:3] == store:
            return self._read(address)
        if self._fetch is None:
            raise not_fetched(address)
        return self._fetch(address)

    def _read(self, address: str) -> bytes:
        try:
            return read_remote(address, self._limits.max_bytes)
        except DataError as error:
            raise ImageError(f"{clean_text(address, 80)}: can't be read.", error.cure) from error
