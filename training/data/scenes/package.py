"""The object pictures for composed scenes: fetched once, checked, unpacked into the cache.

They come with npm packages, one set each, with the same names. A tarball is fetched with the
ordinary npm client and checked against its pinned integrity value before anything is unpacked.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import tempfile
import unicodedata
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from ....tools.errors import DataError, MissingDependency
from ....tools.weights import cache_folder
from .picture_sets import SETS, PictureSet
from .sprites import Sprite, tight
from .vocabulary import vocabulary

LONGEST = 208
"""Longest side of a stored sprite, pixels; objects in scenes are smaller."""


def _integrity(data: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def fetch_tarball(folder: Path, pictures: PictureSet) -> Path:
    """A set's tarball in `folder`, fetched where it is not there yet.

    Raises:
        MissingDependency: npm is not installed. DataError: it can't be fetched, or is not the one
            that was pinned.
    """
    target = folder / pictures.tarball
    if target.is_file() and _integrity(target.read_bytes()) == pictures.integrity:
        return target
    npm = shutil.which("npm")
    if npm is None:
        raise MissingDependency(
            "the object pictures are fetched with npm, which is not installed.",
            f"Install Node.js, or put the tarball of {pictures.package} at {target}.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as work:
        command = [npm, "pack", pictures.package, "--silent", "--pack-destination", work]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=600, cwd=work)  # noqa: S603
        except (OSError, subprocess.SubprocessError) as error:
            raise DataError(
                f"{pictures.package} could not be fetched.", "Check the network and try again."
            ) from error
        found = sorted(Path(work).glob("*.tgz"))
        if not found or _integrity(found[0].read_bytes()) != pictures.integrity:
            raise DataError(
                f"{pictures.package}: what was fetched is not the pinned package.",
                "Try again, or through another registry.",
            )
        found[0].replace(target)
    return target


def _prepare(folder: Path, pictures: PictureSet) -> Path:
    """Unpack the vocabulary's pictures as one array file and its index; returns the index."""
    index = folder / f"{pictures.index}-{LONGEST}.json"
    wanted = {name: label for label, name in vocabulary().names.items()}
    if index.is_file() and set(json.loads(index.read_text())["sprites"]) == set(wanted.values()):
        return index
    from PIL import Image

    sprites: dict[str, list[int]] = {}
    offset = 0
    with (
        tarfile.open(fetch_tarball(folder, pictures)) as tar,
        tempfile.NamedTemporaryFile(dir=folder, delete=False) as data,
    ):
        for member in tar:
            label = wanted.get(unicode_name(member.name, pictures.folder))
            stream = tar.extractfile(member) if label is not None and member.isfile() else None
            if label is None or stream is None or label in sprites:
                continue
            with Image.open(io.BytesIO(stream.read()), formats=("WEBP", "PNG")) as opened:
                rgba = tight(np.asarray(opened.convert("RGBA")), LONGEST)
            if rgba is None:
                continue
            data.write(rgba.tobytes())
            sprites[label] = [offset, rgba.shape[0], rgba.shape[1]]
            offset += rgba.size
    missing = sorted(set(wanted.values()) - set(sprites))
    if missing:
        raise DataError(f"{pictures.package} lacks pictures for: {', '.join(missing[:5])}.")
    Path(data.name).replace(index.with_suffix(".bin"))
    temporary = index.with_suffix(".tmp")
    temporary.write_text(json.dumps({"sprites": sprites}))
    temporary.replace(index)
    return index


def unicode_name(path: str, folder: str) -> str:
    """`package/assets/1f415.webp` to `dog`; empty elsewhere and for several code points."""
    if not path.startswith(folder):
        return ""
    parts = [p for p in Path(path).stem.split("-") if p != "fe0f"]
    try:
        return unicodedata.name(chr(int(parts[0], 16)), "").lower() if len(parts) == 1 else ""
    except (ValueError, OverflowError):
        return ""


class ObjectPictures:
    """The sprites of a set, one a label; memory-mapped, so that processes share them.

    Args:
        folder: cache; the usual one where None.
        pictures: a name of `SETS`.
    """

    def __init__(self, folder: Path | None = None, pictures: str = "objects") -> None:
        self._set = SETS[pictures]
        index = _prepare((folder or cache_folder()) / "objects", self._set)
        self._index: dict[str, list[int]] = json.loads(index.read_text())["sprites"]
        self._data: NDArray[np.uint8] = np.memmap(
            index.with_suffix(".bin"), dtype=np.uint8, mode="r"
        )
        self._labels = tuple(sorted(self._index))

    @property
    def name(self) -> str:
        """See `SpriteLibrary.name`."""
        return self._set.name

    @property
    def labels(self) -> tuple[str, ...]:
        """See `SpriteLibrary.labels`."""
        return self._labels

    def sprite(self, label: str, rng: Random, other_than: str | None = None) -> Sprite | None:
        """See `SpriteLibrary.sprite`; there is one picture a label."""
        if label not in self._index or other_than == f"object:{label}":
            return None
        offset, height, width = self._index[label]
        rgba = self._data[offset : offset + height * width * 4].reshape(height, width, 4)
        return Sprite(label, f"object:{label}", rgba, self._set.licence)
