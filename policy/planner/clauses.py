"""Clauses in which the thing asked for is what something else holds, rides or sits on."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from .lexicon import ACTIVITY, HOLDING, REACHING
from .nouns import Noun, possessed
from .question import Phrase, RelationKind, Selection
from .stream import Chunk, Item, Stream, rule

_HOLD = rf"(?:{'|'.join(HOLDING)}|playing with)"
_REACH = rf"(?P<reach>{'|'.join(REACHING)})"
_REST = "|".join(sorted(ACTIVITY)) + "|sits?|stands?|lies|lie|leans?|rests?|hides?|sleeps?|waits?"
_WHERE: dict[str, RelationKind] = {
    "on top of": "bearing", "on": "bearing", "upon": "bearing", "at": "next to",
    "in front of": "behind", "inside": "containing", "in": "containing", "behind": "in front of",
    "underneath": "above", "under": "above", "below": "above", "beneath": "above",
    "above": "below", "over": "below", "next to": "next to", "beside": "next to",
    "near": "next to", "by": "next to", "against": "next to", "with": "held by",
}  # fmt: skip
"""A preposition left at the end of a clause, and how the thing asked for then lies."""

_AT = "|".join(sorted(_WHERE, key=len, reverse=True))
_IS = r"(?:is|are|was|were|'s|be|being)"
_THAT = r"(?:that|which|who|whom)"
_DOES = (
    rf"(?:(?:drinking|drinks?|eating|eats?) from|{_HOLD}|{_REACH}|"
    rf"(?:(?:{_REST}) )?(?P<at>{_AT}))"
)
_END = r"(?= (?:[.,;:?!)]|@pics|@sel|and|or|but|please|now|here|right now) |  ?$| $)"
_SUBJECT = r"(?:@sel )*@np(?: @sel)*"
_CLAUSES = [
    rf"(?<=@np )(?:{_THAT} )?(?:no one|none) (?:{_IS} )?{_DOES}",
    rf"(?<=@np )(?:{_THAT} )?{_SUBJECT} (?:{_IS} )?(?:not )?{_DOES}",
    rf"(?<=@np )(?:{_IS}|does|do|did) {_SUBJECT} {_DOES}",
]
_PICTURES_INSIDE = rule(
    rf"(?<=@np )(?:(?:{_IS}|does|do|did) |(?:{_THAT} )?){_SUBJECT} (?P<pics>@pics) (?:{_IS} )?"
    rf"{_DOES}" + _END
)
"""`What is the woman in image 1 holding?`: the pictures stand within the clause."""

_ON_IT = (
    rf"(?:{_THAT} )?(?:has|have|having|with) (?:nothing|no one|none|@np) (?P<at>{_AT}) (?:it|them)"
)
"""`A table with a cake on it`; `a bed that has nothing on it`."""
_BY = (
    r"(?:(?:that|which) )?(?:(?:is|are|being) )*(?:held|carried|worn|ridden|used|pulled|pushed|"
    r"driven|eaten|owned|touched|gripped|read|fed|hugged|petted|"
    r"(?P<reach>walked|led|chased|followed|thrown|caught|hit|kicked|watched|surrounded)) by "
    r"(?:@sel )*@np(?: @sel)*"
)


@dataclass(frozen=True, slots=True)
class Clause:
    """What the noun phrase before it is to another: `the bench that the man is sitting on`.

    `back` where the other was named before: `the man and the horse he rides`.
    """

    kind: RelationKind
    landmark: Phrase
    negated: bool = False
    back: bool = False


def read_clauses(stream: Stream) -> None:
    """Replace clauses about a noun phrase whose subject is another one by `clause` chunks."""
    _move_pictures_behind(stream)
    stream.rewrite(rf"(?<=@np ){_BY}", "clause", _build)
    stream.rewrite(rf"(?<=@np ){_ON_IT}", "clause", _build)
    stream.rewrite("@np of @np", "np", _owned)
    for pattern in _CLAUSES:
        stream.rewrite(pattern + _END, "clause", _build)


def _move_pictures_behind(stream: Stream) -> None:
    """Let the pictures follow a clause that they stand within, so that they are not lost in it."""
    text = stream.text()
    found = _PICTURES_INSIDE.search(text)
    if found is not None:
        at = text[: found.start("pics")].count(" ") - 1
        end = text[: found.end()].count(" ")
        stream.items.insert(end, stream.items[at])
        del stream.items[at]


def _build(found: re.Match[str], items: list[Item]) -> Clause | None:
    where = found.groupdict().get("at")
    chunks = [item.meaning for item in items if isinstance(item, Chunk)]
    subject = next((meaning for meaning in chunks if isinstance(meaning, Noun)), None)
    reached: RelationKind = "next to" if found.groupdict().get("reach") else "held by"
    kind = _WHERE[where] if where else reached
    words = found.group(0).split()
    if "nothing" in words:
        return Clause(kind, Phrase("thing", generic=True), negated=True)
    if subject is None or subject.phrase.noun == "nobody":
        return Clause(kind, Phrase("person"), negated=True)
    chosen = tuple(meaning for meaning in chunks if isinstance(meaning, Selection))
    return Clause(kind, replace(subject.phrase, selections=chosen), "not" in words, subject.back)


def _owned(found: re.Match[str], items: list[Item]) -> Noun | None:
    """`The tie of the man`, `the wheel of the car`: what follows `of` is not itself asked for."""
    nouns = [item.meaning for item in items if isinstance(item, Chunk)]
    thing, owner = nouns[0], nouns[-1]
    if not isinstance(thing, Noun) or not isinstance(owner, Noun) or thing.phrase.generic:
        return None
    return possessed(thing, owner.phrase)
