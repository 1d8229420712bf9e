"""Noun phrases that are no landmarks, while they are put together, and which of them are meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ...tools.errors import QueryNotUnderstood
from .amounts import Amount, condition
from .known import closed_vocabulary
from .nouns import Noun, singular
from .pictures import Pictures
from .question import Phrase, Relation, Selection


@dataclass(slots=True)
class Head:
    """A noun phrase that is not a landmark, while it is being put together.

    `again` is where the same thing is named once more, and nothing else is said of it.
    """

    noun: Noun
    at: int
    joined: bool = False
    one: bool = False
    negated: str = ""
    denied: bool = False
    shown_by: Pictures | None = None
    amount: Amount | None = None
    again: int | None = None
    selections: list[Selection] = field(default_factory=list[Selection])
    relations: list[Relation] = field(default_factory=list[Relation])

    def phrase(self) -> Phrase:
        """The finished phrase."""
        meant = self.noun.phrase
        if self.one:
            # `There are two dogs; box the bigger one`: the number set the scene.
            meant = replace(meant, quantity=None, plural=False, definite=True)
        if self.noun.pronoun and self.selections:
            meant = replace(meant, definite=True)
        return replace(
            meant,
            selections=tuple(self.selections),
            relations=(*meant.relations, *self.relations),
        )


def without_repeats(heads: list[Head], own: Sequence[frozenset[int]]) -> list[Head]:
    """Without phrases that only set the scene: `there are cars; box the second car`.

    Of two phrases about the same noun, one with and one without a choice, the first to speak of a
    choice stands for both, unless `and` joins it to the other (`the dogs in image 1 and the largest
    one in image 2`), or each names other pictures.

    Args:
        heads: the phrases, in order.
        own: the pictures that each of them names for itself.
    """
    apart = [head.at for head, images in zip(heads, own, strict=True) if _is_apart(images, own)]
    chosen = {
        singular(h.noun.phrase.noun)
        for h in heads
        if (h.selections or h.relations) and h.negated != "except"
        and not h.joined and h.at not in apart
    }  # fmt: skip
    seen: set[str] = set()
    kept: list[Head] = []
    for head in heads:
        if head.negated == "except":
            kept.append(head)
            continue
        noun = singular(head.noun.phrase.noun)
        bare = not head.selections and not head.relations
        if _counts_in_pictures(head) or _tells_pictures(head, heads):
            # `The bikes in the photo that has more than one bike`: which photo it is.
            kept.append(head)
            seen.add(noun)
            continue
        if (bare and noun in chosen) or (bare and noun in seen and not head.negated):
            first = next((h for h in kept if singular(h.noun.phrase.noun) == noun), None)
            if first is not None and head.noun.known:
                first.again = head.at
            continue
        seen.add(noun)
        kept.append(head)
    return kept


def _is_apart(images: frozenset[int], own: Sequence[frozenset[int]]) -> bool:
    """Whether a phrase names pictures that no other phrase does."""
    return bool(images) and all(other and not images & other for other in own if other != images)


def _counts_in_pictures(head: Head) -> bool:
    """Whether a phrase says by a number which pictures are meant."""
    extreme = head.amount is not None and head.amount.kind in ("most", "fewest")
    counted = condition(head.noun, head.amount) is not None
    return counted and (extreme or head.shown_by is not None)


def _tells_pictures(head: Head, heads: Sequence[Head]) -> bool:
    """`Cats and dogs in the pictures with cats and dogs`: which pictures are meant."""
    if head.shown_by is None or head.shown_by.preposition == "":
        return False
    wanted = {singular(h.noun.phrase.noun) for h in heads if h.shown_by is None and not h.negated}
    told = [singular(h.noun.phrase.noun) for h in heads if h.shown_by is head.shown_by]
    return len(told) > 1 and {*told} <= wanted


def without_pronouns(heads: list[Head]) -> list[Head]:
    """Without a bare `who` or `what` beside a noun that says who or what (`who is the man?`)."""
    named = [h for h in heads if not h.noun.pronoun or h.selections or h.relations]
    return named if any(h.negated != "except" for h in named) else heads


def keep_meant(heads: list[Head]) -> list[Head]:
    """Drop phrases that only came along (`my friend's puzzle`) beside ones that are nouns we know.

    A phrase stays if the vocabulary knows it, if it is joined to one that stays, or if it follows
    a word of asking directly.
    """
    if not any(head.noun.known for head in heads):
        asked = [h for h in heads if h.noun.asked and not h.noun.phrase.generic]
        if not asked:
            return heads[:1] if heads else []
        return [h for h in heads if h in asked or (h.joined and _joined_to(h, heads, asked))]
    kept: list[Head] = []
    for index, head in enumerate(heads):
        tied = head.joined and bool(kept) and index > 0 and heads[index - 1] in kept
        ahead = index + 1 < len(heads) and heads[index + 1].joined and heads[index + 1].noun.known
        bound = any(mark.definite for tie in head.relations for mark in tie.landmarks)
        placed = head.noun.phrase.generic and bool(head.relations)
        placed = placed and (head.joined or (head.noun.asked and bound))
        named = not head.noun.phrase.generic and (tied or head.noun.asked or ahead)
        if head.noun.known or named or placed:
            kept.append(head)
        elif kept and head.selections and not (kept[-1].selections or head.joined):
            # `Man far right grey suit`: what can't be told is dropped, and not where he is.
            kept[-1].selections.extend(head.selections)
    return kept


def part_left_out(head: Head) -> list[Phrase]:
    """`All fruits without the bananas`: no fruit has bananas, so they are left out themselves.

    Takes the relation from the head.
    """
    vocabulary = closed_vocabulary()
    whole = vocabulary.resolve(head.noun.phrase.noun)
    left: list[Phrase] = []
    for bound in list(head.relations):
        marks = [vocabulary.resolve(mark.noun) for mark in bound.landmarks]
        part = all({*mark.classes} < {*whole.classes} for mark in marks)
        if bound.negated and bound.kind == "with" and whole.relation == "wider" and part:
            head.relations.remove(bound)
            left += bound.landmarks
    return left


def _joined_to(head: Head, heads: list[Head], asked: list[Head]) -> bool:
    index = next(i for i, other in enumerate(heads) if other is head)
    return index > 0 and heads[index - 1] in asked


def all_beside(left_out: Head) -> Head:
    """`All but the two largest dogs` are dogs; `all but the dogs` is everything else.

    Raises:
        QueryNotUnderstood: `all but two dogs` does not say which.
    """
    if left_out.noun.number is not None and not left_out.selections:
        raise QueryNotUnderstood(
            "The planner can't tell which of them this question leaves out.",
            "Say which ones, as in: all but the two largest dogs.",
        )
    if left_out.selections or left_out.relations:
        among = replace(left_out.noun.phrase, quantity=None, plural=True, definite=False)
    else:
        among = Phrase("thing", generic=True, plural=True)
    return Head(Noun(among, True, True), left_out.at)


def some_of(head: Head, index: int, several: bool, quantity: int | None) -> Head:
    """One or several of a head's things, which are left out."""
    phrase = replace(head.noun.phrase, plural=several, quantity=quantity, definite=True)
    return Head(replace(head.noun, phrase=phrase), index, negated="except")


def either(first: Relation, second: Relation) -> Relation:
    """`On a bench or on a chair`: the landmarks of both.

    Raises:
        QueryNotUnderstood: the two are of different kinds.
    """
    if (first.kind, first.negated) != (second.kind, second.negated) or first.kind == "between":
        raise QueryNotUnderstood(
            "The planner can't read two places of different kinds tied by 'or'.",
            "Ask for one after the other, as in: dogs on the couch; dogs under the table.",
        )
    return replace(first, landmarks=(*first.landmarks, *second.landmarks))
