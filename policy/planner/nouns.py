"""Noun phrases: what is to be found, with its determiner, number and modifiers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ...tools.vocabulary import UNKNOWN, Resolution
from .determiners import read_determiners
from .known import closed_vocabulary, is_activity, is_known, words_of
from .lexicon import (
    ADJECTIVES,
    ARTICLES,
    ASKING,
    COLOURS,
    CONJUNCTIONS,
    FUNCTION_WORDS,
    GENERIC,
    GENERIC_PLURAL,
    PARTITIVES,
    PREPOSITIONS,
    word_set,
)
from .question import Phrase, Relation
from .stream import Chunk, Item, Stream
from .tokens import Token

_OTHER_THINGS = word_set("sign signs mask masks figure figures foot base rim body bodies")
"""Behind a noun they are things of their own: a traffic sign, a dog mask."""

_UNIVERSAL = word_set("everything anything everyone everybody anyone anybody all")
_STANDS_ALONE = [[word] for word in ("nobody", "somebody", "someone", "everybody", "everyone")]
_OWNED_SIDES = [[word] for word in ("front", "rear", "back", "left", "right", "top", "bottom")]
"""`The bicycle's front wheel`: they belong to the thing, not to the picture."""

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


@dataclass(frozen=True, slots=True)
class Noun:
    """A noun phrase in the stream.

    Attributes:
        phrase: what it means so far.
        known: the closed vocabulary knows the noun.
        asked: it follows a word of asking directly, with only determiners between.
        pronoun: it stands for a thing without naming it (who, what, the one).
        universal: it speaks of all things of the kind.
        bare: nothing stands before it, neither article nor number (`and dog`, `and dogs`).
        number: how many were named, `one` included, which as a quantity says nothing.
        compared: more or fewer than, or as many as, what the phrase says.
        back: it stands for one that was named before (`it`, `him`).
    """

    phrase: Phrase
    known: bool
    asked: bool
    pronoun: bool = False
    universal: bool = False
    bare: bool = False
    number: int | None = None
    compared: tuple[Literal["more", "fewer", "as many"], Phrase] | None = None
    back: bool = False


def read_nouns(stream: Stream) -> None:
    """Replace every noun phrase, determiner and number included, by an `np` chunk."""
    _turn_fillings(stream.items)
    items, result, index = stream.items, list[Item](), 0
    while index < len(items):
        end = _segment_end(items, index)
        if end == index:
            result.append(items[index])
            index += 1
            continue
        words, trailing = _split_trailing(words_of(items[index:end]))
        if _is_bare(words) or _is_partitive(words, items, index + len(words)):
            result.extend(items[index:end])
        else:
            result.append(_noun(words, result))
            result.extend(items[end - trailing : end])
        index = end
    stream.items = result


def _turn_fillings(items: list[Item]) -> None:
    """Make `glasses of wine` wine glasses, where the vocabulary has a class of that name."""
    for index in range(len(items) - 3, -1, -1):
        holder, of, filling = items[index : index + 3]
        words = words_of([holder, of, filling])
        if words[1:2] == ["of"] and _is_content(holder) and _is_content(filling):
            made = closed_vocabulary().resolve(f"{words[2]} {words[0]}")
            if made.relation == "same":
                items[index : index + 3] = [filling, holder]


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


def _breaks(word: str) -> bool:
    return (
        word in FUNCTION_WORDS or word in ARTICLES or word in PREPOSITIONS or word in CONJUNCTIONS
    )


def _is_content(item: Item) -> bool:
    if not isinstance(item, Token) or item.kind != "word":
        return False
    return is_content(item.text)


def is_content(word: str) -> bool:
    """Whether a word may be part of what a noun phrase names."""
    if _breaks(word) or word in ASKING or word == "'s":
        return False
    if word in GENERIC or word in GENERIC_PLURAL:
        return True
    return not (is_activity(word) or word.endswith("ly"))


def _segment_end(items: Sequence[Item], start: int) -> int:
    """Where the run of content words that starts here ends; `start` where none does."""
    if words_of(items[start : start + 1]) in _STANDS_ALONE:
        return start + 1
    known = _compound(items, start)
    if known:
        return _extend(items, start + known)
    if not _is_content(items[start]):
        return start
    return _extend(items, start)


def _extend(items: Sequence[Item], index: int) -> int:
    while index < len(items):
        if words_of(items[index : index + 1]) in _STANDS_ALONE:
            # `A chair nobody sits on`.
            break
        known = _compound(items, index)
        if known:
            index += known
        elif _is_content(items[index]):
            index += 1
        elif owned := _owned_at(items, index):
            index += owned
        else:
            break
    return index


def _owned_at(items: Sequence[Item], index: int) -> int:
    """Length of `'s` and the sides behind it, where what is owned follows; else 0."""
    if words_of(items[index : index + 1]) != ["'s"]:
        return 0
    end = index + 1
    while words_of(items[end : end + 1]) in _OWNED_SIDES:
        end += 1
    return end - index if end < len(items) and _is_content(items[end]) else 0


def _compound(items: Sequence[Item], start: int) -> int:
    """Length of a class name of several words that starts here (`parking meter`), or 0."""
    for length in (4, 3, 2):
        part = items[start : start + length]
        words = words_of(part)
        if len(words) < length or any(t.kind != "word" for t in part if isinstance(t, Token)):
            continue
        if _breaks(words[0]) or _breaks(words[-1]) or words[-1] == "'s" or "of" in words:
            continue
        if closed_vocabulary().resolve(" ".join(words)).relation == "same":
            return length
    return 0


def _split_trailing(words: list[str]) -> tuple[list[str], int]:
    """The noun's words, and how many words after it are a verb or the like (`dogs sleep`)."""
    bare = " ".join(words[:-1])
    said_of_it = words[-1] in COLOURS or not is_known(" ".join(words))
    if words[-1] in ADJECTIVES and said_of_it and bare and is_known(bare) and not _is_class(words):
        # `Is the car red?`, but `a green traffic light`.
        return words[:-1], 1
    if is_known(" ".join(words)):
        return words, 0
    if words[-1] in PARTITIVES - _OTHER_THINGS and bare and is_known(bare):
        # `Pizza slices` are what `slices of pizza` are.
        return [*words[:-2], f"{words[-2]}s" if words[-1].endswith("s") else words[-2]], 0
    for end in range(len(words) - 1, 0, -1):
        if words[end - 1] == "'s":
            continue
        if is_known(" ".join(words[:end])) and _is_plural(words[end - 1]):
            return words[:end], len(words) - end
    while len(words) > 1 and words[-1].endswith("ed") and is_known(" ".join(words[:-1])):
        words = words[:-1]
    return words, 0


