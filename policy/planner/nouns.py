"""Noun phrases: what is to be found, with its determiner, number and modifiers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import cast

from ...tools.vocabulary import Vocabulary, coco_classes
from .lexicon import (
    ACTIVITY,
    ADJECTIVES,
    ARTICLES,
    ASKING,
    CONJUNCTIONS,
    FUNCTION_WORDS,
    GENERIC,
    GENERIC_PLURAL,
    HOLDING,
    PARTITIVES,
    PREPOSITIONS,
    word_set,
)
from .question import Key, Phrase, Relation, Selection
from .stream import Chunk, Item, Stream
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
_NOUNS_IN_ING = word_set(
    """
    building painting ceiling wing ring string king clothing earring swing railing pudding wedding
    drawing icing stuffing dressing covering awning lightning clothing bedding
    """
)
_PLURALS = word_set(
    """
    people men women children mice geese sheep skis folks police feet
    """
)
_SINGULARS = word_set(
    """
    bus glass grass dress lens gas cross tennis canvas octopus cactus
    """
)


@cache
def closed_vocabulary() -> Vocabulary:
    """The words of COCO's classes: what tells a noun from a word of asking."""
    return Vocabulary(coco_classes())


def is_known(words: str) -> bool:
    """Whether the closed vocabulary knows these words as a noun."""
    return closed_vocabulary().resolve(words).relation != "unknown"


@dataclass(frozen=True, slots=True)
class Noun:
    """A noun phrase in the stream.

    Attributes:
        phrase: what it means so far.
        known: the closed vocabulary knows the noun.
        asked: it follows a word of asking directly, with only determiners between.
        pronoun: it stands for a thing without naming it (who, what, the one).
    """

    phrase: Phrase
    known: bool
    asked: bool
    pronoun: bool = False


def read_nouns(stream: Stream) -> None:
    """Replace every noun phrase, determiner and number included, by an `np` chunk."""
    items, result, index = stream.items, list[Item](), 0
    while index < len(items):
        end = _segment_end(items, index)
        if end == index:
            result.append(items[index])
            index += 1
            continue
        words, trailing = _split_trailing(_words(items[index:end]))
        if _is_bare(words) or _is_partitive(words, items, index + len(words)):
            result.extend(items[index:end])
        else:
            result.append(_noun(words, result))
            result.extend(items[end - trailing : end])
        index = end
    stream.items = result


def fallback_noun(tokens: Sequence[Token]) -> Noun | None:
    """A noun among words of asking, where nothing else is named (`find all boxes`)."""
    for token in reversed(tokens):
        if token.kind == "word" and token.text in _ASKING_NOUNS:
            return Noun(Phrase(token.text, plural=token.text.endswith("s")), False, True)
    return None


_ASKING_NOUNS = word_set(
    """
    box boxes circle circles rectangle rectangles label labels frame frames album albums
    """
)


def _words(items: Sequence[Item]) -> list[str]:
    return [item.text for item in items if isinstance(item, Token)]


def _breaks(word: str) -> bool:
    return (
        word in FUNCTION_WORDS or word in ARTICLES or word in PREPOSITIONS or word in CONJUNCTIONS
    )


def _is_content(item: Item) -> bool:
    if not isinstance(item, Token) or item.kind != "word":
        return False
    word = item.text
    if _breaks(word) or word in ASKING or word == "'s":
        return False
    if word in GENERIC or word in GENERIC_PLURAL:
        return True
    return not (_is_activity(word) or word.endswith("ly"))


def _is_activity(word: str) -> bool:
    if word in ACTIVITY or word in HOLDING:
        return True
    return (
        word.endswith("ing") and len(word) > 5 and word not in _NOUNS_IN_ING and not is_known(word)
    )


def _segment_end(items: Sequence[Item], start: int) -> int:
    """Where the run of content words that starts here ends; `start` where none does."""
    known = _compound(items, start)
    if known:
        return _extend(items, start + known)
    if not _is_content(items[start]):
        return start
    return _extend(items, start)


def _extend(items: Sequence[Item], index: int) -> int:
    while index < len(items):
        known = _compound(items, index)
        if known:
            index += known
        elif _is_content(items[index]) or (
            _words(items[index : index + 1]) == ["'s"]
            and index + 1 < len(items)
            and _is_content(items[index + 1])
        ):
            index += 1
        else:
            break
    return index


def _compound(items: Sequence[Item], start: int) -> int:
    """Length of a class name of several words that starts here (`parking meter`), or 0."""
    for length in (4, 3, 2):
        part = items[start : start + length]
        words = _words(part)
        if len(words) < length or any(t.kind != "word" for t in part if isinstance(t, Token)):
            continue
        if _breaks(words[0]) or _breaks(words[-1]) or "of" in words:
            continue
        if closed_vocabulary().resolve(" ".join(words)).relation == "same":
            return length
    return 0


