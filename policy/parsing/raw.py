"""What a syntax parser gives: boxes as written, before any coordinate space is applied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

Quad = tuple[float, float, float, float]


class RawBox(NamedTuple):
    """A box as a model wrote it.

    Attributes:
        numbers: four finite numbers in the written coordinate space and order, or None for a box
            named by its id.
        label: as written, not yet cleaned; None where there was none.
        image: 1-based index of the picture or view that the text names, or None.
        id: id of a box that a tool returned (`b3`), or None.
        position: offset in the parsed text at which the box begins, or -1 where not known.
    """

    numbers: Quad | None
    label: str | None = None
    image: int | None = None
    id: str | None = None
    position: int = -1


@dataclass(frozen=True, slots=True)
class Parsed:
    """What was found in one piece of text.

    Attributes:
        boxes: every complete box, in order.
        none: the text says that nothing is there.
        cut: the text ends inside a box or an unfinished structure.
        damaged: something that looked like a box could not be read.
        text: words that stood beside the boxes on purpose (the `text` field of our JSON), or None.
        notes: what was mended.
        syntax: name of the syntax that was read, or "" where nothing was.
    """

    boxes: tuple[RawBox, ...] = ()
    none: bool = False
    cut: bool = False
    damaged: bool = False
    text: str | None = None
    notes: tuple[str, ...] = ()
    syntax: str = ""
