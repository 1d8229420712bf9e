"""What is said of a landmark itself: `next to the dog that is on the couch`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .nouns import Noun
from .question import Relation, Selection
from .relations import Bound
from .stream import Chunk, Item


def noun_at(items: Sequence[Item], index: int) -> Noun | None:
    """The noun phrase that stands here, if one does."""
    item = items[index] if index < len(items) else None
    meaning = item.meaning if isinstance(item, Chunk) else None
    return meaning if isinstance(meaning, Noun) else None


def clause_about(
    items: Sequence[Item], words: Sequence[str], at: int
) -> tuple[Relation, int] | None:
    """What a clause says of the landmark at `at`: `that is on the couch`.

    Returns:
        The relation and where its own landmark stands; None where no clause follows at once.
    """
    opened = at + 1
    while words[opened : opened + 1] in (["that"], ["which"], ["who"], ["is"], ["are"]):
        opened += 1
    item = items[opened] if opened < len(items) else None
    bound = item.meaning if isinstance(item, Chunk) else None
    if not isinstance(bound, Bound) or bound.kind == "between":
        return None
    if opened == at + 1 and not bound.clause:
        return None
    end = opened + 1
    while words[end : end + 1] in (["@sel"], ["@near"]):
        end += 1
    landmark = noun_at(items, end)
    if landmark is None or landmark.back:
        return None
    chosen = [item.meaning for item in items[opened + 1 : end] if isinstance(item, Chunk)]
    selections = tuple(meaning for meaning in chosen if isinstance(meaning, Selection))
    meant = replace(landmark.phrase, selections=selections)
    return Relation(bound.kind, (meant,), bound.negated), end


def lacked_besides(
    items: Sequence[Item], words: Sequence[str], at: int
) -> tuple[Relation, int] | None:
    """What a thing with the landmark at `at` is said to lack: `with an umbrella but no backpack`.

    Returns:
        The relation and where what is lacked stands.
    """
    end = at + 1
    while words[end : end + 1] in (["but"], ["and"], [","]):
        end += 1
    if end == at + 1 or words[end : end + 1] != ["no"]:
        return None
    lacked = noun_at(items, end + 1)
    return None if lacked is None else (Relation("with", (lacked.phrase,), True), end + 1)
