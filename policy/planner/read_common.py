"""Questions about the kind of thing that pictures share."""

from __future__ import annotations

import re

from .plain_words import ORDER
from .question import Question, Target
from .reading import Reading
from .shown import names_pictures
from .task import named_kind

_REPORT = re.compile(
    rf" (?:[.,;:?!]|and|then)(?: (?:and|then|please|just|only|but|\.))* (?:@ask|{ORDER})"
    r"(?: (?:it|them|that|this|one|out|to|"
    r"only|just|the|a|box|boxes|kind|animal|object|thing))* @named "
)
"""`What do images 1 and 3 share? Box it in image 3.`"""


def common_question(reading: Reading) -> Question:
    """What pictures share, with its boxes in all of them or in those that boxes are asked for."""
    images, among = reading.where() or reading.every, ()
    found = _REPORT.search(reading.text)
    if found is not None:
        at = reading.marks_before(found.end()) - 1
        before = [r for r in reading.references[:at] if names_pictures(r) and not r.negated]
        earlier = {i for r in before for i in r.images}
        if earlier:
            images, among = reading.references[at].images, tuple(sorted(earlier))
    kind = named_kind(reading)
    targets = (Target(kind, images),) if kind else ()
    return Question("common", images, targets, among=among)
