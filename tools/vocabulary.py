"""From a user's word to a detector's class names: synonyms, plurals, kinds, and kinds of kinds.

`vocabulary.json` holds, for each concept of COCO-80, words that mean the same ("sofa" for couch),
words that name a kind of it ("taxi" for car), and words that cover several concepts ("vehicle").
A detector with other class names (Pascal VOC's "tvmonitor") profits from the same table: each
concept is attached to whichever of its classes goes by one of the concept's names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Literal, TypedDict

from .text import clean_text

Relation = Literal["same", "narrower", "wider", "unknown"]
"""How the user's word relates to the classes: the same thing, a kind of it, several of them."""

_TABLE = Path(__file__).with_name("vocabulary.json")


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a word means to a detector.

    Attributes:
        classes: the detector's own names; empty where it knows none.
        relation: how the word relates to them.
    """

    classes: tuple[str, ...]
    relation: Relation


LONGEST_NAME = 3
"""Words of a name that is looked for in a sentence."""

CLOSE = 0.8
"""Likeness (`difflib`) from which a word may be a misspelling: umbrela, not kitchen for kitten."""

UNKNOWN = Resolution((), "unknown")


class _Words(TypedDict):
    same: list[str]
    narrower: list[str]


class _Table(TypedDict):
    classes: dict[str, _Words]
    groups: dict[str, list[str]]
    everything: list[str]
    colours_and_materials: list[str]
    not_a_kind_of_its_last_word: list[str]
    irregular_plurals: dict[str, str]
    determiners: list[str]
    measures: list[str]
    head_ends: list[str]


@cache
def _table() -> _Table:
    return json.loads(_TABLE.read_text(encoding="utf-8"))


def coco_classes() -> tuple[str, ...]:
    """The 80 class names of COCO, in COCO's order."""
    return tuple(_table()["classes"])


@cache
def families(label: str) -> tuple[frozenset[str], ...]:
    """The kinds of things that a class of COCO belongs to, narrowest first, itself left out.

    `chair` has couch and bench beside it (things to sit on), then all furniture.
    """
    kinds = {frozenset(group) for group in _table()["groups"].values() if label in group}
    others = {kind - {label} for kind in kinds} - {frozenset[str]()}
    return tuple(sorted(others, key=lambda kind: (len(kind), sorted(kind))))


def normalize_label(label: str) -> str:
    """A label as plain lower-case words: no punctuation, possessives, leading determiners.

    Args:
        label: anything that a user or a model wrote; at most 200 characters are read.
    """
    text = clean_text(label, 200).casefold().replace("\u2019", "'")
    text = re.sub(r"'s\b|'|(?<=\b\w)\.", "", text)
    words = re.sub(r"[^\w\s]|_", " ", text).split()
    while len(words) > 1 and (words[0] in _table()["determiners"] or words[0].isdigit()):
        words = words[2:] if words[1] == "of" and len(words) > 2 else words[1:]
    return " ".join(words)


def singular_forms(phrase: str) -> Iterator[str]:
    """The phrase itself, then what it may be the plural of (its last word is the noun).

    English spelling alone does not tell ("cookies" from "cookie", "berries" from "berry"), so
    every candidate is given and the caller looks up which one exists.
    """
    yield phrase
    start, _, word = phrase.rpartition(" ")
    lead = f"{start} " if start else ""
    irregular = _table()["irregular_plurals"].get(word)
    if irregular is not None:
        yield lead + irregular
        return
    if not word.endswith("s") or word.endswith("ss") or len(word) < 3:
        return
    if word.endswith("ies"):
        yield lead + word[:-3] + "y"
    if word.endswith("ves"):
        yield lead + word[:-3] + "f"
        yield lead + word[:-3] + "fe"
    if word.endswith(("ses", "xes", "zes", "ches", "shes", "oes")):
        yield lead + word[:-2]
    yield lead + word[:-1]


