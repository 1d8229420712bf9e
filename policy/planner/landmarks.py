"""What is said of a landmark itself: `next to the dog that is on the couch`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

from .joining import alternatives
from .known import closed_vocabulary
from .nouns import Noun
from .question import Phrase, Relation, Selection
from .relations import Bound
from .stream import Chunk, Item


def noun_at(items: Sequence[Item], index: int) -> Noun | None:
    """The noun phrase that stands here, if one does."""
    item = items[index] if index < len(items) else None
    meaning = item.meaning if isinstance(item, Chunk) else None
    return meaning if isinstance(meaning, Noun) else None


class Landmarks(NamedTuple):
    """What a relation word binds to.

    Attributes:
        relations: the first is of the word's own kind. end: where the last landmark stands.
        read: places of the words between, which are understood.
    """

    relations: list[Relation]
    end: int
    read: set[int]


@dataclass(frozen=True, slots=True)
class LandmarkReader:
    """Reads the landmarks of relation words.

    Attributes:
        items: of the stream. words: the same, a tag for each chunk.
        is_named: whether a noun is sought itself, and is no landmark.
    """

    items: Sequence[Item]
    words: Sequence[str]
    is_named: Callable[[Noun], bool]

    def read(
        self, at: int, bound: Bound, selections: Sequence[Selection], *, of_person: bool
    ) -> Landmarks:
        """The landmarks of a relation word, from the one at `at` on, and what is said of them.

        Args:
            at: where the first landmark stands.
            bound: the relation word.
            selections: choices before the first landmark.
            of_person: whether it is a person of whom the word speaks.
        """
        landmarks, end, read = self._landmark(at, bound, selections)
        relations = [Relation(bound.kind, tuple(landmarks), bound.negated)]
        if bound.kind != "with" or bound.negated:
            return Landmarks(relations, end, read)
        lacked = lacked_besides(self.items, self.words, end)
        besides = [lacked] if lacked is not None else []
        if of_person and len(landmarks) == 1 and not landmarks[0].relations:
            last = lacked[1] if lacked is not None else end
            besides += held_besides(self.items, self.words, last)
        for relation, further in besides:
            relations.append(relation)
            read.update(range(end + 1, further))
            end = further
        return Landmarks(relations, end, read)

    def _landmark(
        self, at: int, bound: Bound, selections: Sequence[Selection]
    ) -> tuple[list[Phrase], int, set[int]]:
        """One landmark with what a clause says of it, two for `between`, several tied by `or`."""
        read = set[int]()
        first = noun_at(self.items, at)
        if first is None:
            return [], at, read
        landmarks = [replace(first.phrase, selections=tuple(selections))]
        joined = self.words[at + 1 : at + 2] == ["and"]
        second = noun_at(self.items, at + 2) if joined else None
        if bound.kind == "between" and second is not None:
            return [*landmarks, second.phrase], at + 2, read
        nested = clause_about(self.items, self.words, at)
        if nested is not None:
            relations = (*landmarks[0].relations, nested[0])
            return [replace(landmarks[0], relations=relations)], nested[1], read
        for further in alternatives(self.words, at) if bound.kind != "between" else ():
            landmark = noun_at(self.items, further)
            if landmark is not None and not self.is_named(landmark):
                landmarks.append(landmark.phrase)
                read.update(range(at, further))
                at = further
        return landmarks, at, read


def clause_about(
    items: Sequence[Item], words: Sequence[str], at: int
) -> tuple[Relation, int] | None:
    """What a clause says of the landmark at `at`: `that is on the couch`.

    Returns:
        The relation and where its own landmark stands; None where no clause follows at once.
    """
    opened = at + 1
    while words[opened : opened + 1] in (["that"], ["which"], ["who"], ["is"], ["are"]):
        opened += 1
    item = items[opened] if opened < len(items) else None
    bound = item.meaning if isinstance(item, Chunk) else None
    if not isinstance(bound, Bound) or bound.kind == "between":
        return None
    if opened == at + 1 and not bound.clause:
        return None
    end = opened + 1
    while words[end : end + 1] in (["@sel"], ["@near"]):
        end += 1
    landmark = noun_at(items, end)
    if landmark is None or landmark.back:
        return None
    chosen = [item.meaning for item in items[opened + 1 : end] if isinstance(item, Chunk)]
    selections = tuple(meaning for meaning in chosen if isinstance(meaning, Selection))
    meant = replace(landmark.phrase, selections=selections)
    return Relation(bound.kind, (meant,), bound.negated), end


def held_besides(
    items: Sequence[Item], words: Sequence[str], at: int
) -> list[tuple[Relation, int]]:
    """What else a person has besides the landmark at `at`: `with a hat, a tie and a bag`.

    Only things that are held or worn, none of them known already (`the`) or with a place of its own
    (`and a cup on the table`): those are sought themselves.

    Returns:
        The relations, and where the landmark of each stands.
    """
    found: list[tuple[Relation, int]] = []
    first, end = noun_at(items, at), at
    if first is None or first.phrase.definite:
        return []
    while True:
        begin = end + 1
        while words[begin : begin + 1] in (["and"], [","], ["&"]):
            begin += 1
        noun = noun_at(items, begin)
        placed = words[begin + 1 : begin + 2] in (["@rel"], ["@sel"], ["@clause"], ["@near"])
        if begin == end + 1 or noun is None or placed or not _is_carried(noun):
            break
        found.append((Relation("with", (noun.phrase,)), begin))
        end = begin
    tied = bool({"and", "&"} & {*words[at:end]})
    return found if tied else []


def _is_carried(noun: Noun) -> bool:
    """Whether a person may hold or wear it. A word that is not known (hat, scarf) may be."""
    phrase = noun.phrase
    if phrase.definite or phrase.generic or noun.asked or noun.pronoun or phrase.quantity:
        return False
    return not _too_large() & {*closed_vocabulary().resolve(phrase.noun).classes}


@cache
def _too_large() -> frozenset[str]:
    kinds = ("person", "animal", "vehicle", "furniture", "appliance", "street furniture", "tv")
    words = closed_vocabulary()
    return frozenset(name for kind in kinds for name in words.resolve(kind).classes)


def lacked_besides(
    items: Sequence[Item], words: Sequence[str], at: int
) -> tuple[Relation, int] | None:
    """What a thing with the landmark at `at` is said to lack: `with an umbrella but no backpack`.

    Returns:
        The relation and where what is lacked stands.
    """
    end = at + 1
    while words[end : end + 1] in (["but"], ["and"], [","]):
        end += 1
    if end == at + 1 or words[end : end + 1] != ["no"]:
        return None
    lacked = noun_at(items, end + 1)
    return None if lacked is None else (Relation("with", (lacked.phrase,), True), end + 1)
