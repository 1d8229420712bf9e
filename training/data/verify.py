"""Brute force: does a question have exactly the stated answers?

A path of its own, apart from the builders: it reads `samples.jsonl` and `pictures.jsonl` (not the
builders' drafts), goes through every annotated object of every picture of a sample, decides for
each whether it answers, and compares. It also looks whether the question's words say what the
meaning says. A finding names a missing box, another valid box, a picture whose annotation does
not settle the question, or words that do not fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...tools.boxes import Box
from .folder import RecordIndex
from .record import Record
from .sample import Sample
from .verify_rules import RULES
from .verify_scene import Place, Scene, Unsettled
from .verify_words import word_findings

EXACT = 0.02
"""Pixels by which a stated and an enumerated coordinate may differ (both are rounded to .01)."""

WARPED = 2.5
"""Pixels by which a side may leave its bounds where a camera's map gives only bounds (an outline
and its box differ by up to 1.5, seen up to 1.25 times as large, and masks are whole pixels)."""


UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, ZeroDivisionError)
"""What a meaning of another form than its kind has leads to: a finding, not the check's end."""


@dataclass(slots=True)
class Verification:
    """What a brute-force check found.

    Attributes:
        checked: samples per task. findings: (sample id, what is wrong).
        given: samples taken over from elsewhere, whose meaning is not known.
    """

    checked: dict[str, int] = field(default_factory=dict[str, int])
    findings: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    given: int = 0

    def add(self, sample: Sample, found: Sequence[str]) -> None:
        """Count one sample."""
        self.checked[sample.task] = self.checked.get(sample.task, 0) + 1
        self.findings += [(sample.id, text) for text in found]


def scene_of(sample: Sample, index: RecordIndex) -> Scene | None:
    """The annotations of a sample's pictures; None where some picture has none."""
    records: list[Record] = []
    notes: list[Mapping[str, Any]] = []
    for ref in sample.images:
        if ref.key not in index:
            return None
        record, note = index.get(ref.key)
        records.append(record)
        notes.append(note)
    return Scene(sample, tuple(records), tuple(notes))


def verify_sample(sample: Sample, scene: Scene) -> list[str]:
    """Everything that is wrong with one sample; empty for a right one."""
    op = sample.meaning.get("op")
    rule = RULES.get(op) if isinstance(op, str) else None
    if rule is None:
        return [f"unknown meaning {op!r}"]
    try:
        places = rule(scene)
        said = word_findings(sample)
    except Unsettled as reason:
        return [str(reason)]
    except UNREADABLE as error:
        return [f"the meaning can't be read: {type(error).__name__}"]
    return [*_compare(sample, places), *_count_findings(sample, scene), *said]


def _count_findings(sample: Sample, scene: Scene) -> list[str]:
    """A number in the answer's text must be the number of boxes that it counts."""
    if sample.text is None:
        return []
    number = str(len(sample.answer))
    return [] if sample.text == number else [f"the text says {sample.text}, there are {number}"]


def _same(place: Place, image: int, box: Box) -> bool:
    if place.image != image:
        return False
    if place.least is not None:
        return _between(box, place.box, place.least)
    return _close(place.box, box, EXACT)


def _close(a: Box, b: Box, slack: float) -> bool:
    return all(abs(p - q) <= slack for p, q in zip(a, b, strict=True))


def _between(box: Box, most: Box, least: tuple[float, float, float, float]) -> bool:
    """True where every side lies between its two bounds."""
    return all(
        min(a, b) - WARPED <= side <= max(a, b) + WARPED
        for side, a, b in zip(box, most, least, strict=True)
    )


def _compare(sample: Sample, places: Sequence[Place]) -> list[str]:
    """Stated against enumerated boxes, one to one."""
    left = list(places)
    findings: list[str] = []
    for stated in sample.answer:
        box = Box(*stated.box)
        match = next((p for p in left if _same(p, stated.image, box)), None)
        if match is None:
            findings.append(f"box {list(stated.box)} in image {stated.image} is no valid answer")
        else:
            left.remove(match)
    for place in left:
        where = f"{place.box.rounded()} in image {place.image}"
        findings.append(f"another valid box, {where}, is missing")
    return findings
