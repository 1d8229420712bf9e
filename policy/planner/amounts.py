"""How many of a thing: at least two, the most, more dogs than people."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ...tools.errors import QueryNotUnderstood
from .lexicon import PARTICIPLES, PREPOSITIONS
from .nouns import Noun
from .question import Condition
from .stream import Chunk, Item, Stream

AmountKind = Literal["exactly", "at least", "at most", "most", "fewest", "as many"]

_BOUNDS: dict[str, tuple[AmountKind, int]] = {
    "at least": ("at least", 0), "no fewer than": ("at least", 0), "no less than": ("at least", 0),
    "not fewer than": ("at least", 0), "not less than": ("at least", 0),
    "a minimum of": ("at least", 0), "more than": ("at least", 1), "over": ("at least", 1),
    "at most": ("at most", 0), "no more than": ("at most", 0), "not more than": ("at most", 0),
    "up to": ("at most", 0), "a maximum of": ("at most", 0),
    "fewer than": ("at most", -1), "less than": ("at most", -1),
    "exactly": ("exactly", 0), "only": ("exactly", 0), "just": ("exactly", 0),
    "precisely": ("exactly", 0),
}  # fmt: skip
"""Words before a number: how it bounds the count, and what is added to it."""

_EXTREMES: dict[str, AmountKind] = {
    "most": "most", "more": "most", "greatest": "most", "largest": "most", "highest": "most",
    "biggest": "most", "fewest": "fewest", "fewer": "fewest", "less": "fewest", "least": "fewest",
    "smallest": "fewest", "lowest": "fewest", "same": "as many", "equal": "as many",
}  # fmt: skip
_EXTREME = "|".join(_EXTREMES)
_NUMBER = r"(?:NUM\d+|one|a single)"
_COMPARED: list[tuple[str, Literal["more", "fewer", "as many"]]] = [
    (r"more @np than (?:there (?:is|are) |it (?:has|shows) )?@np", "more"),
    (r"(?:fewer|less) @np than (?:there (?:is|are) |it (?:has|shows) )?@np", "fewer"),
    (r"@many @np (?:and|as) (?:there (?:is|are) )?@np", "as many"),
]


_UNREAD = re.compile(
    r"(?<! other)(?<! rather) than | as many | twice | (?:between )?NUM\d+ (?:and|or|to|-) @np "
    r"|(?<= @sel )NUM\d+ (?:and|or|&) "
)
_BINDING = (PREPOSITIONS | PARTICIPLES | {"has", "have", "having", "to"}) - {"as", "for", "and"}


@dataclass(frozen=True, slots=True)
class Amount:
    """Words before a noun phrase that say how many are meant.

    Attributes:
        kind: how the number bounds the count; most and fewest need none.
        step: what is added to the number.
        number: where it is no part of the noun phrase (`two or more dogs`).
    """

    kind: AmountKind
    step: int = 0
    number: int | None = None


def read_bounds(stream: Stream) -> None:
    """Replace what bounds a number by `many` chunks, before noun phrases take the numbers."""
    stream.rewrite(
        rf"({'|'.join(_BOUNDS)})(?= (?:the )?{_NUMBER} )", "many",
        lambda found, items: Amount(*_BOUNDS[found.group(1)]),
    )  # fmt: skip
    stream.rewrite(r"(?:NUM\d+|one) or (?:more|fewer|less)(?! of)", "many", _or_more)
    stream.rewrite(
        r"(?<!twice )(?:just |exactly )?as many(?! of)", "many",
        lambda found, items: Amount("as many"),
    )  # fmt: skip
    stream.rewrite(
        rf"(?:the |an? )?({_EXTREME}) number of", "many",
        lambda found, items: Amount(_EXTREMES[found.group(1)]),
    )  # fmt: skip


def read_comparisons(stream: Stream) -> None:
    """Join `more dogs than people` into one noun phrase, and mark `the most people`."""
    for pattern, kind in _COMPARED:
        stream.rewrite(pattern, "np", lambda found, items, kind=kind: _compared(kind, items))
    stream.rewrite(
        r"(?:the )?(most|more|fewest|fewer|less|least)(?= @np)", "many",
        lambda found, items: Amount(_EXTREMES[found.group(1)]),
    )  # fmt: skip


def _or_more(found: re.Match[str], items: list[Item]) -> Amount:
    words = found.group(0).split()
    number = 1 if words[0] == "one" else int(words[0].removeprefix("NUM"))
    return Amount("at least" if words[-1] == "more" else "at most", 0, number)


def _compared(kind: Literal["more", "fewer", "as many"], items: list[Item]) -> Noun | None:
    nouns = [i.meaning for i in items if isinstance(i, Chunk) and isinstance(i.meaning, Noun)]
    amount = items[0].meaning if isinstance(items[0], Chunk) else None
    if isinstance(amount, Amount) and amount.kind != "as many":
        return None
    return replace(nouns[0], compared=(kind, replace(nouns[1].phrase, plural=True)))


def condition(noun: Noun, amount: Amount | None) -> Condition | None:
    """What the words before a noun phrase ask of a picture's count; None where they ask nothing."""
    phrase = replace(noun.phrase, quantity=None, plural=True)
    if noun.compared is not None:
        kind, other = noun.compared
        return Condition(kind, phrase, other=other)
    number = noun.number if amount is None or amount.number is None else amount.number
    if amount is not None and amount.kind in ("most", "fewest"):
        return Condition(amount.kind, phrase)
    if number is None or (amount is not None and amount.kind == "as many"):
        return None
    if amount is None and number == 1:
        # `Which pictures show one dog?` asks for a dog, as `a dog` does.
        return None
    return Condition(amount.kind if amount else "exactly", phrase, number + _step(amount))