def _is_bare(words: list[str]) -> bool:
    """Nothing, or only adjectives that are no nouns of their own (`orange` is one)."""
    return all(w in ADJECTIVES for w in words) and not (words and is_known(words[-1]))


def _is_generic(word: str) -> bool:
    return word in GENERIC or word in GENERIC_PLURAL


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
    plural = _is_plural(words[-1])
    if len(words) > 1 and _is_generic(words[-1]) and _is_kind(words[:-1], words):
        # `Food items`, `"dining table" objects`: what they are is said before.
        words = words[:-1]
    generic = _is_generic(words[-1])
    if generic:
        # `Glowing objects` are looked for as objects, and the answer says what was not checked.
        modifiers += words[:-1]
        words = words[-1:]
    owner: list[str] = []
    if "'s" in words[1:-1]:
        at = len(words) - 2 - words[-2::-1].index("'s")
        owner, words = words[:at], words[at + 1 :]
    noun = " ".join(words)
    known = is_known(noun) and not generic
    said = read_determiners(before, plural)
    phrase = Phrase(
        noun, (*said.participles, *modifiers), generic, said.plural, said.quantity, said.definite
    )
    thing = Noun(
        phrase, known, said.asked, universal=said.universal or noun in _UNIVERSAL,
        bare=said.bare, number=said.number,
    )  # fmt: skip
    return Chunk("np", possessed(thing, Phrase(" ".join(owner))) if owner else thing)


def possessed(thing: Noun, owner: Phrase) -> Noun:
    """A thing with its owner: what is a person's is held or worn; of others nothing follows."""
    if "person" not in closed_vocabulary().resolve(owner.noun).classes:
        return thing
    return replace(thing, phrase=replace(thing.phrase, relations=(Relation("held by", (owner,)),)))


def singular(noun: str) -> str:
    """A key under which singular and plural of a noun are the same."""
    classes = closed_vocabulary().resolve(noun)
    if classes.relation in ("same", "narrower"):
        return classes.classes[0] if classes.relation == "same" else noun.removesuffix("s")
    return noun.removesuffix("s")


def _is_class(words: list[str]) -> bool:
    return _meaning(words).relation in ("same", "wider")


def _is_kind(words: list[str], whole: list[str]) -> bool:
    """Whether words name a kind that the whole phrase does not say otherwise (`orange things`)."""
    kind = _meaning(words)
    return bool(kind.classes) and _meaning(whole) in (kind, UNKNOWN)


def _meaning(words: list[str]) -> Resolution:
    return closed_vocabulary().resolve(" ".join(words))
