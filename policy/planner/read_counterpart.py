"""Questions about a thing of one picture in others."""

from __future__ import annotations

import re

from .likened import likened_image
from .pictures import Pictures
from .plain_words import ORDER
from .question import Question, Source
from .reading import MARKS, SOUGHT, Reading

_DRAWN = (
    r"(?:red|green|blue|yellow|white|drawn|marked|outlined|highlighted|circled) ?(?:\w+ )?"
    r"(?:box|rectangle|frame|square|bbox|outline|border)"
)
_POINTED = (
    rf"(?:@box|{_DRAWN})(?: (?:is )?(?:marks|shows|outlines|encloses|frames|surrounds|highlights|"
    r"around|drawn|shown|given|painted))? @named"
)
"""A mark and the picture that it is in: `@box of image 1`, `the red box marks in image 1`."""

_OPENED = r"(?:^|[.?!;] |\b(?:where|what|whatever|which|something|anything) )\s*@named"
"""A picture that is named as the place to look before anything else is."""

_SAME_USE = (
    r"(?:same|similar|like) (?:\w+ )?(?:purpose|function|use|job|role)|"
    r"(?:used|good) for the same|do(?:es)? the same (?:job|thing) as"
)

_WANTED_TOO = re.compile(
    rf"^ (?:@said |please )*(?:@ask |{ORDER} )?(?:me )?(?:the |an? )"
    r"(?:(?!@named |same |[.;] )\S+ )+@named (?:, )?(?:[.;] )?(?:and |then |also )+"
    rf"(?:@ask |{ORDER} )?"
    r"(?:the )?same (?!\S+ (?:as|like) )"
)
"""`The woman with the hat in image 1, and the same woman in the others`: both are wanted."""


def counterpart_question(reading: Reading) -> Question:
    """A thing shown or boxed in one picture, to be found in the others that are named."""
    named = [r for r in reading.references if r.kind in ("named", "rest") and not r.negated]
    source_image = _source_image(reading, named)
    token = reading.boxes[0] if reading.boxes else None
    phrase = next((h.phrase() for h in reading.heads if h.noun.known), None)
    drawn = token is None and re.search(_DRAWN, reading.text) is not None
    source = Source(
        source_image,
        token.box if token else None,
        token.pixels if token else False,
        drawn,
        phrase,
        re.search(_SAME_USE, reading.text) is not None,
    )
    where = tuple(i for i in dict.fromkeys(i for r in named for i in r.images) if i != source_image)
    where = where or tuple(i for i in reading.every if i != source_image)
    if phrase is not None and token is None and _WANTED_TOO.search(reading.text):
        where = tuple(sorted({source_image, *where}))
    return Question("counterpart", where, source=source)


def _source_image(reading: Reading, named: list[Pictures]) -> int:
    """Where the thing is shown: the picture named beside the box, after `as in`, or first."""
    words = reading.text.split()
    singles = [r for r in named if len(r.images) == 1]
    if not singles:
        return 1
    for ref in singles:
        if ref.preposition in ("as in", "shown in", "seen in", "from", "of", "given in"):
            return ref.images[0]
    if (marked := _marked_image(reading)) is not None:
        return marked
    if (likened := likened_image(reading)) is not None:
        return likened
    if "@box" in words and (beside := _beside_box(reading, words)) is not None:
        return beside
    same = re.search(
        r"same (?:\S+ ){0,4}?(?:as|like|from|that) (?:(?!@named )\S+ ){0,4}@named", reading.text
    )
    if same and len(singles) > 1:
        return singles[reading.text[: same.end()].count("@named") - 1].images[0]
    as_in = re.search(r" same (?:\S+ ){0,5}(?:as|like|from|that) ", reading.text)
    told_before = named[0] is singles[0] and len(named) > 1
    if len(singles) == 1 and (
        (
            " same " in reading.text
            and not (as_in or told_before)
            and singles[0].preposition in SOUGHT
        )
        or re.search(r"(?:in|find|locate) @named$", reading.text.strip())
    ):
        return 1 if singles[0].images[0] != 1 else 2
    return singles[0].images[0]


def _marked_image(reading: Reading) -> int | None:
    """The picture right behind the mark, where another one opens the sentence as the place to look.

    `In image 2, find the thing in the red box in image 1`; `where in image 2 is @box of image 1`.
    """
    found = re.search(_POINTED, reading.text)
    if found is None or not re.search(_OPENED, reading.text):
        return None
    at = reading.marks_before(found.end()) - 1
    if not 0 < at < len(reading.references):
        return None
    ref = reading.references[at]
    fits = ref.preposition in ("in", "of", "from", "on") and len(ref.images) == 1
    return ref.images[0] if fits else None


def _beside_box(reading: Reading, words: list[str]) -> int | None:
    """The picture that a written box lies in: named right after it, else last before it."""
    box = words.index("@box")
    marks = [i for i, w in enumerate(words) if w in MARKS]
    spots = [(at, r) for at, r in zip(marks, reading.references, strict=False)
             if r.kind == "named" and len(r.images) == 1]  # fmt: skip
    after = [r for at, r in spots if 0 < at - box <= 4 and r.preposition in ("in", "of", "from")]
    earlier = [r for at, r in spots if at < box]
    bound = [r for at, r in spots if at - box == 1] or (earlier[-1:] if earlier else after[:1])
    return bound[0].images[0] if bound else None
