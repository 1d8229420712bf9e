"""An answer in a few words, for the model of a larger agent."""

from __future__ import annotations

from ...tools.text import clean_text
from ..answer import Answer, AnswerBox
from .public_text import public_text

MOST_BOXES = 100
"""Boxes that the text names; the full answer holds all of them."""

_STATUS = {
    "none": "Looked at every picture; nothing of the kind is there.",
    "truncated": "The answer was cut off before any box.",
    "unparsable": "No readable answer came.",
}


def told(answer: Answer) -> str:
    """What was found, one line a box: `1. dog: picture 2, [34, 50, 200, 310], 0.91`."""
    lines: list[str] = []
    if answer.status == "failed":
        why = answer.error.message if answer.error else "the reason is not known."
        lines.append(f"No answer: {public_text(why)}")
    elif answer.answer:
        count = len(answer.answer)
        lines.append(f"{count} {'box' if count == 1 else 'boxes'}, in pixels (x1, y1, x2, y2):")
        lines += [_line(n, box) for n, box in enumerate(answer.answer[:MOST_BOXES], 1)]
        if count > MOST_BOXES:
            lines.append(f"... and {count - MOST_BOXES} more.")
        if answer.status == "partial":
            lines.append("The answer may be incomplete.")
    else:
        lines.append(_STATUS.get(answer.status, "Nothing was found."))
    if answer.text:
        lines.append(clean_text(answer.text, 1000))
    sizes = "; ".join(f"picture {i.index} is {i.width} x {i.height}" for i in answer.images[:20])
    lines.append(f"Sizes: {sizes}.")
    return "\n".join(lines)


def _line(number: int, found: AnswerBox) -> str:
    numbers = ", ".join(str(round(value)) for value in found.box)
    score = f", {found.score:.2f}" if found.score is not None else ""
    label = clean_text(found.label or "object", 100)
    return f"{number}. {label}: picture {found.image}, [{numbers}]{score}"
