"""From chunks to meaning: which noun phrases are targets, landmarks, conditions, exclusions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from .clauses import Clause
from .nouns import Noun, is_known, singular
from .pictures import Pictures
from .question import Phrase, Relation, Selection
from .relations import Bound
from .selections import Near
from .stream import Chunk, Stream

_EXCEPT = (
    r"(?:except(?: for)?|excluding|other than|apart from|aside from|but not|besides|rather than|"
    r"leav\w+ out|ignor\w+|skip\w*|instead of)"
)
_APART = re.compile(
    rf"(?:{_EXCEPT} (?:the |those )?|but (?:the |those ))(?:ones? )?(?:(?:that|who) (?:is|are) )?$"
)
_SHOWS = (
    r"(?:(?:that|which|where) )?(?:(?:you|we|i) can )?(?:do |does |can |is |are )?(?:there )?"
    r"(?:has|have|had|having|contains?|containing|shows?|showing|with|featuring|features?|"
    r"includes?|including|depicts?|depicting|displays?|is|are|see)(?: there)?(?: at least)?"
)

_SHOWN = re.compile(
    rf"{_SHOWS}(?: (?:no|not|any|more|most|fewest|fewer|the|less|both|least|greatest|largest|"
    r"highest|number|of|a|some|@sel))*"
)


@dataclass(slots=True)
class Head:
    """A noun phrase that is not a landmark, while it is being put together."""

    noun: Noun
    at: int
    joined: bool = False
    one: bool = False
    negated: str = ""
    shown_by: Pictures | None = None
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


class Assembler:
    """Walks the chunks once and sorts the noun phrases."""

    def __init__(self, stream: Stream) -> None:
        self.items = stream.items
        self.words = stream.words()
        self.heads: list[Head] = []
        self.waiting: list[Selection] = []
        self.waiting_relations: list[Relation] = []
        self.choices: list[Selection] = []
        self.near: Near | None = None

    def run(self) -> list[Head]:
        """The heads in order, with what belongs to each."""
        index = 0
        while index < len(self.items):
            item = self.items[index]
            meaning = item.meaning if isinstance(item, Chunk) else None
            if isinstance(meaning, Selection):
                self._selection(index, meaning)
            elif isinstance(meaning, Near):
                self.near = meaning
            elif isinstance(meaning, Clause):
                self._clause(index, meaning)
            elif isinstance(meaning, Bound):
                index = self._relation(index, meaning)
            elif isinstance(meaning, Noun):
                index = self._head(index, meaning)
            index += 1
        self._settle_near()
        if not self.heads and self._speaks_of_a_place():
            self.heads = [Head(Noun(Phrase("thing", generic=True), False, True, True), 0)]
        if not self.heads:
            self.heads = [
                Head(Noun(mark, is_known(mark.noun), True), 0, selections=list(mark.selections))
                for bound in self.waiting_relations
                for mark in bound.landmarks
            ]
            self.waiting_relations = []
        self.heads = without_repeats(without_pronouns(self.heads))
        if self.heads:
            self.heads[-1].selections.extend(self.waiting)
            self.heads[-1].relations.extend(self.waiting_relations)
        return self.heads

    def _speaks_of_a_place(self) -> bool:
        """`To the right of the bus`, `the biggest`: a place or a size alone, of anything."""
        kinds = {bound.kind for bound in self.waiting_relations}
        if kinds:
            return kinds <= {"left of", "right of", "behind", "in front of", "between"}
        return bool(self.waiting)

    def _selection(self, index: int, meaning: Selection) -> None:
        following = self.words[index + 1 : index + 3]
        prefix = bool(following) and (
            following[0] == "@np" or (following[0] in ("@sel", "@near") and "@np" in following)
        )
        if (prefix or not self.heads) and self.waiting and self._is_second_choice(index):
            # `The largest and the smallest boat` are two boats.
            self.choices.extend(self.waiting)
            self.waiting = [meaning]
        elif prefix or not self.heads:
            self.waiting.append(meaning)
        elif self._is_second_choice(index):
            # `The people at the far left and at the far right`: both, not what is both at once.
            first = self.heads[-1]
            self.heads.append(replace(first, joined=True, selections=[meaning]))
        else:
            self._set_apart(index)
            self.heads[-1].selections.append(meaning)
            if self.heads[-1].negated != "except":
                self.heads[-1].one = "one" in (*following[:1], *self.words[index - 1 : index])

    def _is_second_choice(self, index: int) -> bool:
        """Whether `and` ties this selection to one right before it."""
        before = [w for w in self.words[max(0, index - 3) : index] if w != "the"]
        return before[-2:] in (["@sel", "and"], ["@sel", "&"])

    def _set_apart(self, index: int) -> None:
        """`Everyone but the leftmost one`: what follows is about one of the head's things."""
        before = " ".join([*self.words[max(0, index - 6) : index], ""])
        if _APART.search(before) is None:
            return
        among = self.heads[-1].noun
        several = bool(re.search(r"(?:ones|those) (?:\w+ )*$", before))
        one = replace(among.phrase, plural=several, quantity=None, definite=True)
        self.heads.append(Head(replace(among, phrase=one), index, negated="except"))

    def _clause(self, index: int, meaning: Clause) -> None:
        relation = Relation(meaning.kind, (meaning.landmark,), meaning.negated)
        if self.heads:
            self._set_apart(index)
        if self.heads:
            self._target_of(relation).relations.append(relation)
        else:
            self.waiting_relations.append(relation)

    def _head(self, index: int, noun: Noun) -> int:
        before = self.words[max(0, index - 4) : index]
        head = Head(noun, index, joined=self._is_joined(index), negated=self._negation(index))
        if head.joined and self.heads and self.heads[-1].negated == "except":
            # `Everything except people and dogs` leaves both out.
            head.negated = "except"
        head.selections.extend(self.waiting)
        head.relations.extend(self.waiting_relations)
        self.waiting, self.waiting_relations = [], []
        head.shown_by = self._shown_by(index)
        for other in self.choices:
            self.heads.append(replace(head, selections=[other], relations=list(head.relations)))
        self.choices = []
        if self.near is not None and "to" not in before[-1:]:
            bound = self._nearest_to(index)
            if bound is None:
                head.selections.append(Selection("smallest" if self.near.far else "largest"))
                self.near = None
            else:
                head.relations.append(bound[0])
                self.near, index = None, bound[1]
        self.heads.append(head)
        return index

    def _nearest_to(self, index: int) -> tuple[Relation, int] | None:
        """`nearest X to Y`: the relation and where Y stands."""
        for at in range(index + 1, min(index + 4, len(self.items))):
            landmark = self._noun_at(at)
            if landmark is None:
                continue
            if self.words[at - 1] == "to" and not (self.near and self.near.far):
                return Relation("nearest to", (landmark.phrase,)), at
            if self.words[at - 1] == "from" and self.near and self.near.far:
                return Relation("farthest from", (landmark.phrase,)), at
            break
        return None

    def _noun_at(self, index: int) -> Noun | None:
        if index >= len(self.items):
            return None
        item = self.items[index]
        meaning = item.meaning if isinstance(item, Chunk) else None
        return meaning if isinstance(meaning, Noun) else None

    def _relation(self, index: int, bound: Bound) -> int:
        """Read the landmarks after a relation word; returns the index of the last one read."""
        selections: list[Selection] = []
        at = index + 1
        while at < len(self.items) and self._noun_at(at) is None:
            item = self.items[at]
            if isinstance(item, Chunk) and isinstance(item.meaning, Selection):
                selections.append(item.meaning)
            at += 1
        first = self._noun_at(at)
        if first is None:
            return index
        if bound.kind == "with" and not self.heads and self._shown_by(at) is not None:
            return self._head_after_pictures(index, at, first, bound)
        if bound.kind == "with" and self._pictures_before(index) is not None:
            return self._head_after_pictures(index, at, first, bound)
        landmarks = [replace(first.phrase, selections=tuple(selections))]
        if bound.kind == "between" and self.words[at + 1 : at + 2] == ["and"]:
            second = self._noun_at(at + 2)
            if second is not None:
                landmarks.append(second.phrase)
                at += 2
        relation = Relation(bound.kind, tuple(landmarks), bound.negated)
        if self.heads:
            self._set_apart(index)
            self._target_of(relation).relations.append(relation)
        else:
            self.waiting_relations.append(relation)
        return at

    def _target_of(self, relation: Relation) -> Head:
        """`dogs and cats near the sofa` binds both, but one head stands for the group."""
        return self.heads[-1]

    def _head_after_pictures(self, before: int, at: int, noun: Noun, bound: Bound) -> int:
        head = Head(noun, at, joined=False, negated="without" if bound.negated else "")
        head.shown_by = self._pictures_before(before) or self._shown_by(at)
        self.heads.append(head)
        return at

    def _is_joined(self, index: int) -> bool:
        """Whether and, or or a comma ties this phrase to the head before it."""
        between: list[str] = []
        for word in reversed(self.words[:index]):
            if word in ("@np", "@pics", "@rel"):
                break
            between.append(word)
        joins = {"and", "or", "&", ",", "/", "plus", "nor"}
        fillers = {"the", "a", "an", "any", "all", "every", "each", "@sel", "also", "well", "as",
                   "not", "no", "both", "either", "then"}  # fmt: skip
        return bool(between) and bool(joins & set(between)) and set(between) <= joins | fillers

    def _negation(self, index: int) -> str:
        before = " ".join(self.words[max(0, index - 4) : index])
        if re.search(rf"{_EXCEPT}$", before):
            return "except"
        if re.search(r"(?:that|which|who) (?:is|are) not$", before):
            return "except"
        if re.search(r"(?:do not|never) (?:@ask|box|mark|draw|find|label|detect|locate|return|"
                     r"highlight|outline|count|frame|annotate|want)$", before):  # fmt: skip
            return "except"
        if re.search(r"(?:^| )(?:no|without|lacks?|lacking|not (?:have|contain|show|include|see)"
                     r"(?: any)?|zero|neither|nor|not)$", before):  # fmt: skip
            return "without"
        return ""

    def _pictures_before(self, index: int) -> Pictures | None:
        item = self.items[index - 1] if index else None
        meaning = item.meaning if isinstance(item, Chunk) else None
        return meaning if isinstance(meaning, Pictures) else None

    def _shown_by(self, index: int) -> Pictures | None:
        """The pictures that are said to show this phrase (`the picture with a cat`)."""
        if self.heads and self.heads[-1].shown_by and self._is_joined(index):
            return self.heads[-1].shown_by
        start = max((i for i in range(index) if self.words[i] == "@pics"), default=None)
        if start is None or any(
            w in ("@np", "@rel", ",", ";") for w in self.words[start + 1 : index]
        ):
            return None
        between = " ".join(self.words[start + 1 : index])
        if re.match(r"(?:that |which )?(?:is|are) not$", between):
            # `Everything in image 2 that is not a person`: no picture is a person.
            return None
        return self._pictures_before(start + 1) if _SHOWN.fullmatch(between) else None

    def _settle_near(self) -> None:
        if self.near is not None and self.heads:
            key = "smallest" if self.near.far else "largest"
            self.heads[-1].selections.append(Selection(key))
        self.near = None


def without_repeats(heads: list[Head]) -> list[Head]:
    """Without phrases that only set the scene: `there are cars; box the second car`.

    Of two phrases about the same noun, one with and one without a choice, the first to speak of a
    choice stands for both.
    """
    chosen = {
        singular(h.noun.phrase.noun)
        for h in heads
        if (h.selections or h.relations) and h.negated != "except"
    }
    seen: set[str] = set()
    kept: list[Head] = []
    for head in heads:
        if head.negated == "except":
            kept.append(head)
            continue
        noun = singular(head.noun.phrase.noun)
        bare = not head.selections and not head.relations
        if (bare and noun in chosen) or (bare and noun in seen and not head.negated):
            continue
        seen.add(noun)
        kept.append(head)
    return kept


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
        if head.noun.known or (not head.noun.phrase.generic and (tied or head.noun.asked or ahead)):
            kept.append(head)
    return kept


def _joined_to(head: Head, heads: list[Head], asked: list[Head]) -> bool:
    index = next(i for i, other in enumerate(heads) if other is head)
    return index > 0 and heads[index - 1] in asked