def _step(amount: Amount | None) -> int:
    return amount.step if amount else 0


def as_target(noun: Noun, amount: Amount | None) -> Noun:
    """A thing that is itself to be found: `at least two dogs` are all of them.

    Raises:
        QueryNotUnderstood: it is compared, and no picture is asked for.
    """
    if noun.compared is not None or (amount and amount.kind in ("most", "fewest", "as many")):
        raise QueryNotUnderstood(
            "The planner compares how many there are only between pictures.",
            "Ask as in: which picture has more dogs than people; how many dogs are in image 2.",
        )
    if amount is None:
        return noun
    if amount.kind == "at least":
        return replace(noun, phrase=replace(noun.phrase, quantity=None, plural=True))
    number = amount.number if amount.number is not None else noun.number
    if number is None:
        return noun
    return replace(noun, phrase=replace(noun.phrase, quantity=max(0, number + amount.step)))


def require_no_relation(before: Sequence[str]) -> None:
    """Refuse a number of landmarks: `people with at least two umbrellas`.

    Args:
        before: the words before the amount.

    Raises:
        QueryNotUnderstood: the last of them binds what follows to a thing named before.
    """
    if before and before[-1] in _BINDING:
        raise QueryNotUnderstood(
            "The planner counts things in pictures, not how many of them another thing has.",
            "Leave the number out, as in: people with umbrellas.",
        )


def require_no_comparison(words: Sequence[str]) -> None:
    """Refuse what is left of a comparison or a range that no rule read.

    Raises:
        QueryNotUnderstood: `than`, `twice` or `between 2 and 4` stands there still.
    """
    text = f" {' '.join(words)} "
    left = _UNREAD.search(text)
    if left is not None:
        raise QueryNotUnderstood(
            f"The planner can't read the comparison or range with '{_said(left.group(0))}'.",
            "It can read, for example: which picture has more dogs than people; the largest dog "
            "in image 2; pictures with more than two dogs.",
        )


def _said(words: str) -> str:
    return re.sub(r"NUM(\d+)", r"\1", words.replace("@np", "")).strip()
