"""Migician: Qwen2-VL's corners, the picture in words, and boxes that come out short in y."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ...tools.boxes import Box, GroundedBox
from ..dialect import ReadContext, Reading
from ..parsing.pictures import ordinal_words
from ..parsing.raw import Quad
from ..policy import Completion
from .family import Prompts
from .placing import Adjust
from .qwen2_vl import Qwen2VLDialect

Y1_STRETCH, Y2_STRETCH = 1.05, 1.10
"""Migician's own evaluation multiplies y1 and y2 by these before it scores (its MIG-Bench script);
with them its public answers reach 63.37 instead of 55.34 macro Acc@0.5 on the revised set."""

STRETCHED = "y stretched 1.05/1.10"

_FORM = "Format:<|box_start|>(x1,y1),(x2,y2)<|box_end|>."
PROMPTS = Prompts(
    system="",
    think=(
        "First say in words what is looked for and in which image it is, then give its box. "
        + _FORM
    ),
    direct=f"Name the image that it is in, then give its box. {_FORM}",
    auto=f"Name the image that it is in, then give its box. {_FORM}",
    image_reference="Image-{view}: ",
    view_reference="Image-{view} (a closer look at Image-{image}): ",
)


@dataclass(frozen=True, slots=True)
class MigicianDialect(Qwen2VLDialect):
    """Trained for one box an answer.

    Attributes:
        stretch: mend the boxes' height as Migician's own evaluation does (`migician-raw` does not).
    """

    name: str = "migician"
    prompts: Prompts = PROMPTS
    single_target: bool = True
    stretch: bool = True

    @property
    def adjust(self) -> Adjust | None:
        """The stretch in y, or None."""
        return stretch_y if self.stretch else None

    def read(self, completion: Completion, context: ReadContext) -> Reading:
        """See `Dialect.read`; a stretched box is named in the notes."""
        reading = super(MigicianDialect, self).read(completion, context)
        if self.stretch and reading.boxes:
            return replace(reading, notes=(STRETCHED, *reading.notes))
        return reading

    def written(self, found: GroundedBox, context: ReadContext) -> list[float]:
        """The numbers that come out as this box once the reader has stretched them.

        y1 may stand below y2: a flat box near the lower edge, before its stretch.
        """
        if not self.stretch:
            return super(MigicianDialect, self).written(found, context)
        frame = context.book[found.image].frame()
        x1, y1, x2, y2 = found.box
        short = Box(x1, y1 / Y1_STRETCH, x2, y2 / Y2_STRETCH)
        left, _, right, _ = super(MigicianDialect, self).written(found, context)
        _, top, _, bottom = self.space.encode(short, frame)
        if _is_flat(top, bottom):
            step = self.space.spacing(frame)[1]
            top, bottom = math.floor(short.y1 / step), math.ceil(short.y2 / step)
            if _is_flat(top, bottom):
                # The corrections differ by less than a step, and the two fall together.
                bottom += 1
        return [left, top, right, bottom]

    def picture_words(self, image: int) -> str:
        """See `Qwen2VLDialect.picture_words`."""
        return f"It's in the {ordinal_words(image)} image."


def _is_flat(top: float, bottom: float) -> bool:
    """Whether nothing is left of a box's height once its corners are corrected."""
    return bottom * Y2_STRETCH - top * Y1_STRETCH < 0.01


def stretch_y(numbers: Quad) -> Quad:
    """Written corners with Migician's own correction of their height."""
    x1, y1, x2, y2 = numbers
    return x1, y1 * Y1_STRETCH, x2, y2 * Y2_STRETCH
