"""Questions about kinds of things that some pictures show and others do not."""

from __future__ import annotations

import re
from typing import NamedTuple

from .known import closed_vocabulary
from .question import Phrase, Question, Target
from .read_difference import is_single
from .reading import SOUGHT, Reading
from .shown import names_pictures

_SEEN = (
    r"(?:is|are|be|being|appears?|appearing|occurs?|exists?|present|found|seen|shown|visible|"
    r"that|which)"
)
_ONLY_HERE = re.compile(
    rf" {_SEEN} (?:only|just) @named | {_SEEN} @named (?:only|alone)(?= [.,;?!]| $)|"
    r" (?:only|just) @named (?:shows?|has|contains?|includes?)(?= )|"
    r" @named (?:alone|only) (?:shows?|has|contains?|includes?)(?= )|"
    r" (?:unique|exclusive|peculiar|specific) @named "
)
_LACKS = (
    r"(?:lacks?|lacking|misses|missing|absent|gone|nowhere|none|never|"
    r"(?:do|does|did|is|are|has|have|can) not|not|without)"
)
_BUT_NOT_THERE = re.compile(
    rf" @named (?:\S+ ){{0,6}}?(?:@without|{_LACKS} (?:\S+ ){{0,3}}?@named|"
    rf"@named (?:\S+ )?{_LACKS}(?= [.,;?!]| $))"
)


_ASKED_WHAT = re.compile(
    r"^ (?:@ask |find |box |show |mark |locate |please |me |all |the )*"
    r"(?:what|which|objects|things|anything|items|whatever) "
)
_ALL_BUT = re.compile(
    r" @both (?:except(?: for)?|but(?: not)?|other than|save|apart from|excluding) (?:for )?"
    r"(?:@named|@without)(?= )"
)
_NOT_IN = re.compile(r" @without(?= )")


class _Exclusive(NamedTuple):
    """Kinds of things that are told by where they are not.

    Attributes:
        kind: animals, vehicles; None where any object counts.
        images: pictures that show them. against: pictures that do not.
        times: least and most pictures that show a kind; None where that is not said.
    """

    kind: Phrase | None
    images: tuple[int, ...]
    against: tuple[int, ...]
    times: tuple[int, int] | None = None


def only_question(reading: Reading) -> Question | None:
    """The question where it tells things by the pictures that do not show them; else None.

    Of two pictures and things of any kind it is a difference, which may be seen in pixels.
    """
    found = _read(reading) if reading.count > 1 else None
    if found is None:
        return None
    if found.kind is None and len(found.images) == len(found.against) == 1:
        pair = (*found.images, *found.against)
        return Question(
            "difference", (min(pair), max(pair)), report="first" if pair[0] < pair[1] else "second",
            single=is_single(reading), against=found.against,
        )  # fmt: skip
    targets = (Target(found.kind, found.images),) if found.kind is not None else ()
    return Question("only", found.images, targets, against=found.against, times=found.times)


def _read(reading: Reading) -> _Exclusive | None:
    several = next((r for r in reading.references if r.times is not None), None)
    times = several.times if several is not None else None
    kind = _kind(reading, narrow=several is not None and several.preposition in SOUGHT)
    if kind is None or reading.boxes:
        return None
    asked = None if kind.generic else kind
    named = [r for r in reading.references if r.kind in ("named", "rest", "role")]
    if _ONLY_HERE.search(reading.text) and len(named) == 1 and named[0].images != reading.every:
        here = named[0].images
        return _Exclusive(asked, here, tuple(i for i in reading.every if i not in here))
    if (found := _BUT_NOT_THERE.search(reading.text)) is not None:
        return _but_not_there(reading, asked, found)
    if (shut := _all_but(reading)) is not None:
        return _Exclusive(asked, tuple(i for i in reading.every if i not in shut), shut)
    return None if times is None else _Exclusive(asked, reading.every, (), times)


def _all_but(reading: Reading) -> tuple[int, ...] | None:
    """`Which objects are not in image 2`, `what is in all pictures but image 2`: that picture."""
    refs = [r for r in reading.references if names_pictures(r)]
    if not refs or not _ASKED_WHAT.search(reading.text):
        return None
    if _ALL_BUT.search(reading.text) or (
        _NOT_IN.search(reading.text) and len(refs) == len([r for r in refs if r.negated])
    ):
        shut = tuple(dict.fromkeys(i for r in refs for i in r.images))
        return shut if len(shut) < reading.count else None
    return None


def _kind(reading: Reading, *, narrow: bool) -> Phrase | None:
    """The kind that is asked for: an object, or a word wider than a class (animals).

    `narrow`: or things of one class; `dogs in image 1 but not in image 2` are those of image 1.
    """
    if not reading.heads:
        return Phrase("thing", generic=True)
    if reading.heads[0].negated or reading.heads[0].selections:
        return None
    phrase = reading.heads[0].noun.phrase
    wider = closed_vocabulary().resolve(phrase.noun).relation == "wider"
    alone = narrow and len(reading.heads) == 1 and reading.heads[0].noun.known
    return phrase if phrase.generic or wider or (alone and _is_bare(phrase)) else None


def _is_bare(phrase: Phrase) -> bool:
    return phrase.plural and not phrase.relations and phrase.quantity is None


def _but_not_there(
    reading: Reading, kind: Phrase | None, found: re.Match[str]
) -> _Exclusive | None:
    """`In image 1 but not in image 3`, `what does image 1 have that image 2 lacks`."""
    # `These pictures` among them names none.
    here, *there = reading.references[reading.marks_before(found.start()) :]
    shown = here.images
    if any(r.negated for r in there):
        # `In both image 2 and image 3, but not in image 1`.
        at = next(index for index, r in enumerate(there) if r.negated)
        shown = tuple(dict.fromkeys(i for r in (here, *there[:at]) for i in r.images))
        there = there[at:]
    lacking = tuple(i for r in there if names_pictures(r) for i in r.images if i not in shown)
    if not shown or not lacking:
        return None
    return _Exclusive(kind, shown, lacking)
