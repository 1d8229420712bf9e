"""What stands before a noun: articles, numbers, choices, and what it does (`sleeping dogs`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from .known import is_activity, words_of
from .lexicon import ACTIVITY, ARTICLES, ASKING, PARTICIPLES, PARTITIVES, word_set
from .question import Key, Selection
from .stream import Chunk, Item
from .tokens import Token

_DEFINITE = word_set(
    """
    the this that my our your his her its their these those
    """
)
_ALL = word_set(
    """
    all every each any both several many multiple some
    """
)
_INDEFINITE = frozenset(["a", "an", "one", "another"])


@dataclass(slots=True)
class Determiners:
    """What was said before a noun.

    Attributes:
        plural: several are spoken of, by the noun's own ending or by a word before it.
        definite: one particular thing is meant.
        quantity: a number of things; number: the same, `one` included.
        participles: what the things do.
        bare: nothing stands before the noun.
        universal: all things of the kind are spoken of.
        asked: a word of asking comes before.
    """

    plural: bool
    definite: bool = False
    quantity: int | None = None
    number: int | None = None
    participles: list[str] = field(default_factory=list[str])
    bare: bool = False
    universal: bool = False
    asked: bool = False


def read_determiners(before: list[Item], plural: bool) -> Determiners:
    """Take what determines a noun off the end of `before`; choices stay there."""
    said = Determiners(plural)
    selections: list[Item] = []
    start = len(before)
    while before:
        last = before[-1]
        side = _side_before(before)
        if side is not None or (isinstance(last, Chunk) and last.tag in ("sel", "near")):
            selections.insert(0, last if side is None else side)
        elif not isinstance(last, Token) or not _take(said, last, before, len(before) == start):
            break
        before.pop()
    said.bare = start - len(before) == len(selections)
    said.universal = said.plural
    said.asked = not before or (
        before[-1].text in ASKING or before[-1].text == ":"
        if isinstance(before[-1], Token)
        else before[-1].tag == "ask"
    )
    if (among := _one_of_several(before)) is not None:
        # `The smaller of the two dogs`: the number only sets the scene.
        said.definite, said.plural = True, among > 1
        said.quantity = among if among > 1 else None
    before.extend(selections)
    return said


def _take(said: Determiners, last: Token, before: list[Item], first: bool) -> bool:
    """Note one word before a noun; False where it does not determine it."""
    word = last.text
    if word in ("which", "what", "whichever"):
        said.definite = True
        return False
    if word == "only" and words_of(before[-2:-1]) == ["not"]:
        # `Not only dogs but also cats` leaves out nothing.
        return False
    if last.kind == "number":
        said.number = last.value
        said.quantity = None if word == "one" else last.value
    elif word == "single" and len(before) > 1:
        said.number = 1
    elif word in _ALL:
        said.plural = True
    elif word in _DEFINITE:
        said.definite = True
    elif word == "of" and len(before) > 1 and _is_measure(before[-2]):
        before.pop()
    elif first and _is_participle_before(before):
        said.participles.insert(0, word)
    else:
        return word in _INDEFINITE or word in ARTICLES
    return True


_SIDES: dict[str, Key] = {"left": "left", "right": "right", "top": "top", "upper": "top",
                          "bottom": "bottom", "lower": "bottom", "middle": "center"}  # fmt: skip

_DEPTHS = {"front": Selection("largest"), "rear": Selection("smallest"),
           "back": Selection("smallest")}  # fmt: skip
"""`The front car`: what is near is large."""


def _side_before(before: list[Item]) -> Chunk[object] | None:
    """`left dog, image 2`: a side right before its noun, where no article ties them."""
    last = before[-1]
    if not isinstance(last, Token) or last.text not in _SIDES.keys() | _DEPTHS.keys():
        return None
    depth = _DEPTHS.get(last.text)
    earlier = before[-2] if len(before) > 1 else None
    opens = (
        earlier is None
        or (isinstance(earlier, Chunk) and earlier.tag in ("pics", "ask"))
        or (isinstance(earlier, Token) and earlier.text in ASKING | _OPENING | _BEFORE_A_LANDMARK)
    )
    if depth is not None:
        article = words_of(before[-2:-1])
        opens = opens or (bool(article) and article[0] in ARTICLES)
        return Chunk("sel", depth) if opens else None
    return Chunk("sel", Selection(_SIDES[last.text], side=True)) if opens else None


_OPENING = word_set(", . ; : ! ? ( and me us")
_BEFORE_A_LANDMARK = word_set("on in of by near behind beside with under above holding")
"""`The tie on left man`."""


def _is_participle_before(before: list[Item]) -> bool:
    """`Sleeping dogs`: what they do before their noun; `people walking dogs` is no such."""
    word = "".join(words_of(before[-1:]))
    if word in ASKING or word == "left" or not is_activity(word):
        return False
    if word not in ACTIVITY:
        # `The barking dog`; of other places such a word may bind or leave out.
        article = "".join(words_of(before[-2:-1]))
        return article in ARTICLES and word not in PARTICIPLES
    for earlier in reversed(before[:-1]):
        if isinstance(earlier, Token):
            return earlier.text not in _TIES
        if earlier.tag not in ("sel", "pics"):
            return earlier.tag != "np"
    return True


_TIES = word_set("is are was were be being not who that which")
"""After these a participle says what the thing before them does."""


def _one_of_several(before: list[Item]) -> int | None:
    """How many are chosen where a choice `of` the noun's things is made; None where none is."""
    if len(before) < 2 or not isinstance(before[-1], Token) or before[-1].text != "of":
        return None
    at = len(before) - 2
    if isinstance(before[at], Token) and cast("Token", before[at]).text in ("one", "ones"):
        at -= 1
    chosen = before[at] if at >= 0 else None
    if not isinstance(chosen, Chunk) or chosen.tag not in ("sel", "near"):
        return None
    number = before[at - 1] if at else None
    return number.value if isinstance(number, Token) and number.kind == "number" else 1


def _is_measure(item: Item) -> bool:
    return isinstance(item, Token) and item.text in PARTITIVES | {"all", "each", "any", "some"}
