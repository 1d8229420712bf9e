"""Many phrasings from a small grammar, and the words by which pictures are referred to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from random import Random

from ..scenes.vocabulary import load_yaml
from .words import NUMBERS, ORDINALS, ordinal_digits, plural, with_article

_CHOICE = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")
_RULE = re.compile(r"\$([a-z0-9-]+)")
_START = re.compile(r"([.?!] )([a-z])")
_SLOT = re.compile(r"\{([A-Za-z0-9_]+)\}")
_MARK = re.compile(r"<picture (\d+) of (\d+)>")
_REQUEST = re.compile(
    r"((?:^|(?<=[.?!] ))(?:Could|Can|Would) you\b(?:(?![.?!](?: |$)).)*)\.(?= |$)"
)

NOUNS = ("image", "picture", "photo")
"""What a picture is called; one word throughout a question, as people do."""


class Grammar:
    """Expands rules of `grammar.yaml`; the same random source gives the same words."""

    def __init__(self) -> None:
        raw = load_yaml("gemvg.training.data.language", "grammar.yaml")
        self._rules: dict[str, list[str]] = {name: list(texts) for name, texts in raw.items()}

    @property
    def rules(self) -> Mapping[str, list[str]]:
        """The rules as they stand in the file."""
        return self._rules

    def phrase(self, rng: Random, rule: str, slots: Mapping[str, str]) -> str:
        """One phrasing of a rule with its slots filled: whole sentences.

        A slot whose name starts with a capital is filled with the same words capitalised. The
        marks of pictures (`image_mark`) become words, all in one manner.
        """
        text = self.part(rng, rule, slots)
        noun, wording = rng.choice(NOUNS), Wording(rng)
        text = text.replace("<noun>", noun)
        text = _MARK.sub(lambda m: wording.words(noun, int(m[1]), int(m[2])), text)
        return _REQUEST.sub(r"\1?", _sentences(text))

    def part(self, rng: Random, rule: str, slots: Mapping[str, str]) -> str:
        """A phrasing that goes into another's slot: pictures stay marks, nothing is capitalised."""
        text = self._expand(rng, rng.choice(self._rules[rule]))
        # Several mentions of a slot would read oddly in different words, so each is filled once.
        text = _SLOT.sub(lambda match: _fill(match[1], slots), text)
        return " ".join(text.split())

    def _expand(self, rng: Random, text: str) -> str:
        for _ in range(20):
            text = _CHOICE.sub(lambda match: rng.choice(match[1].split("|")), text)
            grown = _RULE.sub(lambda match: rng.choice(self._rules[match[1]]), text)
            if grown == text:
                return text
            text = grown
        raise ValueError("a rule of the grammar leads back to itself")


class Wording:
    """The manner in which one question refers to pictures: by number, ordinal or digits."""

    def __init__(self, rng: Random) -> None:
        self._style = rng.choice(("number", "word", "digits"))
        # "Image 1 and the last image" would be two manners in one sentence.
        self._last = self._style != "number" and rng.random() < 0.5

    def words(self, noun: str, index: int, total: int) -> str:
        """`image 2`, `the second image`, `the 2nd image`, or `the last image`."""
        if self._last and index == total > 1:
            return f"the last {noun}"
        if self._style == "digits":
            return f"the {ordinal_digits(index)} {noun}"
        if self._style == "word" and index <= len(ORDINALS):
            return f"the {ORDINALS[index - 1]} {noun}"
        return f"{noun} {index}"


def _fill(name: str, slots: Mapping[str, str]) -> str:
    return slots[name] if name in slots else _capital(slots[name[0].lower() + name[1:]])


def _sentences(text: str) -> str:
    """Every sentence starts with a capital."""
    return _START.sub(lambda match: match[1] + match[2].upper(), _capital(text))


def _capital(text: str) -> str:
    """First letter upper case; `find` and `Find` are the same word."""
    return text[:1].upper() + text[1:]


@lru_cache(maxsize=1)
def grammar() -> Grammar:
    """The grammar that comes with the package."""
    return Grammar()


def image_mark(index: int, total: int) -> str:
    """A reference to a picture (1-based) that `Grammar.phrase` will put into words."""
    return f"<picture {index} of {total}>"


def label_slots(label: str, suffix: str = "") -> dict[str, str]:
    """The slots that a label fills: itself, its plural, itself with an article."""
    return {
        f"label{suffix}": label,
        f"labels{suffix}": plural(label),
        f"a_label{suffix}": with_article(label),
    }


def number_word(rng: Random, number: int) -> str:
    """`three` or `3`."""
    return NUMBERS[number] if number < len(NUMBERS) and rng.random() < 0.7 else str(number)
