"""Words that bind one noun phrase to another: next to, left of, holding, without."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .question import RelationKind
from .stream import Builder, Item, Stream

_NP = r"(?= (?:@sel |@near )*@np)"
_HOLD = (
    r"(?:holding|carrying|wearing|riding|using|eating|pulling|pushing|touching|hugging|petting|"
    r"feeding|gripping|clutching|sporting|driving|steering|holds?|carries|carry|wears?|rides?|"
    r"uses?|having|in possession of|equipped with|together with|along with|accompanied by|with)"
)
_SIDE_OF = (
    r"(?:(?:to|on|at|from) )?(?:(?:the|its) )?(?:(?:immediate|far|direct) )?{}"
    r"(?: hand)?(?: side)? (?:of|from)"
)
_VERY = r"(?:(?:directly|right|just|immediately|close|up|down|standing|sitting) )?"

_RELATIONS: list[tuple[str, RelationKind, bool]] = [
    (_SIDE_OF.format("left"), "left of", False),
    (_SIDE_OF.format("right"), "right of", False),
    (rf"(?:without|lacking|with no|with out|not {_HOLD}|(?:(?:who|that) )?(?:do|does|has|have) not "
     rf"(?:have|hold|carry|wear|ride|show|contain|include|feature|depict|any)|has no|have no|minus|"
     rf"(?:is |are )?missing|lacks?|misses)(?: any)?", "with", True),
    (r"(?:that is |that are )?not (?:next to|near|beside|close to|by)", "next to", True),
    (r"(?:that is |that are )?not (?:on|on top of)", "on", True),
    (r"(?:that is |that are )?not (?:in|inside)", "in", True),
    (r"in front of", "in front of", False),
    (r"in (?:the )?back of|behind", "behind", False),
    (r"in ?between|between", "between", False),
    (rf"{_VERY}(?:above|over|higher than|up from)", "above", False),
    (rf"{_VERY}(?:below|under|underneath|beneath|lower than)", "below", False),
    (r"(?:(?:the )?(?:closest|nearest|close est)(?: to)?|@near to)", "nearest to", False),
    (r"(?:furthest|farthest|most distant)(?: away)? from|@near(?: away)? from", "farthest from",
     False),
    (r"on top of|atop|upon|onto|astride|aboard|on", "on", False),
    (rf"{_VERY}(?:next to|beside|alongside|adjacent to|close to|near to|near|nearby|by the side "
     rf"of|by|around|against|close by|neighbou?ring|at|along)", "next to", False),
    (r"inside of|inside|within|into|in", "in", False),
    (rf"(?:(?:that|who|which) )?(?:is |are )?{_HOLD}", "with", False),
    (r"whose|(?:that|who|which) (?:has|have)|(?<=@np )(?:has|have)", "with", False),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bound:
    """A relation word in the stream."""

    kind: RelationKind
    negated: bool


def read_relations(stream: Stream) -> None:
    """Replace words that bind one noun phrase to another by `rel` chunks."""
    for pattern, kind, negated in _RELATIONS:
        stream.rewrite(pattern + _NP, "rel", _binder(kind, negated))


def _binder(kind: RelationKind, negated: bool) -> Builder:
    def build(found: re.Match[str], items: list[Item]) -> Bound:
        return Bound(kind, negated)

    return build
