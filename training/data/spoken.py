"""A sample's question and trace with their boxes in a model family's own numbers."""

from __future__ import annotations

import re

from ...policy.dialect import Dialect, ReadContext
from ...policy.dialects.family import FamilyDialect
from ...tools.boxes import Box, GroundedBox
from .builders.base import relative
from .sample import Sample

_IN_TRACE = re.compile(r"\b[Ii]mage (?P<image>\d{1,3})\b|\[(?P<box>\d{1,4}(?:, \d{1,4}){3})\]")


def spoken(sample: Sample, dialect: Dialect, context: ReadContext) -> tuple[str, str | None]:
    """(question, trace) as they are said to, and by, a model of this dialect.

    Samples write boxes as integers 0-1000 relative to the picture. A model that is taught to answer
    in other numbers must meet those in what it reads and thinks too. A dialect that is none of
    ours is told what the sample says.

    Args:
        sample: of a data set.
        dialect: of the model.
        context: the same as the answer is written with.
    """
    if not isinstance(dialect, FamilyDialect):
        return sample.question, sample.trace

    def numbers(image: int, box: Box) -> str:
        return str(list(dialect.written(GroundedBox(image, box), context)))

    question = sample.question
    written = [(p.span, p) for p in sample.prompts if p.span is not None]
    # From the end, so that the places before it stay where they are.
    for (start, stop), prompt in sorted(written, key=lambda item: item[0], reverse=True):
        question = question[:start] + numbers(prompt.image, Box(*prompt.box)) + question[stop:]
    if sample.trace is None:
        return question, None
    # What the trace says of an answer's box must be, to the last digit, what the answer says.
    exact = {
        (b.image, relative(Box(*b.box), (ref.width, ref.height))): Box(*b.box)
        for b in (*sample.answer, *sample.prompts)
        for ref in (sample.images[b.image - 1],)
    }
    image = 1

    def place(found: re.Match[str]) -> str:
        nonlocal image
        if found["box"] is None:
            image = int(found["image"])
            return found[0]
        if not 1 <= image <= len(sample.images):
            return found[0]
        if (known := exact.get((image, found[0]))) is not None:
            return numbers(image, known)
        x1, y1, x2, y2 = (int(v) / 1000.0 for v in found["box"].split(", "))
        size = sample.images[image - 1]
        box = Box(x1 * size.width, y1 * size.height, x2 * size.width, y2 * size.height)
        return numbers(image, box)

    return question, _IN_TRACE.sub(place, sample.trace)
