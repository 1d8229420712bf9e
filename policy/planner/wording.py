"""Saying in English what was understood and found."""

from __future__ import annotations

from collections.abc import Sequence

from .choosing import Found
from .question import Condition, Phrase, Question, Relation, Selection

_KEYS = {
    "left": "leftmost", "right": "rightmost", "top": "topmost", "bottom": "bottommost",
    "center": "most central", "top-left": "nearest the top left", "top-right":
    "nearest the top right", "bottom-left": "nearest the bottom left", "bottom-right":
    "nearest the bottom right",
}  # fmt: skip
_FROM = {"left": "from the left", "right": "from the right", "top": "from the top",
         "bottom": "from the bottom"}  # fmt: skip
_CONDITIONS = {"shows": "with", "lacks": "without", "most": "with the most",
               "fewest": "with the fewest"}  # fmt: skip
_RANKS = {1: "1st", 2: "2nd", 3: "3rd"}


def images(indexes: Sequence[int]) -> str:
    """`image 2`, `images 1 and 3`."""
    if len(indexes) == 1:
        return f"image {indexes[0]}"
    return f"images {', '.join(map(str, indexes[:-1]))} and {indexes[-1]}"


def selection(chosen: Selection) -> str:
    """`leftmost`, `3rd from the left`, `on the left`."""
    if chosen.rank == -1:
        rank = "last"
    else:
        rank = _RANKS.get(chosen.rank, f"{chosen.rank}th")
    if chosen.rank not in (0, 1):
        return f"{rank} {_FROM.get(chosen.key, _KEYS.get(chosen.key, chosen.key))}"
    word = _KEYS.get(chosen.key, chosen.key)
    return f"{word} side" if chosen.side and chosen.key in _FROM else word


def phrase(meant: Phrase) -> str:
    """`dog (leftmost) next to sofa`."""
    words = meant.noun if not meant.generic else "object of any kind"
    if meant.quantity:
        words = f"{meant.quantity} {words}"
    if meant.selections:
        words += f" ({', '.join(map(selection, meant.selections))})"
    for bound in meant.relations:
        words += f" {relation(bound)}"
    return words


def relation(bound: Relation) -> str:
    """`next to sofa`, `without hat`."""
    tie = " and " if bound.kind == "between" else " or "
    marks = tie.join(phrase(mark) for mark in bound.landmarks)
    if bound.negated:
        return f"without {marks}" if bound.kind == "with" else f"not {bound.kind} {marks}"
    return f"{bound.kind} {marks}"


def condition(meant: Condition) -> str:
    """`with dog`, `without dog`, `with at least 2 dogs`."""
    if meant.other is not None:
        tie = "as" if meant.kind == "as many" else "than"
        return f"with {meant.kind} {phrase(meant.phrase)} {tie} {phrase(meant.other)}"
    counted = f"with {meant.kind} {meant.number}"
    return f"{_CONDITIONS.get(meant.kind, counted)} {phrase(meant.phrase)}"


def told(meant: Condition, passing: Sequence[int]) -> str:
    """In words: `The most (dog): image 2.`; `With at least 2 dogs: none.`."""
    extreme = meant.kind in ("most", "fewest")
    said = f"the {meant.kind} ({phrase(meant.phrase)})" if extreme else condition(meant)
    return f"{said.capitalize()}: {images(passing) if passing else 'none'}."


def understood(question: Question) -> str:
    """One line on what the question was taken to mean."""
    where = images(question.images)
    if question.task == "common":
        kind = question.targets[0].phrase.noun if question.targets else "object"
        return f"the kind of {kind} that all images share, boxes in {where}"
    if question.task == "only":
        kind = question.targets[0].phrase.noun if question.targets else "object"
        return f"the kinds of {kind} {_shown(question)}, boxes in {where}"
    if question.task == "difference" and question.against:
        shown = [i for i in question.images if i not in question.against]
        return f"what {images(shown)} shows and {images(question.against)} does not"
    if question.task == "difference":
        first, second = question.images
        place = {"first": f"image {first}", "second": f"image {second}", "both": "both"}
        return (
            f"what changed between images {first} and {second}, boxes in {place[question.report]}"
        )
    if question.task == "region":
        source = question.source.image if question.source else None
        crop = f"image {source}" if source else "the close-up"
        return f"where {crop} was cut from, in {where}"
    if question.task == "counterpart" and question.source is not None:
        what = phrase(question.source.phrase) if question.source.phrase else "the object"
        thing = f"{what} of image {question.source.image}"
        if question.source.use:
            return f"what serves the same purpose as {thing}, in {where}"
        return f"{thing}, found again in {where}"
    together = "" if question.per_image else ", taken together"
    parts = [f"{phrase(t.phrase)} in {images(t.images)}{together}" for t in question.targets]
    for meant in question.conditions:
        parts.append(f"only images {condition(meant)}")
    parts += [f"not {phrase(p)}" for p in question.excluded]
    parts += [f"and said which images are {condition(meant)}" for meant in question.told]
    return "; ".join(parts)


def _shown(question: Question) -> str:
    if question.times is None:
        shows = "shows" if len(question.images) == 1 else "show"
        return f"that {images(question.images)} {shows} and not {images(question.against)}"
    least, most = question.times
    said = f"{least}" if least == most else f"{least} to {most}"
    return f"that {said} of the images show"


def tally(found: Sequence[Found], looked: Sequence[int]) -> str:
    """`image 1: b1, b3; image 2: none`."""
    parts: list[str] = []
    for image in looked:
        ids = [f.id for f in found if f.box.image == image]
        parts.append(
            f"image {image}: {len(ids)} ({', '.join(ids)})" if ids else f"image {image}: 0"
        )
    return "; ".join(parts)
