"""Wordings of the questions: a small grammar of its own, apart from the one that reads them."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

_RANKS = ("first", "second", "third", "fourth", "fifth", "sixth")
_SHORT = ("1st", "2nd", "3rd", "4th", "5th", "6th")
_PLURALS = {"person": "people", "mouse": "mice", "knife": "knives", "sheep": "sheep",
            "skis": "skis", "scissors": "scissors", "broccoli": "broccoli"}  # fmt: skip
_EVERYDAY = {"couch": ("sofa", "couch"), "tv": ("television", "TV"), "airplane": ("plane",
             "airplane"), "cell phone": ("mobile phone", "cell phone"), "motorcycle": ("motorbike",
             "motorcycle"), "bicycle": ("bike", "bicycle"), "potted plant": ("potted plant",
             "plant"), "donut": ("doughnut", "donut"), "refrigerator": ("fridge", "refrigerator"),
             "dining table": ("table", "dining table")}  # fmt: skip

GRAMMAR: Mapping[str, Sequence[str]] = json.loads(
    Path(__file__).with_name("phrasing.json").read_text("utf-8")
)
"""Wordings by rule: `<rule>` stands for one of another rule's, `{slot}` for a filled-in word."""


def phrase(
    rng: random.Random,
    rule: str,
    slots: Mapping[str, str],
    grammar: Mapping[str, Sequence[str]] = GRAMMAR,
) -> str:
    """A wording of a rule with its slots filled; a capitalised slot starts with a capital."""
    text = rng.choice(grammar[rule])
    while found := re.search(r"<(\w+)>", text):
        name = found.group(1)
        chosen = rng.choice(grammar[name.lower()])
        if name[0].isupper():
            chosen = capital(chosen)
        text = text[: found.start()] + chosen + text[found.end() :]
    while found := re.search(r"\{(\w+)\}", text):
        name = found.group(1)
        value = slots[name] if name in slots else capital(slots[name.lower()])
        text = text[: found.start()] + value + text[found.end() :]
    text = re.sub(r"\s+([.,;:?!])", r"\1", " ".join(text.split()))
    return capital(text)


def capital(text: str) -> str:
    """With its first letter as a capital."""
    return text[:1].upper() + text[1:]


def every_day(label: str) -> tuple[str, ...]:
    """The words that people use for a class."""
    return _EVERYDAY.get(label, (label,))


def everyday(rng: random.Random, label: str) -> str:
    """One of them."""
    return rng.choice(every_day(label))


def plural(word: str) -> str:
    """The plural of a class name or everyday word."""
    start, _, last = word.rpartition(" ")
    if last in _PLURALS:
        last = _PLURALS[last]
    elif last.endswith(("s", "x", "ch", "sh")):
        last += "es"
    elif last.endswith("y") and last[-2:-1] not in "aeiou":
        last = last[:-1] + "ies"
    else:
        last += "s"
    return f"{start} {last}".strip()


def article(word: str) -> str:
    """`a dog`, `an umbrella`; words that are plural by nature take `some`."""
    if word in ("skis", "scissors", "broccoli", "sheep"):
        return f"some {word}"
    return f"an {word}" if word[0].lower() in "aeiou" else f"a {word}"


def nth(rng: random.Random, rank: int) -> str:
    """`second` or `2nd` for 2."""
    return rng.choice((_RANKS, _SHORT))[rank - 1]


def picture_name(rng: random.Random, index: int, count: int) -> str:
    """A way to name one of several pictures."""
    noun = rng.choice(GRAMMAR["pic"])
    forms = [f"{noun} {index}", f"the {nth(rng, index)} {noun}", f"{noun} #{index}",
             f"{noun} number {index}", f"the {nth(rng, index)} {noun}"]  # fmt: skip
    if index == count:
        forms.append(f"the last {noun}")
    return rng.choice(forms)


def in_picture(rng: random.Random, index: int, count: int) -> str:
    """`in image 2`, `within the second photo`."""
    return f"{rng.choice(('in', 'in', 'in', 'within', 'of'))} {picture_name(rng, index, count)}"
