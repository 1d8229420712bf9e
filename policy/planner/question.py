"""What the planner understood: the meaning of a question as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...tools.boxes import Box

Task = Literal["find", "common", "only", "region", "difference", "counterpart"]
"""find: boxes of named things, or a count; common: the kind of thing that all pictures show;
only: kinds of things that so many pictures show, or some show and others do not;
region: the place that a close-up was cut from; difference: what changed between two pictures;
counterpart: the thing shown or boxed in one picture, found in others."""

Key = Literal[
    "left", "right", "top", "bottom", "center",
    "largest", "smallest", "tallest", "shortest", "widest", "narrowest",
    "top-left", "top-right", "bottom-left", "bottom-right",
]  # fmt: skip

BY_SIZE = frozenset({"largest", "smallest", "tallest", "shortest", "widest", "narrowest"})
"""Keys that compare things of different pictures as well as of one."""

RelationKind = Literal[
    "left of", "right of", "above", "below", "on", "in", "next to", "nearest to", "farthest from",
    "behind", "in front of", "between", "with", "held by", "bearing", "containing",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Selection:
    """One of several by place or size.

    Attributes:
        key: what is ordered by, the wanted end first.
        rank: 1 is the first; -1 the last.
        side: the words named a side of the picture rather than an extreme (`on the left`); of
            several things all on that side are meant, of one the outermost.
    """

    key: Key
    rank: int = 1
    side: bool = False


@dataclass(frozen=True, slots=True)
class Phrase:
    """A noun phrase.

    Attributes:
        noun: what to look for, singular or plural as written, without its modifiers.
        modifiers: words before the noun that the planner can't check (colours, materials).
        generic: the noun only says "object"; anything counts.
        plural: the noun is plural, or a quantifier speaks of several.
        quantity: a number of things, where one was named (`the two dogs`).
        definite: introduced by `the` or the like, so that one particular thing is meant.
        selections, relations: which ones of them.
    """

    noun: str
    modifiers: tuple[str, ...] = ()
    generic: bool = False
    plural: bool = False
    quantity: int | None = None
    definite: bool = False
    selections: tuple[Selection, ...] = ()
    relations: tuple[Relation, ...] = ()


@dataclass(frozen=True, slots=True)
class Relation:
    """How a thing lies to others."""

    kind: RelationKind
    landmarks: tuple[Phrase, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """What to find, and in which pictures (1-based, in order)."""

    phrase: Phrase
    images: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """Only pictures that show (or do not show) something, so many, the most or the fewest of it.

    Attributes:
        kind: what is asked of a picture.
        phrase: of what.
        number: of `exactly`, `at least` and `at most`, how many.
        other: of `more`, `fewer` and `as many`, what the phrase is compared with.
    """

    kind: Literal[
        "shows", "lacks", "most", "fewest", "exactly", "at least", "at most", "more", "fewer",
        "as many",
    ]  # fmt: skip
    phrase: Phrase
    number: int = 0
    other: Phrase | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where the thing to be found again is shown.

    Attributes:
        image: 1-based picture; None where the question does not say which picture it is.
        box: as written in the question, or None for the whole picture.
        pixels: the box is in pixels; otherwise relative to 1000 (or to 1 where all are below 1).
        drawn: the question speaks of a drawn mark without giving its coordinates.
        phrase: a name for the thing, where one was given.
        use: not the thing itself is sought, but whatever serves the same purpose.
    """

    image: int | None
    box: Box | None = None
    pixels: bool = False
    drawn: bool = False
    phrase: Phrase | None = None
    use: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A question, understood.

    Attributes:
        task: what is asked for.
        images: the pictures in which boxes are wanted (of a difference: the two compared).
        targets: of `find`; of `common` and `only`, the kind that the thing is said to be, if any.
        per_image: a selection holds in each picture by itself rather than over all of them.
        conditions: of `find`, which pictures count.
        excluded: of `find`, phrases taken out again (`everything except people`).
        every: all targets must be in a picture for it to count (`which picture has X and Y`).
        ask: what the words of the answer must say beside the boxes.
        source: of `region` and `counterpart`.
        report: of `difference`, which of the two pictures boxes are wanted in.
        single: one box is expected where the question is about a change or a place.
        notes: what was read but can't be used, one clause each.
        against: of `only`, the pictures that must not show a kind. Of a difference, the one that
            lacks what the other shows, where things were asked for and not what changed.
        times: of `only`, least and most of the pictures that show a kind.
        told: of `find`, what is only to be said of the pictures: boxes are wanted in all of them.
        among: of `common`, the pictures that share it, where boxes are wanted in some of them only.
    """

    task: Task
    images: tuple[int, ...]
    targets: tuple[Target, ...] = ()
    per_image: bool = True
    conditions: tuple[Condition, ...] = ()
    excluded: tuple[Phrase, ...] = ()
    every: bool = False
    ask: Literal["boxes", "which", "count", "presence"] = "boxes"
    source: Source | None = None
    report: Literal["first", "second", "both"] = "second"
    single: bool = False
    notes: tuple[str, ...] = ()
    against: tuple[int, ...] = ()
    times: tuple[int, int] | None = None
    among: tuple[int, ...] = ()
    told: tuple[Condition, ...] = ()