class Vocabulary:
    """The words that one detector understands.

    Args:
        classes: its class names.
        aliases: further words for single classes, such as LVIS's synonyms.
    """

    def __init__(
        self, classes: Sequence[str], aliases: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.classes: tuple[str, ...] = tuple(dict.fromkeys(classes))
        self._words: dict[str, Resolution] = {}
        table = _table()
        self._blocked = frozenset(table["not_a_kind_of_its_last_word"])
        self._add_own(aliases or {})
        by_concept = {
            concept: found
            for concept, words in table["classes"].items()
            if (found := self._own_name_of(concept, words["same"])) is not None
        }
        for concept, words in table["classes"].items():
            if (name := by_concept.get(concept)) is not None:
                self._put((concept, *words["same"]), Resolution((name,), "same"))
                self._put(words["narrower"], Resolution((name,), "narrower"))
        for word, members in table["groups"].items():
            names = tuple(dict.fromkeys(by_concept[m] for m in members if m in by_concept))
            if names:
                self._put((word,), Resolution(names, "wider"))
        self._put(table["everything"], Resolution(self.classes, "wider"))

    def _put(self, words: Sequence[str], meaning: Resolution) -> None:
        """Give words a meaning unless they have one: a detector's own names go first."""
        for word in words:
            self._words.setdefault(normalize_label(word), meaning)

    def _add_own(self, aliases: Mapping[str, Sequence[str]]) -> None:
        for name in self.classes:
            self._put((name,), Resolution((name,), "same"))
        for name in self.classes:
            self._put(aliases.get(name, ()), Resolution((name,), "same"))

    def _own_name_of(self, concept: str, same: Sequence[str]) -> str | None:
        """The detector's class that goes by a concept's name or by a word that means the same."""
        for word in (concept, *same):
            plain = normalize_label(word)
            found = self._words.get(plain) or self._words.get(plain.replace(" ", ""))
            if found is not None and found.relation == "same":
                return found.classes[0]
        return None

    def _look_up(self, phrase: str) -> Resolution | None:
        for form in singular_forms(phrase):
            if (found := self._words.get(form)) is not None:
                return found
        return None

    def _is_blocked(self, phrase: str) -> bool:
        return any(form in self._blocked for form in singular_forms(phrase))

    def resolve(self, label: str) -> Resolution:
        """The classes that a label means; total.

        The whole phrase is looked up first, then its head: "pair of scissors" is scissors, "cup of
        coffee" is a cup, "the dog on the left" and "wet dog" are kinds of dog, "food items" are
        food.
        """
        phrase = normalize_label(label)
        if not phrase:
            return UNKNOWN
        if self._is_blocked(phrase) and phrase not in self._words:
            return UNKNOWN
        if (found := self._look_up(phrase)) is not None:
            return found
        return self._resolve_head(phrase.split())

    def named_in(self, text: str) -> frozenset[str]:
        """The classes that a sentence names, of each stretch of words the longest name; total.

        Words that cover several classes ("animals") name none of them.
        """
        words = normalize_label(text).split()
        named: set[str] = set()
        at = 0
        while at < len(words):
            for size in range(min(LONGEST_NAME, len(words) - at), 0, -1):
                phrase = " ".join(words[at : at + size])
                found = self._look_up(phrase)
                if found is not None or self._is_blocked(phrase):
                    named.update(found.classes if found and found.relation != "wider" else ())
                    at += size - 1
                    break
            at += 1
        return frozenset(named)

    def nearest(self, label: str) -> str | None:
        """The known word that an unknown one is likely a misspelling of; None where there is none.

        It begins alike and is at most a letter longer or shorter. Letters that changed places
        ("dgo") count as one mistake.
        """
        word = normalize_label(label)
        if len(word) < 3 or self.resolve(label).classes:
            return None
        alike = [w for w in self._words if w[:1] == word[:1] and w != word]
        if swapped := [w for w in alike if sorted(w) == sorted(word)]:
            return swapped[0]
        for form in singular_forms(word):
            near = [w for w in alike if abs(len(w) - len(form)) <= 1]
            if close := get_close_matches(form, near, n=1, cutoff=CLOSE):
                return close[0]
        return None

    def _resolve_head(self, words: list[str]) -> Resolution:
        """The meaning of the noun that a phrase is about."""
        if "of" in words[1:-1]:
            at = words.index("of", 1)
            if words[at - 1] in _table()["measures"]:
                return self.resolve(" ".join(words[at + 1 :]))
            words = words[:at]
        for at, word in enumerate(words[1:], 1):
            if word in _table()["head_ends"]:
                words = words[:at]
                break
        if (kind := self._kind_before(words)).classes:
            return kind
        for start in range(len(words)):
            phrase = " ".join(words[start:])
            if self._is_blocked(phrase):
                return UNKNOWN
            if (found := self._look_up(phrase)) is not None:
                return found if found.relation == "wider" else Resolution(found.classes, "narrower")
        return UNKNOWN

    def _kind_before(self, words: list[str]) -> Resolution:
        """Of `food items` and `dog objects` what stands before the word for anything."""
        table = _table()
        *kind, last = words
        anything = any(form in table["everything"] for form in singular_forms(last))
        if not kind or not anything or kind[-1] in table["colours_and_materials"]:
            return UNKNOWN
        return self.resolve(" ".join(kind))
