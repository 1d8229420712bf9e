"""The picture of what the thing sought is likened to."""

from __future__ import annotations

import re

from .reading import Reading

_LIKENED = (
    r" (?:(?:correspond\w*|match\w*|equivalent|equal|identical) (?:to|with|of)|"
    r"match(?:es|ing)? (?=the |that |this |an? )|"
    r"(?:similar|comparable|alike)(?: in \w+)? (?:to|with)|similar \w+ (?:to|as)|"
    r"(?:looks?|looking) (?:most |more |exactly |just |much )?like|most like|resembl\w+) ?"
    r"(?!@)(?:(?!@named |and |or )\S+ ){1,8}@named "
)
"""`In image 2 find the person matching the leftmost person in image 1`."""

_SAME_AS = (
    r" same (?:(?!@named )\S+ ){1,6}@named (?:(?!@named )\S+ ){0,3}?(?:as|like) "
    r"(?:(?!@named )\S+ ){1,8}@named "
)
"""`The same person in image 3 as the one on the right in image 1`."""

_WHICH_IS = (
    r" (?:which|what|who)(?: (?!@named )\S+){0,3} @named (?:is|are) (?:the|this|that) "
    r"(?:(?!@named )\S+ ){1,8}@named "
)
"""`Which person in image 2 is the one with the tie in image 1?`"""


def likened_image(reading: Reading) -> int | None:
    """Where that is shown which the thing sought in another picture is likened to; else None."""
    found = next(
        (f for rule in (_SAME_AS, _WHICH_IS, _LIKENED) if (f := re.search(rule, reading.text))),
        None,
    )
    if found is None:
        return None
    at = reading.marks_before(found.end()) - 1
    earlier, ref = reading.references[:at], reading.references[at]
    elsewhere = any(one.kind == "named" and one.images != ref.images for one in earlier)
    return ref.images[0] if elsewhere and len(ref.images) == 1 else None
