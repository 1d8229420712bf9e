"""UniVG-R1: always thinks, then gives one bare pair of corners between answer tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...tools.boxes import GroundedBox
from ..dialect import ReadContext
from ..modes import Mode
from ..parsing.pictures import ordinal_words
from .family import Prompts
from .qwen2_vl import Qwen2VLDialect

PROMPTS = Prompts(
    system="",
    think=(
        "Write your thinking process in <think> </think> and the bounding box in "
        "<answer> </answer>, as (x1,y1),(x2,y2); name the image before it."
    ),
    direct=(
        "This is a simple grounding question. Write only the bounding box, as (x1,y1),(x2,y2), in "
        "<answer> </answer>; name the image before it."
    ),
    auto=(
        "Write your thinking process in <think> </think> and the bounding box in "
        "<answer> </answer>, as (x1,y1),(x2,y2); name the image before it."
    ),
    image_reference="Image-{view}: ",
    view_reference="Image-{view} (a closer look at Image-{image}): ",
)


@dataclass(frozen=True, slots=True)
class UniVGR1Dialect(Qwen2VLDialect):
    """Trained for one box an answer; thinks unless it is made to answer at once."""

    name: str = "univg-r1"
    prompts: Prompts = PROMPTS
    single_target: bool = True
    prefills: Mapping[Mode, str] = field(
        default_factory=lambda: {"think": "<think>", "direct": "<answer>"}
    )

    def write(self, boxes: Sequence[GroundedBox], context: ReadContext) -> str:
        """See `Dialect.write`; bare corners, without labels."""
        if not boxes:
            return self.nothing
        many = context.book.image_count > 1
        lines: list[str] = []
        for found in boxes:
            head = f"In the {ordinal_words(found.image)} image: " if many else ""
            a, b, c, d = (f"{v:g}" for v in self.written(found, context))
            lines.append(f"{head}({a},{b}),({c},{d})")
        return "\n".join(lines)
