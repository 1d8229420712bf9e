"""Where the object pictures of composed scenes come from: npm packages, a set of drawings each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PictureSet:
    """One drawing of every object.

    Attributes:
        name: for a data set's `source`. package: with its version. integrity: of its tarball.
        folder: of the pictures in it; their files are named by code point.
        licence: of the pictures.
        index: begins the name of the file that lists what was unpacked.
    """

    name: str
    package: str
    integrity: str
    folder: str
    licence: str
    index: str

    @property
    def tarball(self) -> str:
        """File name of the tarball in the cache."""
        return self.package.rpartition("/")[2].replace("@", "-") + ".tgz"


SETS: Mapping[str, PictureSet] = {
    "objects": PictureSet(
        "fluent-emoji-3d",
        "@lobehub/fluent-emoji-3d@1.1.0",
        "sha512-Wlq2lVStTnr8BDpIJ0pEnTKO4LuDxxqTEhTvRtD1DLRF0me7ogeRQjKoehDHXuVJ2Qaecgl5wRBv60lUAG3h7g==",
        "package/assets/",
        "MIT",
        "objects",
    ),
    "objects-drawn": PictureSet(
        "noto-emoji",
        "emoji-datasource-google@16.0.0",
        "sha512-ZRexfzs7MVoLnmzZmNsO4TKhnAJp5D++Vm6PpUpH/jEQQlemp3l88CjZ+DoZ2faM9R4QxZkOPJCoT8DlPhfQ3A==",
        "package/img/google/64/",
        "Apache-2.0",
        "objects-drawn",
    ),
}  # fmt: skip
"""The sets of pictures, by the name that a recipe's `sprites` gives. `objects` are rendered (256
px); `objects-drawn` are flat drawings (64 px) of the same things by other people: what was learnt
on one set meets things that it has never seen in the other."""
