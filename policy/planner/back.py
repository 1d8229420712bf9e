"""Words that point back to a thing that was named: `the cat and the remote next to it`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .joining import is_joined
from .known import closed_vocabulary
from .lexicon import ADJECTIVES, ARTICLES, ASKING, HOLDING, PREPOSITIONS, REACHING, word_set
from .nouns import Noun
from .stream import Chunk, Item, Stream, text_of
from .tokens import Token, word_token

_OF_THINGS = word_set("it its")
_OBJECTS = word_set("it him her them")
_SUBJECTS = word_set("it he she they")
_MUTUAL = (["each", "other"], ["one", "another"])
_ENDS = ([], ["."], [","], ["?"], ["!"], ["@pics"])
_OWNERS = {"its": "it", "his": "him", "her": "her", "their": "him"}
"""`The left of them` would be the left one of several."""
_SIDES = word_set("left right")
_GOES_ON = frozenset({"and", "or", "&", ",", "plus", ".", ";", "then", "@said"})
"""One of them stands between two things that are asked for; `@said` is `then` before `find`."""
_BEFORE_A_NOUN = word_set("the a an his her its their @sel @near @many")
_BINDING = PREPOSITIONS | HOLDING.keys() | REACHING.keys() | word_set("beside near alongside")


def read_sides_of(stream: Stream) -> None:
    """Make `the fork to its right` the fork to the right of it, where something was named before.

    Only behind `and` or a comma: of a thing alone, `its right` is where it lies in the picture.
    """
    items = stream.items
    for index in range(len(items) - 1, 1, -1):
        words = [text_of(item) for item in items[index - 2 : index + 1]]
        if words[0] not in ("to", "on", "at") or words[1] not in _OWNERS or words[2] not in _SIDES:
            continue
        if not _GOES_ON & {text_of(item) for item in items[: index - 2]}:
            continue
        end = index + 1
        while end < len(items) and text_of(items[end]) in ("hand", "side"):
            end += 1
        items[index - 1 : end] = [
            word_token("the"), items[index], word_token("of"), word_token(_OWNERS[words[1]]),
        ]  # fmt: skip


def read_back_references(stream: Stream) -> None:
    """Put the noun phrase that it stands for in the place of `it`, `him`, `she` and the like.

    Only where one thing was joined to another by `and` or a comma and what follows binds it to
    that other one: `the woman and the dog beside her`, `the man and the horse he rides`.
    """
    _read_each_other(stream)
    _read_other_one(stream)
    words = stream.words()
    for index in range(len(stream.items) - 1, 0, -1):
        item = stream.items[index]
        if not isinstance(item, Token) or not _points_back(words, index):
            continue
        meant = _antecedent(stream.items, words, index)
        if meant is not None:
            stream.items[index : index + 1] = meant


def _read_each_other(stream: Stream) -> None:
    """`Dogs next to each other`: next to another dog."""
    items = stream.items
    for index in range(len(items) - 2, 0, -1):
        if [text_of(item) for item in items[index : index + 2]] not in _MUTUAL:
            continue
        nouns = [item for item in items[:index] if isinstance(item, Chunk) and item.tag == "np"]
        if nouns and isinstance(nouns[-1].meaning, Noun):
            items[index : index + 2] = [_another(nouns[-1].meaning)]


def _read_other_one(stream: Stream) -> None:
    """`The brown horse in front of the white one`: in front of another horse."""
    items, words = stream.items, stream.words()
    for index in range(len(items) - 1, 1, -1):
        if words[index] != "one" or words[index + 1 : index + 2] not in _ENDS:
            continue
        begin = index
        while begin and words[begin - 1] in ADJECTIVES | ARTICLES:
            begin -= 1
        nouns = [at for at in range(begin) if words[at] == "@np"]
        noun = items[nouns[0]] if len(nouns) == 1 else None
        meaning = noun.meaning if isinstance(noun, Chunk) else None
        bound = begin > 0 and words[begin - 1] in _BINDING - {"than", "like", "as"}
        if bound and isinstance(meaning, Noun):
            items[begin : index + 1] = [_another(meaning)]
            return


def _another(noun: Noun) -> Chunk[object]:
    """A thing of the same kind, whichever."""
    phrase = replace(noun.phrase, quantity=None, definite=False)
    return Chunk("np", replace(noun, phrase=phrase, back=True))


def _points_back(words: Sequence[str], index: int) -> bool:
    before, after = words[index - 1], words[index + 1 : index + 2]
    if words[index] in _OBJECTS and before in _BINDING:
        return not (words[index] == "her" and after == ["@np"])
    follows = before in ("@np", "that", "which", "whom", "where")
    return words[index] in _SUBJECTS and follows and bool(after)


def _antecedent(items: Sequence[Item], words: Sequence[str], index: int) -> list[Item] | None:
    """The noun phrase that is meant, its choices before it; None where none can be told."""
    bound = next((at for at in range(index - 1, 0, -1) if words[at] == "@np"), None)
    if bound is None:
        return None
    # `In one picture are more cats than dogs. Find the cats in it.`
    inside = words[index - 1] in ("in", "inside", "within")
    if not (is_joined if inside else _goes_on)(words, _begin(words, bound)):
        return None
    for at in range(bound - 1, -1, -1):
        item = items[at]
        if not isinstance(item, Chunk) or not isinstance(item.meaning, Noun):
            continue
        begin = _begin(words, at)
        if begin and words[begin - 1] in _BINDING:
            # `The cat on the couch and the remote next to it`: next to the cat.
            continue
        person = "person" in closed_vocabulary().resolve(item.meaning.phrase.noun).classes
        if person and words[index] in _OF_THINGS:
            continue
        phrase = replace(item.meaning.phrase, definite=True)
        chosen = [one for one in items[begin:at] if isinstance(one, Chunk) and one.tag == "sel"]
        return [*chosen, Chunk("np", replace(item.meaning, phrase=phrase, back=True))]
    return None


def _goes_on(words: Sequence[str], at: int) -> bool:
    """Whether what is asked for at `at` comes after another: `the dog, then find the cat`."""
    if is_joined(words, at):
        return True
    before = next((i for i in range(at - 1, -1, -1) if words[i] in ("@np", "@pics")), at)
    between = set(words[before + 1 : at])
    return bool(_GOES_ON & between) and between <= _GOES_ON | ASKING | {"@ask", "please", "also"}


def _begin(words: Sequence[str], at: int) -> int:
    """Where a noun phrase begins, its choices included."""
    while at and words[at - 1] in _BEFORE_A_NOUN:
        at -= 1
    return at
