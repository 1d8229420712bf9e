"""Do the words of a question say what its meaning says? Labels, numbers, sides, pictures."""

from __future__ import annotations

import re
from typing import Any

from .language.words import NUMBERS, ORDINALS, plural
from .sample import Sample

_SIDES = {
    "left": ("left", "leftmost"), "right": ("right", "rightmost"),
    "top": ("topmost", "highest", "above", "top"),
    "bottom": ("bottommost", "lowest", "below", "bottom"),
    "large": ("largest", "biggest"), "small": ("smallest",),
}  # fmt: skip

_IMAGE = re.compile(
    r"\b(?:(?:image|picture|photo) (\d+)|the (\d+)(?:st|nd|rd|th) (?:image|picture|photo)"
    rf"|the (last|{'|'.join(ORDINALS)}) (?:image|picture|photo))\b",
    re.IGNORECASE,
)


def images_named(question: str, total: int) -> set[int]:
    """1-based pictures that a question names, `the last image` included."""
    found: set[int] = set()
    for number, digits, word in _IMAGE.findall(question):
        if word:
            index = total if word.lower() == "last" else ORDINALS.index(word.lower()) + 1
        else:
            index = int(number or digits)
        found.add(index)
    return found


def without_images(question: str) -> str:
    """The question without its references to pictures (`the second image` is no `second dog`)."""
    return _IMAGE.sub(" ", question)


def _has(question: str, *forms: str) -> bool:
    low = question.lower()
    return any(re.search(rf"(?<!\w){re.escape(f.lower())}(?!\w)", low) for f in forms)


def word_findings(sample: Sample) -> list[str]:
    """What the question's words leave out or say otherwise."""
    meaning, question = sample.meaning, sample.question
    findings: list[str] = []
    for label in _labels(meaning):
        if not _has(question, label, plural(label)):
            findings.append(f"the question does not name {label}")
    side = meaning.get("key") or meaning.get("side")
    if side is not None and not _has(question, *_SIDES[side]):
        findings.append(f"the question does not say {side}")
    nth = meaning["nth"] if meaning["op"] == "rank" else 1
    if nth > 1 and not _has(question, ORDINALS[nth - 1]):
        findings.append("the question does not say which in order")
    number = meaning.get("number")
    if number is not None and not _has(question, NUMBERS[number], str(number)):
        findings.append(f"the question does not say {number}")
    for key in ("colour", "phrase"):
        if key in meaning and not _has(question, str(meaning[key])):
            findings.append(f"the question does not say its {key}")
    return findings + _image_findings(sample)


def _labels(meaning: dict[str, Any]) -> list[str]:
    named = [meaning[key] for key in ("label", "anchor", "than", "lacking") if key in meaning]
    return [*named, *meaning.get("labels", [])]


def _image_findings(sample: Sample) -> list[str]:
    """Every picture that the question names must be one that the sample has and means."""
    total, meaning = len(sample.images), sample.meaning
    named = images_named(sample.question, total)
    if any(k < 1 or k > total for k in named):
        return [f"the question names image {max(named)} of {total}"]
    wanted: set[int] = {p.image for p in sample.prompts if p.form != "picture"}
    if meaning["op"] == "rank" or meaning["op"] == "beside":
        wanted.add(meaning["image"])
    elif "except" in meaning:
        wanted.add(meaning["except"])
    elif meaning["op"] in ("all", "common", "same-class", "relation"):
        wanted |= set(meaning.get("images") or ())
    missing = wanted - named
    return [f"the question does not name image {min(missing)}"] if missing else []
