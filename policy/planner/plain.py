"""Wordings that are said in plainer words before anything is read.

Each of these means what the plainer words mean, and is no part of speech of its own; a rule here
saves one in every reader. Where a wording is more than another way to say it, it belongs to them.
"""

from __future__ import annotations

import re

from .nouns import singular
from .plain_pictures import PICTURES
from .plain_things import WHERE, WHICH
from .plain_words import IN_PICTURE, LEAVE_OUT

_CORNER = r"[xywh]_?(?:\d|min|max)?"
_SAY = r"(?:state|name|report|indicate|specify|determine|decide|judge)"

_ASKING: list[tuple[str, str]] = [
    # The form of an answer, as `(x1,y1),(x2,y2)`, names nothing.
    (rf"[(\[]\s*{_CORNER}(?:\s*,\s*{_CORNER}){{1,3}}\s*[)\]]", " "),
    (r"\bbbox_?2d\b", "box"),
    (r"(?:^|[,;.] ?|\band )(?:please )?(?:respond|answer|reply|output|return)(?: \w+)? (?:in|as) "
     r"json\b:?", " "),
    (r"[;,.] ?(?:the )?(?:output|answer|response|return)? ?format ?(?:is|:|=)? ?"
     r"(?:json|csv|xyxy|xywh|cxcywh|coco|yolo|voc)\b", ""),
    (r",? normali[sz]ed(?: (?:to|between|by|from) [\d., and-]+)?(?=$|[,.;]| in\b)", ""),
    (r",? (?:with )?(?:no|without(?: any)?) (?:explanations?|comments?|further (?:text|words))\b",
     ""),
    (rf"\b(and|then|also|,) {_SAY} (?=(?:in )?(?:which|where|how many)\b)", r"\1 say "),
    (r"\b(and|then|also|,) compare (?=how many\b)", r"\1 say "),
]  # fmt: skip

_AGAIN = re.compile(
    rf"\b{LEAVE_OUT} (?:the |all |any )?((?:\w+ ){{1,2}}?)(?={IN_PICTURE})", re.IGNORECASE
)


def plain(query: str) -> str:
    """The question in plainer words; what none of them is stays letter by letter."""
    for pattern, plainer in (*_ASKING, *PICTURES, *WHICH, *WHERE):
        query = re.sub(pattern, plainer, query, flags=re.IGNORECASE)
    return _AGAIN.sub(_named_before, query)


def _named_before(found: re.Match[str]) -> str:
    """`All dogs, except the dog in image 2`: named again, it is one of those before."""
    words = singular(found.group(1).strip().lower()).split()
    said = [singular(w) for w in re.findall(r"[a-z]+", found.string[: found.start()].lower())]
    return "but not " if words and {*words} <= {*said} else found.group(0)
