"""Qwen2-VL: thousandths of the picture in special tokens, pictures named in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ...tools.boxes import GroundedBox
from ..dialect import ReadContext
from ..parsing.answer import parse_points_first
from ..parsing.raw import Parsed
from .family import FamilyDialect, Prompts

PROMPTS = Prompts(
    system="",
    think=(
        "Think it through first, between <think> and </think>. Then give the answer between "
        "<answer> and </answer>: for every object the picture it is in, its name and its box, as "
        "Image-k: <|object_ref_start|>name<|object_ref_end|>"
        "<|box_start|>(x1,y1),(x2,y2)<|box_end|>, or none."
    ),
    direct=(
        "For every object give the picture it is in, its name and its box, as "
        "Image-k: <|object_ref_start|>name<|object_ref_end|>"
        "<|box_start|>(x1,y1),(x2,y2)<|box_end|>, and nothing else. If there is none, answer none."
    ),
    auto=(
        "For every object give the picture it is in, its name and its box, as "
        "Image-k: <|object_ref_start|>name<|object_ref_end|>"
        "<|box_start|>(x1,y1),(x2,y2)<|box_end|>. If there is none, answer none."
    ),
    image_reference="Image-{view}: ",
    view_reference="Image-{view} (a closer look at Image-{image}): ",
)


@dataclass(frozen=True, slots=True)
class Qwen2VLDialect(FamilyDialect):
    """Two corners in special tokens; `Image-k:` before them says which picture."""

    name: str = "qwen2-vl"
    prompts: Prompts = PROMPTS

    nothing: ClassVar[str] = "none"

    def parse(self, text: str) -> Parsed:
        """See `FamilyDialect.parse`."""
        return parse_points_first(text)

    def write(self, boxes: Sequence[GroundedBox], context: ReadContext) -> str:
        """See `Dialect.write`; boxes of one picture and label stand together."""
        if not boxes:
            return self.nothing
        many = context.book.image_count > 1
        lines: list[str] = []
        for found in boxes:
            head = f"{self.picture_words(found.image)} " if many else ""
            label = (found.label or "").replace("<|", "< |")
            ref = f"<|object_ref_start|>{label}<|object_ref_end|>" if label else ""
            a, b, c, d = (f"{v:g}" for v in self.written(found, context))
            lines.append(f"{head}{ref}<|box_start|>({a},{b}),({c},{d})<|box_end|>")
        return "\n".join(lines)

    def picture_words(self, image: int) -> str:
        """The words that put a box into a picture."""
        return f"Image-{image}:"
