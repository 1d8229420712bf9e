"""Short grounded traces from annotation: what is where, the comparison, the conclusion.

A trace is written only for drafts where thinking helps. It names boxes in the same relative
integers as the questions, so that what is thought and what is answered agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ....tools.boxes import Box
from ..builders.base import Draft, relative
from ..language.words import NUMBERS, join_words, plural, with_article
from ..record import Instance
from ..relations import relations
from ..shots import Shot

_MOST_BOXES = 6
"""Boxes named per picture; beyond that the number says it."""


def _amount(number: int, label: str) -> str:
    """`no dogs`, `one dog`, `three dogs`."""
    word = NUMBERS[number] if number < len(NUMBERS) else str(number)
    return f"{word} {label if number == 1 else plural(label)}"


def _located(objects: Sequence[Instance], shot: Shot) -> str:
    """` at [..], [..]`."""
    places = [relative(o.box, shot.size) for o in objects]
    return f" at {_listed(places)}" if places else ""


def _listed(texts: Sequence[str]) -> str:
    """The first few of them, and that there are more."""
    return ", ".join(texts[:_MOST_BOXES]) + (" and more" if len(texts) > _MOST_BOXES else "")


def _amounts(shots: Sequence[Shot], label: str, boxes: bool = True) -> list[str]:
    """One sentence a picture: how many of a label are there, and where."""
    lines: list[str] = []
    for k, shot in enumerate(shots, 1):
        found = shot.record.of(label)
        where = _located(found, shot) if boxes else ""
        lines.append(f"Image {k}: {_amount(len(found), label)}{where}.")
    return lines


def _contents(shots: Sequence[Shot]) -> list[str]:
    """One sentence a picture: the kinds of things in it, all of them (a comparison rests on it)."""
    lines: list[str] = []
    for k, shot in enumerate(shots, 1):
        labels = sorted(shot.record.labels)
        things = join_words([with_article(label) for label in labels]) or "nothing of note"
        lines.append(f"Image {k}: {things}.")
    return lines


def conclusion_of(draft: Draft) -> str:
    """The conclusion: the boxes picture by picture."""
    if not draft.answer:
        return "So nothing fits."
    parts: list[str] = []
    for k, shot in enumerate(draft.shots, 1):
        boxes = [relative(Box(*b.box), shot.size) for b in draft.answer if b.image == k]
        if boxes:
            parts.append(f"image {k}: {_listed(boxes)}")
    return f"So the answer is in {'; '.join(parts)}."


def _count(draft: Draft) -> list[str]:
    label, by = draft.meaning["label"], draft.meaning["by"]
    numbers = [len(s.record.of(label)) for s in draft.shots]
    lines = _amounts(draft.shots, label)
    if by == "total":
        return [*lines, f"{' + '.join(map(str, numbers))} = {sum(numbers)}."]
    wanted = {"most": max(numbers), "fewest": min(numbers)}.get(by, draft.meaning.get("number"))
    image = numbers.index(int(wanted)) + 1 if wanted in numbers else 0
    word = f"exactly {wanted}" if by == "exactly" else f"the {by}, {wanted}"
    return [*lines, f"Image {image} has {word}."]


def _more(draft: Draft) -> list[str]:
    first, second = draft.meaning["label"], draft.meaning["than"]
    return [
        f"Image {k}: {_amount(len(s.record.of(first)), first)}, "
        f"{_amount(len(s.record.of(second)), second)}."
        for k, s in enumerate(draft.shots, 1)
    ]


def _without(draft: Draft) -> list[str]:
    label, lacking = draft.meaning["label"], draft.meaning["lacking"]
    return [
        f"Image {k}: {_amount(len(s.record.of(label)), label)}, "
        f"{_amount(len(s.record.of(lacking)), lacking)}."
        for k, s in enumerate(draft.shots, 1)
    ]


def _decisive(objects: Sequence[Instance], rank: Callable[[Instance], float]) -> list[Instance]:
    """Objects in their order; where not all can be told, those that decide come first."""
    return sorted(objects, key=rank) if len(objects) > _MOST_BOXES else list(objects)


def _colour(draft: Draft) -> list[str]:
    label, lines = draft.meaning["label"], list[str]()
    for k, shot in enumerate(draft.shots, 1):
        found = [
            f"{o.colour or 'of another colour'} at {relative(o.box, shot.size)}"
            for o in _decisive(shot.record.of(label), lambda o: o.colour != draft.meaning["colour"])
        ]
        things = f"{plural(label)}: {_listed(found)}" if found else f"no {plural(label)}"
        lines.append(f"Image {k}: {things}.")
    return lines


def _share(draft: Draft) -> list[str]:
    label, lines = draft.meaning["label"], list[str]()
    sign = -1.0 if draft.meaning["by"] == "largest" else 1.0
    for k, shot in enumerate(draft.shots, 1):
        area = shot.record.width * shot.record.height
        found = [
            f"{relative(o.box, shot.size)} fills {100 * o.box.area / area:.1f}%"
            for o in _decisive(shot.record.of(label), lambda o: sign * o.box.area)
        ]
        lines.append(f"Image {k}: {label} {_listed(found)}.")
    return lines


def _beside(draft: Draft) -> list[str]:
    meaning = draft.meaning
    shot = draft.shots[meaning["image"] - 1]
    anchor = _located(shot.record.of(meaning["anchor"]), shot)
    objects = shot.record.of(meaning["label"])
    return [
        f"In image {meaning['image']} the {meaning['anchor']} is{anchor}.",
        f"There: {_amount(len(objects), meaning['label'])}{_located(objects, shot)}.",
    ]


def _common(draft: Draft) -> list[str]:
    labels = frozenset.intersection(*(s.record.labels for s in draft.shots))
    shared = join_words([with_article(label) for label in sorted(labels)])
    return [*_contents(draft.shots), f"All of them show {shared}."]


def _pointed(draft: Draft) -> list[str]:
    """What the pointer marks, and what is looked for."""
    prompt = draft.prompts[0]
    shot = draft.shots[prompt.image - 1]
    box = Box(*prompt.box)
    marked = max(shot.record.objects, key=lambda o: o.box.iou(box), default=None)
    if marked is None:
        return []
    lines = [f"The marked object in image {prompt.image} is {with_article(marked.label)}."]
    if draft.meaning["op"] == "relation":
        lines += _related(draft, marked.label)
    return lines


def _related(draft: Draft, label: str) -> list[str]:
    """Why the answer stands in the relation that is asked for."""
    found = sorted({b.label for b in draft.answer})
    if not found:
        return []
    things, verb = join_words([with_article(f) for f in found]), "is" if len(found) == 1 else "are"
    relation = draft.meaning["relation"]
    if relation == "companion":
        return [f"It is used together with {things}."]
    if relation == "whole":
        return [f"It is part of, or comes from, {things}."]
    uses = [u for u in relations().uses_of(label) if set(found) & relations().uses[u]]
    return [f"It is there {join_words(uses)}, as {things} {verb}."]


def _changed(draft: Draft) -> list[str]:
    """The change in words, from the two annotations."""
    first, second = (s.record for s in draft.shots)
    lines = _contents(draft.shots)
    gone = sorted(first.labels - second.labels - second.unsure)
    new = sorted(second.labels - first.labels - first.unsure)
    if draft.meaning.get("moved"):
        return [*lines, f"The {draft.answer[0].label} lies in another place."]
    if gone:
        lines.append(f"Only in image 1: {join_words([with_article(g) for g in gone])}.")
    if new:
        lines.append(f"Only in image 2: {join_words([with_article(n) for n in new])}.")
    changed = sorted({b.label for b in draft.answer} - set(gone) - set(new))
    if changed:
        lines.append(f"Changed: {join_words([with_article(c) for c in changed])}.")
    return lines


_WRITERS = {
    "count": _count, "more": _more, "without": _without, "colour": _colour, "share": _share,
    "beside": _beside, "common": _common, "same-class": _pointed, "same-instance": _pointed,
    "relation": _pointed, "changed": _changed,
}  # fmt: skip


def trace_of(draft: Draft) -> str | None:
    """A trace for a draft, or None where direct is enough."""
    writer = _WRITERS.get(draft.meaning["op"])
    if not draft.thinks or writer is None:
        return None
    return " ".join([*writer(draft), conclusion_of(draft)])
