"""The picture with the most of them: one that is meant, or one that is only to be said."""

from __future__ import annotations

import re
from dataclasses import replace

from ...tools.errors import QueryNotUnderstood
from .amounts import condition
from .heads import Head
from .lexicon import word_set
from .nouns import singular
from .orders import orders
from .pictures import Pictures
from .question import Condition
from .reading import Reading
from .stream import Chunk

_MOST = re.compile(
    r" (?:@\w+ (?=@))?(@\w+|where|which)(?: one)? (?:(?:that|which) )?"
    r"(?:has|have|shows?|contains?|containing|holds?|includes?|features?|with|having|showing|"
    r"(?:there )?(?:is|are)(?: there)?) "
    r"(?:the )?(more|most|fewer|fewest|less|least)"
    r"(?: , (?:but|though|with) (at least one))?(?= (?:[.,;?!]|and|then) | $)"
)
_FEWEST = word_set("fewer fewest less least")


def told_of(
    reading: Reading, conditions: list[Condition], targets: list[Head]
) -> tuple[list[Condition], list[Head]]:
    """`Box every dog and say which picture has more`: no picture is left out for it.

    Args:
        reading: of the question.
        conditions: on the pictures that count; those that are only to be said are taken out, and
            `the picture that has the most of them` is put in.
        targets: what is to be found, as far as it is known.

    Returns:
        What is to be said of the pictures, and the targets without what only says it.

    Raises:
        QueryNotUnderstood: several things are counted together.
    """
    words = reading.stream.words()
    at = _asked_at(reading)
    wanted = [h for h in targets if at is not None and h.at < at]
    if at is not None and wanted and orders(words[: wanted[0].at]):
        told, kept = _named_again(reading, conditions, targets, at)
        if told or kept != targets:
            return told, kept
    if (found := _MOST.search(reading.text)) is not None and targets:
        return _of_them(found, conditions, targets), targets
    return _everywhere(reading, targets), targets


def _named_again(
    reading: Reading, conditions: list[Condition], targets: list[Head], at: int
) -> tuple[list[Condition], list[Head]]:
    """`Find the cups. Which picture has the most cups?`."""
    wanted = [h for h in targets if h.at < at]
    names = {singular(h.noun.phrase.noun) for h in wanted}
    named = names & {singular(h.noun.phrase.noun) for h in reading.heads if h.at > at}
    told = [c for c in conditions if singular(c.phrase.noun) in named]
    conditions[:] = [c for c in conditions if c not in told]
    again = [h for h in targets if h.at > at]
    own = [h for h in again if singular(h.noun.phrase.noun) in names]
    counted = [one for h in own if (one := condition(h.noun, h.amount)) is not None]
    whole = len(counted) == len(again)
    return (told + counted, wanted) if whole else (told, targets)


def _of_them(
    found: re.Match[str], conditions: list[Condition], targets: list[Head]
) -> list[Condition]:
    """What is to be said where the things are not named again; else it is a condition.

    Raises:
        QueryNotUnderstood: `them` are several things.
    """
    if len(targets) != 1:
        raise QueryNotUnderstood(
            "The planner can't count several kinds of things together.",
            "Ask for one of them, as in: which picture has the most dogs.",
        )
    phrase = replace(targets[0].phrase(), quantity=None, plural=True, selections=())
    asked = Condition("fewest" if found.group(2) in _FEWEST else "most", phrase)
    before = found.string[: found.start()].split()
    behind = found.string[found.end() :].split()
    open_ = found.group(1) in ("@which", "where", "which") and not found.group(0).startswith(
        " @pics"
    )
    if open_ and orders(before) and not orders(behind):
        return [asked]
    conditions += [Condition("shows", phrase)] if found.group(3) else []
    conditions.append(asked)
    return []


def _everywhere(reading: Reading, targets: list[Head]) -> list[Condition]:
    """`Which picture has more dogs? Box every dog in all pictures.`: all are wanted."""
    if len(targets) != 1 or (head := targets[0]).again is None:
        return []
    everywhere = any(
        isinstance(item, Chunk) and isinstance(item.meaning, Pictures)
        and item.meaning.kind == "all" and index > head.again
        for index, item in enumerate(reading.stream.items)
    )  # fmt: skip
    asked = condition(head.noun, head.amount)
    if asked is None or not everywhere or _asked_at(reading) is None:
        return []
    phrase = replace(head.noun.phrase, quantity=None, plural=True)
    head.noun = replace(head.noun, phrase=phrase, number=None, compared=None)
    head.amount = None
    return [asked]


def _asked_at(reading: Reading) -> int | None:
    """Where `which picture` stands, or `where there are the most`."""
    for index, item in enumerate(reading.stream.items):
        meant = item.meaning if isinstance(item, Chunk) else None
        if isinstance(meant, Pictures) and meant.kind == "which":
            return index
    text = " ".join(reading.stream.words())
    # `In pictures where there are more` asks for none.
    found = re.search(
        r"(?<= )(?<!@pics )(?:where|which(?: one)?)(?= (?:there|is|are|has|have) )", text
    )
    return None if found is None else text[: found.start()].count(" ")
