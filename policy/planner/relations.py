"""Words that bind one noun phrase to another: next to, left of, holding, without."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from .known import is_known
from .lexicon import ARTICLES, ASKING, HOLDING, REACHING, word_set
from .nouns import Noun
from .question import RelationKind
from .selections import VIEWERS
from .stream import Builder, Chunk, Item, Stream, text_of
from .tokens import Token

_NP = r"(?= (?:the same )?(?:@sel |@near )*@np)"
_HOLD = (
    rf"(?:{'|'.join(sorted(set(HOLDING.values())))}|having|in possession of|equipped with|"
    r"together with|along with|accompanied by|with)"
)
_NO_VERBS = word_set(
    """
    including excluding regarding concerning considering depending according during being
    """
)
"""Words that end like a participle and bind nothing."""
_DEEDS = frozenset(HOLDING.values())
_CLAUSE = word_set("that which who")
_SIDE_OF = (
    r"(?:(?:to|on|at|from) )?(?:(?:the|its) )?(?:(?:immediate|far|direct) )?{}"
    r"(?: hand)?(?: side)? (?:of|from)"
)
_VERY = r"(?:(?:directly|right|just|immediately|close|up|down|standing|sitting) )?"

_AFTER_A_NOUN = r"(?:(?<=@np )|(?<=@sel )|(?<=@pics ))"

_SAID_OF = (
    r"(?:(?<=@np )|(?<=@sel )|(?<=@pics )|(?<=who )|(?<=that )|(?<=which )|(?<=@rel )|(?<=but ))"
)

_PARTICLE = r"(?:away|out|up|down|back|over)"

_RELATIONS: list[tuple[str, RelationKind, bool]] = [
    (_SIDE_OF.format("left"), "left of", False),
    (_SIDE_OF.format("right"), "right of", False),
    (rf"(?:without|lacking|with no|with neither|with out|not {_HOLD}|"
     rf"(?:(?:who|that) )?{_SAID_OF}(?:do|does|has|have) not "
     rf"(?:have|hold|carry|wear|ride|show|contain|include|feature|depict|any)|has no|have no|minus|"
     rf"(?:is |are )?missing|lacks?|misses|(?:devoid|free) of)(?: any)?", "with", True),
    (r"(?:that is |that are )?not (?:next to|near|beside|close to|by)", "next to", True),
    (r"(?:that is |that are )?not (?:on|on top of)", "on", True),
    (r"(?:that is |that are )?not (?:in|inside)", "in", True),
    (r"outside(?: of)?", "in", True),
    (r"in front of", "in front of", False),
    (r"in (?:the )?back of|behind", "behind", False),
    (r"in ?between|between", "between", False),
    (rf"{_VERY}(?:above|over|higher than|up from)", "above", False),
    (rf"{_VERY}(?:below|under|underneath|beneath|lower than)", "below", False),
    (r"(?:(?:the )?(?:closest|nearest|close est)(?: to)?|@near to)", "nearest to", False),
    (r"(?<=@np )@near(?= @np)", "nearest to", False),
    (r"(?:furthest|farthest|most distant)(?: away)? from|@near(?: away)? from", "farthest from",
     False),
    (r"on top of|atop|upon|onto|astride|aboard|on", "on", False),
    (rf"{_VERY}(?:next to|beside|alongside|adjacent to|close to|near to|near|nearby|by the side "
     rf"of|by|around|against|close by|neighbou?ring|at|along)", "next to", False),
    (r"inside of|inside|within|into|in", "in", False),
    (rf"(?:(?:that|who|which) )?(?:is |are )?{_HOLD}", "with", False),
    (r"(?<=@np )(?:(?:that|which) (?:is|are) )?(?:containing|showing|displaying)", "with", False),
    (rf"{_AFTER_A_NOUN}(?:(?:that|who|which) )?(?:(?:is|are|do|does|did) )?not (?:\w+ing)",
     "next to", True),
    (rf"{_AFTER_A_NOUN}(?:(?:that|who|which) )?(?:is |are )?(?:\w+ing)", "next to", False),
    (r"full of|(?:filled|topped|covered|loaded|packed|decorated) (?:with|in|by)", "with", False),
    (r"(?:(?:on|at|along|by|to) )?(?:either|both|each|opposite) (?:sides?|ends?) of|"
     r"(?:at|by|near) (?:the )?(?:ends?|head|foot|edge|corner|side|base) of|"
     r"on (?:the )?(?:other|far|opposite|near) side of|across from|across|opposite(?: to)?|past",
     "next to", False),
    (r"on (?:the )?(?:back|lap|shoulders?|head|roof|hood|edge|seat) of", "on", False),
    (rf"(?<=@np )(?:(?:that|who|which) )?(?:(?:is|are) )?\w+ing (?:{_PARTICLE} )?"
     r"(?:off|for|from|to|onto|out of|through|towards?|about|over)(?: of)?", "next to", False),
    (r"whose|(?:that|who|which) (?:has|have)|(?<=@np )(?:has|have)", "with", False),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bound:
    """A relation word in the stream.

    Attributes:
        kind: how the thing before it lies to the one after it. negated: that it does not.
        denied: a verb is negated (`does not show`).
        deed: what somebody does and no picture (`wearing`).
        clause: it begins a clause about the noun right before it (`that is wearing`).
    """

    kind: RelationKind
    negated: bool
    denied: bool = False
    deed: bool = False
    clause: bool = False


def read_relations(stream: Stream) -> None:
    """Replace words that bind one noun phrase to another by `rel` chunks."""
    for pattern, kind, negated in _RELATIONS:
        stream.rewrite(pattern + _NP, "rel", _binder(kind, negated))


def _binder(kind: RelationKind, negated: bool) -> Builder:
    def build(found: re.Match[str], items: list[Item]) -> Bound | None:
        verb = found.group(0).rsplit(" ", 1)[-1]
        if kind == "next to" and verb.endswith("ing") and not _is_verb(verb):
            return None
        if _NO_VERBS & {*found.group(0).split()}:
            return None
        words = found.group(0).split()
        return Bound(kind, negated, "not" in words, verb in _DEEDS, words[0] in _CLAUSE)

    return build


def _is_verb(word: str) -> bool:
    """Whether a participle says what the first thing does to the second (`chasing a dog`)."""
    if word in REACHING or word == "adjoining" or re.fullmatch("neighbou?ring", word):
        return True
    return word not in ASKING and word not in _NO_VERBS


def read_verbs(stream: Stream) -> None:
    """Make a verb after `who` or `does not` a participle: `the man who rides a horse`.

    So it is behind a noun that does it (`which person wears a hat`, also where `who` stands for it)
    and at the end of a clause (`what does the man ride`).
    """
    verbs = HOLDING | REACHING
    _read_intentions(stream, verbs)
    _read_looks(stream)
    words = stream.words()
    for index, item in enumerate(stream.items):
        if not isinstance(item, Token) or item.text not in verbs or index == 0:
            continue
        before = words[index - 1]
        denied = before == "not" and words[index - 2] in ("do", "does", "did")
        ends = words[index + 1 : index + 2] in ([], ["."], ["?"], ["!"])
        asked = ends and bool({"do", "does", "did"} & {*words[:index]})
        said = (ends or words[index + 1] == "@pics") and _is_said_of(stream.items, index)
        if denied or asked or said or before in _DOERS or _is_done_by(stream.items, index):
            stream.items[index] = replace(item, text=verbs[item.text])


_LOOKS = word_set("looking facing staring smiling pointing")
_ABOUT = word_set("about going trying ready attempting preparing waiting")
_DOERS = word_set("who that which whom he she it they")


def _read_intentions(stream: Stream, verbs: Mapping[str, str]) -> None:
    """Make `the boy about to hit the ball` the boy hitting it."""
    items = stream.items
    for index in range(len(items) - 1, 1, -1):
        ahead, to, verb = items[index - 2 : index + 1]
        if not (isinstance(ahead, Token) and isinstance(to, Token) and isinstance(verb, Token)):
            continue
        if ahead.text in _ABOUT and to.text == "to" and verb.text in verbs:
            items[index - 2 : index + 1] = [replace(verb, text=verbs[verb.text])]


def _read_looks(stream: Stream) -> None:
    """`Sheep looking at the camera`: what they do, not where they are."""
    items = stream.items
    for index in range(len(items) - 2, -1, -1):
        end = index + 1
        while end < len(items) and text_of(items[end]) in ("at", "to", "into", "towards", "the"):
            end += 1
        if text_of(items[index]) in _LOOKS and end < len(items) and text_of(items[end]) in VIEWERS:
            del items[index + 1 : end + 1]


def _is_said_of(items: list[Item], index: int) -> bool:
    """Whether a verb ends a clause about the thing before it: `the bag that a woman carries`."""
    clause = {text_of(item) for item in items[max(0, index - 4) : index - 1]}
    return is_known(text_of(items[index - 1])) and bool({"that", "which"} & clause)


def _is_done_by(items: list[Item], index: int) -> bool:
    """Whether a noun stands before a verb and what it is done to behind it: `person wears a`."""
    who, what = items[index - 1], items[index + 1] if index + 1 < len(items) else None
    if isinstance(who, Chunk):
        doer = isinstance(who.meaning, Noun) and who.meaning.pronoun
    else:
        doer = who.kind == "word" and is_known(who.text)
    if isinstance(what, Chunk):
        return doer and what.tag == "sel"
    begins = what is not None and (what.text in ARTICLES or what.kind == "number")
    return doer and what is not None and (begins or is_known(what.text))