def _split_trailing(words: list[str]) -> tuple[list[str], int]:
    """The noun's words, and how many words after it are a verb or the like (`dogs sleep`)."""
    if is_known(" ".join(words)):
        return words, 0
    for end in range(len(words) - 1, 0, -1):
        if is_known(" ".join(words[:end])) and _is_plural(words[end - 1]):
            return words[:end], len(words) - end
    while len(words) > 1 and words[-1].endswith("ed") and is_known(" ".join(words[:-1])):
        words = words[:-1]
    return words, 0


def _is_bare(words: list[str]) -> bool:
    """Nothing, or only adjectives that are no nouns of their own (`orange` is one)."""
    return all(w in ADJECTIVES for w in words) and not (words and is_known(words[-1]))


def _is_partitive(words: list[str], items: Sequence[Item], after: int) -> bool:
    if words[-1] not in PARTITIVES or after >= len(items):
        return False
    item = items[after]
    return isinstance(item, Token) and item.text == "of"


def _is_plural(word: str) -> bool:
    if word in _PLURALS or word in GENERIC_PLURAL:
        return True
    return word.endswith("s") and not word.endswith(("ss", "us")) and word not in _SINGULARS


def _noun(words: list[str], before: list[Item]) -> Item:
    """The chunk of a noun phrase; its determiners are taken off the end of `before`."""
    modifiers: list[str] = []
    while len(words) > 1 and words[0] in ADJECTIVES and not _is_class(words):
        modifiers.append(words[0])
        words = words[1:]
    generic = words[-1] in GENERIC or words[-1] in GENERIC_PLURAL
    owner: list[str] = []
    if "'s" in words[1:-1]:
        at = len(words) - 2 - words[-2::-1].index("'s")
        owner, words = words[:at], words[at + 1 :]
    noun = " ".join(words)
    known = is_known(noun) and not generic
    definite, plural, quantity = False, _is_plural(words[-1]), None
    selections: list[Item] = []
    while before:
        last = before[-1]
        if isinstance(last, Chunk) and last.tag in ("sel", "near"):
            selections.insert(0, before.pop())
            continue
        if (side := _side_before(before)) is not None:
            selections.insert(0, side)
            before.pop()
            continue
        if not isinstance(last, Token):
            break
        word = last.text
        if word in ("which", "what", "whichever"):
            definite = True
            break
        if last.kind == "number" and word != "one":
            quantity = last.value
        elif word in _ALL:
            plural = True
        elif word in _DEFINITE:
            definite = True
        elif word == "of" and len(before) > 1 and _is_measure(before[-2]):
            before.pop()
        elif word not in _INDEFINITE and word not in ARTICLES:
            break
        before.pop()
    asked = not before or (
        before[-1].text in ASKING or before[-1].text == ":"
        if isinstance(before[-1], Token)
        else before[-1].tag == "ask"
    )
    if (among := _one_of_several(before)) is not None:
        # `The smaller of the two dogs`: the number only sets the scene.
        definite, plural, quantity = True, among > 1, among if among > 1 else None
    phrase = Phrase(noun, tuple(modifiers), generic, plural, quantity, definite)
    before.extend(selections)
    thing = Noun(phrase, known, asked)
    return Chunk("np", possessed(thing, Phrase(" ".join(owner))) if owner else thing)


_SIDES: dict[str, Key] = {"left": "left", "right": "right", "top": "top", "upper": "top",
                          "bottom": "bottom", "lower": "bottom", "middle": "center"}  # fmt: skip


def _side_before(before: list[Item]) -> Chunk[object] | None:
    """`left dog, image 2`: a side right before its noun, where no article ties them."""
    last = before[-1]
    if not isinstance(last, Token) or last.text not in _SIDES:
        return None
    earlier = before[-2] if len(before) > 1 else None
    opens = (
        earlier is None
        or (isinstance(earlier, Chunk) and earlier.tag in ("pics", "ask"))
        or (isinstance(earlier, Token) and earlier.text in ASKING | _OPENING)
    )
    return Chunk("sel", Selection(_SIDES[last.text], side=True)) if opens else None


_OPENING = word_set(", . ; : ! ? ( and me us")


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


def possessed(thing: Noun, owner: Phrase) -> Noun:
    """A thing with its owner: what is a person's is held or worn; of others nothing follows."""
    if "person" not in closed_vocabulary().resolve(owner.noun).classes:
        return thing
    return replace(thing, phrase=replace(thing.phrase, relations=(Relation("held by", (owner,)),)))


def _is_measure(item: Item) -> bool:
    return isinstance(item, Token) and item.text in PARTITIVES | {"all", "each", "any", "some"}


def singular(noun: str) -> str:
    """A key under which singular and plural of a noun are the same."""
    classes = closed_vocabulary().resolve(noun)
    if classes.relation in ("same", "narrower"):
        return classes.classes[0] if classes.relation == "same" else noun.removesuffix("s")
    return noun.removesuffix("s")


def _is_class(words: list[str]) -> bool:
    return closed_vocabulary().resolve(" ".join(words)).relation in ("same", "wider")
