"""Wordings that are said in plainer words before anything is read.

Each of these means what the plainer words mean, and is no part of speech of its own; a rule here
saves one in every reader. Where a wording is more than another way to say it, it belongs to them.
"""

from __future__ import annotations

import re

from .known import is_known
from .nouns import singular
from .plain_pictures import PICTURES
from .plain_shown import SHOWN
from .plain_things import WHERE, WHICH
from .plain_words import IN_PICTURE, LEAVE_OUT, ONE_PICTURE, ORDER

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

_NUMBERED = re.compile(
    rf"^(?:(?:please|tasks?|{ORDER}|me|the|following|these|things|objects|all)[ :]+)*\(1\)(?= ?\w)",
    re.IGNORECASE,
)
"""`Find (1) the dog (2) the cat`: numbers of a list, and not of pictures."""

_KIND_OF_PICTURE = re.compile(
    rf"\bin (?:all )?(?:the )?(?!(?:both|all|these|those|two|three)\b)([a-z]+) ({ONE_PICTURE}s)\b",
    re.IGNORECASE,
)


def plain(query: str) -> str:
    """The question in plainer words; what none of them is stays letter by letter."""
    if _NUMBERED.match(query):
        query = re.sub(r" ?\(\d\) ?", "; ", query).replace("; ", " ", 1)
    for pattern, plainer in (*_ASKING, *SHOWN, *PICTURES, *WHICH, *WHERE):
        query = re.sub(pattern, plainer, query, flags=re.IGNORECASE)
    return _AGAIN.sub(_named_before, _KIND_OF_PICTURE.sub(_with_kind, query))


def _with_kind(found: re.Match[str]) -> str:
    """`People in the bus photos` are in those that show a bus; a scene (`office photos`) stays."""
    pictures, kind = found.group(2), singular(found.group(1).lower())
    return f"in the {pictures} with a {kind}" if is_known(kind) else found.group(0)


def _named_before(found: re.Match[str]) -> str:
    """`All dogs, except the dog in image 2`: named again, it is one of those before."""
    words = singular(found.group(1).strip().lower()).split()
    said = [singular(w) for w in re.findall(r"[a-z]+", found.string[: found.start()].lower())]
    return "but not " if words and {*words} <= {*said} else found.group(0)
