"""What a syntax parser gives: boxes as written, before any coordinate space is applied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

Quad = tuple[float, float, float, float]

MAX_BOXES = 1000
"""An answer with more boxes is a run-away repetition; those beyond are dropped with a note."""

TOO_MANY = f"only the first {MAX_BOXES} boxes kept"


class RawBox(NamedTuple):
    """A box as a model wrote it.

    Attributes:
        numbers: four finite numbers in the written coordinate space and order, or None for a box
            named by its id.
        label: as written, not yet cleaned; None where there was none.
        image: 1-based index of the picture or view that the text names, or None.
        id: id of a box that a tool returned (`b3`), or None.
        unit: the numbers are fractions of the picture, whatever the family's space is.
        in_label: nothing but the label names the picture, if it does: labels number things, too.
    """

    numbers: Quad | None
    label: str | None = None
    image: int | None = None
    id: str | None = None
    unit: bool = False
    in_label: bool = False


@dataclass(frozen=True, slots=True)
class Parsed:
    """What was found in one piece of text.

    Attributes:
        boxes: every complete box, in order.
        none: the text says that nothing is there.
        cut: the text ends inside a box or an unfinished structure.
        damaged: something that looked like a box could not be read.
        text: words that stood beside the boxes, or None.
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

    @property
    def found(self) -> bool:
        """Whether the syntax was recognised at all, be it only as the start of a box."""
        return bool(self.boxes) or self.none or self.cut or self.damaged
