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
        """One phrasing of a rule with its slots filled.

        A slot whose name starts with a capital is filled with the same words capitalised.
        """
        text = self._expand(rng, rng.choice(self._rules[rule]))
        # Several mentions of a slot would read oddly in different words, so each is filled once.
        text = _SLOT.sub(lambda match: _fill(match[1], slots), text)
        return _sentences(" ".join(text.split()))

    def _expand(self, rng: Random, text: str) -> str:
        for _ in range(20):
            text = _CHOICE.sub(lambda match: rng.choice(match[1].split("|")), text)
            grown = _RULE.sub(lambda match: rng.choice(self._rules[match[1]]), text)
            if grown == text:
                return text
            text = grown
        raise ValueError("a rule of the grammar leads back to itself")


def _fill(name: str, slots: Mapping[str, str]) -> str:
    if name in slots:
        return slots[name]
    return _capital(slots[name[0].lower() + name[1:]])


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


def image_words(rng: Random, index: int, total: int) -> str:
    """A reference to a picture: `the second image`, `image 2`, `the 2nd photo`, `the last ...`."""
    noun = rng.choice(("image", "picture", "photo"))
    forms = [
        f"{noun} {index}",
        f"the {ORDINALS[index - 1]} {noun}" if index <= 10 else f"{noun} {index}",
    ]
    forms.append(f"the {ordinal_digits(index)} {noun}")
    if index == total and total > 1:
        forms += [f"the last {noun}", f"the last {noun}"]
    return rng.choice(forms)


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
