"""From chunks to meaning: which noun phrases are targets, landmarks, conditions, exclusions."""

from __future__ import annotations

import re
from dataclasses import replace

from .amounts import Amount, require_no_relation
from .clauses import Clause
from .heads import Head, all_beside, either, some_of, without_pronouns, without_repeats
from .joining import (
    is_before_its_noun,
    is_broken_off,
    is_joined,
    is_run,
    is_second_choice,
    shares_choice,
)
from .known import closed_vocabulary, is_known
from .landmarks import LandmarkReader, noun_at
from .negation import APART, is_all_but, left_out, refuse_unclear
from .nouns import Noun, singular
from .pictures import Pictures
from .question import Phrase, Relation, Selection
from .relations import Bound
from .selections import VIEWERS, Near
from .shown import own_pictures, pictures_that, shown_by
from .stream import Chunk, Stream


class Assembler:
    """Walks the chunks once and sorts the noun phrases."""

    def __init__(self, stream: Stream) -> None:
        self.items = stream.items
        self.words = stream.words()
        self.landmarks = LandmarkReader(self.items, self.words, self._is_named)
        self.heads: list[Head] = []
        self.waiting: list[Selection] = []
        self.waiting_relations: list[Relation] = []
        self.choices: list[Selection] = []
        self.near: Near | None = None
        self.read: set[int] = set()
        self.run_of: list[Head] = []
        self.choice: list[Selection] = []

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
        heads = without_pronouns(self.heads)
        self.heads = without_repeats(heads, own_pictures(self.items, [h.at for h in heads]))
        if self.heads and not self.heads[0].noun.pronoun and self._begins_with_all_but():
            self.heads.insert(0, all_beside(self.heads[0]))
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

    def _begins_with_all_but(self) -> bool:
        at = self._before_choice(self.heads[0].at)
        return self.heads[0].negated == "except" and is_all_but(self.words[:at])

    def _before_choice(self, index: int) -> int:
        """Where the choices before a noun begin: `all but the smallest and the largest cat`."""
        start = index
        while start and self.words[start - 1] in ("@sel", "@near", "@many"):
            index = start = start - 1
            while start and self.words[start - 1] in ("and", "or", "&", ",", "the"):
                start -= 1
        return index - 1 if index and self.words[index - 1] == "the" else index

    def _selection(self, index: int, meaning: Selection) -> None:
        following = self.words[index + 1 : index + 2]
        prefix = is_before_its_noun(self.words, index, not self.heads)
        if (prefix or not self.heads) and self.waiting and is_second_choice(self.words, index):
            # `The largest and the smallest boat` are two boats.
            self.choices.extend(self.waiting)
            self.waiting = [meaning]
        elif prefix or not self.heads:
            self.waiting.append(meaning)
        elif is_second_choice(self.words, index) or self._is_elliptic(index):
            # `The people at the far left and at the far right`: both, not what is both at once.
            elsewhere = "@pics" in self.words[self.heads[-1].at : index]
            self.run_of = [
                replace(h, joined=True, selections=[meaning], at=index if elsewhere else h.at)
                for h in self.run_of
            ]
            self.heads.extend(self.run_of)
        else:
            self._set_apart(index)
            for head in self._bound_at(index):
                head.selections.append(meaning)
            if self.heads[-1].negated != "except":
                self.heads[-1].one = "one" in (*following[:1], *self.words[index - 1 : index])

    def _is_elliptic(self, index: int) -> bool:
        """`The second dog from the left and the third from the right`: a second dog."""
        at = index - 1
        passed = ["the", ",", "and", "or", "&"]
        if self.words[index + 1 : index + 2] in (["one"], ["ones"]):
            # `The bigger dog in image 1 and the smaller one in image 2`.
            passed.append("@pics")
        while at > 0 and self.words[at] in passed:
            at -= 1
        tied = bool({"and", "or", "&"} & {*self.words[at + 1 : index]})
        chosen = bool(self.heads[-1].selections) or "@pics" in self.words[at + 1 : index]
        return tied and at == self.heads[-1].at and chosen

    def _set_apart(self, index: int) -> None:
        """`Everyone but the leftmost one`: what follows is about one of the head's things."""
        start = max(0, index - 6)
        before = " ".join([*self.words[start:index], ""])
        found = APART.search(before)
        if found is None:
            return
        self.read.update(range(index - len(found.group(0).split()), index))
        number = re.search(r"NUM(\d+)", found.group(0))
        quantity = int(number.group(1)) if number else None
        # `Not on the left` shuts out all that are there, `but the leftmost` a single one.
        several = bool(re.search(r"ones|those|^(?:not|neither|nor) ", found.group(0))) or number
        among = self._bound_at(index) or self.heads[-1:]
        self.run_of = [some_of(head, index, bool(several), quantity) for head in among]
        self.heads.extend(self.run_of)

    def _clause(self, index: int, meaning: Clause) -> None:
        relation = Relation(meaning.kind, (meaning.landmark,), meaning.negated)
        if self.heads:
            self._set_apart(index)
            self._bind(index, relation, meaning.back)
        else:
            self.waiting_relations.append(relation)

    def _head(self, index: int, noun: Noun) -> int:
        before = self.words[max(0, index - 4) : index]
        head = Head(noun, index, joined=is_joined(self.words, index), negated=self._negation(index))
        if head.joined and self.heads and self.heads[-1].negated == "except":
            # `Everything except people and dogs` leaves both out.
            head.negated = "except"
        self._share_lack(head)
        joined = self._goes_on(head)
        if not joined or self.waiting:
            self.choice = list(self.waiting)
        head.selections.extend(self.choice if self._shares(head, joined) else self.waiting)
        head.relations.extend(self.waiting_relations)
        self.waiting, self.waiting_relations = [], []
        head.shown_by = self._shown_by(index)
        head.amount = self._amount(index)
        if head.amount is not None and self.heads and head.shown_by is None:
            require_no_relation(" ".join(self.words[:index]).rpartition("@many")[0].split())
        for other in self.choices:
            self.heads.append(replace(head, selections=[other], relations=list(head.relations)))
        run = [*(self.run_of if joined else []), *self.heads[len(self.heads) - len(self.choices) :]]
        self.run_of = [*run, head]
        self.choices = []
        if self.near is not None and "to" not in before[-1:]:
            bound = self._nearest_to(index)
            if bound is None or bound[0].landmarks[0].noun in VIEWERS:
                head.selections.append(Selection("smallest" if self.near.far else "largest"))
            else:
                head.relations.append(bound[0])
            self.near, index = None, index if bound is None else bound[1]
        self.heads.append(head)
        return index

    def _share_lack(self, head: Head) -> None:
        """`No cat or dog`, `without cats and dogs` lack both; `no cat and a dog` shows the dog.

        Raises:
            QueryNotUnderstood: of `not show a cat and a dog`, which may lack but one of them.
        """
        last = self.heads[-1] if self.heads else None
        if head.negated or last is None or last.negated != "without":
            return
        if not is_run(self.words, last.at, head.at):
            return
        said = self.words[max(0, last.at - 5) : last.at]
        if "or" in self.words[last.at : head.at] or head.noun.bare:
            head.negated = "without"
        elif last.denied or {"not", "never"} & {*said}:
            refuse_unclear()

    def _goes_on(self, head: Head) -> bool:
        """Whether a head goes on with the run of the one before it."""
        last = self.heads[-1] if self.heads else None
        if last is None or last.negated != head.negated:
            return False
        return is_run(self.words, last.at, head.at)

    def _shares(self, head: Head, joined: bool) -> bool:
        """`The largest cat and dog`: the choice before the first is made of the second, too."""
        if not joined or not head.noun.bare or not self.choice or self.waiting:
            return False
        if not shares_choice(self.words, head.at):
            return False
        first = self.heads[-1].noun.phrase
        if not self.heads[-1].selections or first.plural != head.noun.phrase.plural:
            # `The largest cat and dogs`, `the largest cat, a bus and a dog`.
            return False
        number = first.quantity if head.noun.phrase.plural else None
        head.noun = replace(head.noun, phrase=replace(head.noun.phrase, quantity=number))
        return True

    def _amount(self, index: int) -> Amount | None:
        while index and self.words[index - 1] in ("@sel", "@near"):
            index -= 1
        item = self.items[index - 1] if index else None
        meaning = item.meaning if isinstance(item, Chunk) else None
        return meaning if isinstance(meaning, Amount) else None

    def _nearest_to(self, index: int) -> tuple[Relation, int] | None:
        """`nearest X to Y`: the relation and where Y stands."""
        for at in range(index + 1, min(index + 4, len(self.items))):
            landmark = noun_at(self.items, at)
            if landmark is None:
                continue
            if self.words[at - 1] == "to" and not (self.near and self.near.far):
                return Relation("nearest to", (landmark.phrase,)), at
            if self.words[at - 1] == "from" and self.near and self.near.far:
                return Relation("farthest from", (landmark.phrase,)), at
            break
        return None

    def _relation(self, index: int, bound: Bound) -> int:
        """Read the landmarks after a relation word; returns the index of the last one read."""
        selections: list[Selection] = []
        at = index + 1
        while at < len(self.items) and noun_at(self.items, at) is None:
            item = self.items[at]
            if isinstance(item, Chunk) and isinstance(item.meaning, Selection):
                selections.append(item.meaning)
            at += 1
        first = noun_at(self.items, at)
        if first is None:
            return index
        shows = bound.kind == "with" and not bound.deed
        if shows and bound.negated and self._lacked_by_pictures(index):
            head_at = self._head_after_pictures(index, at, first, bound, selections)
            self.heads[-1].shown_by = self.heads[-2].shown_by
            return head_at
        if shows and not self.heads and self._shown_by(at) is not None:
            return self._head_after_pictures(index, at, first, bound, selections)
        if shows and pictures_that(self.items, self.words, index) is not None:
            return self._head_after_pictures(index, at, first, bound, selections)
        relations, at, read = self.landmarks.read(
            at, bound, selections, of_person=self._is_person()
        )
        self.read.update(read)
        if self.heads:
            self._set_apart(index)
            for relation in relations:
                self._bind(index, relation, first.back)
        else:
            self.waiting_relations.extend(relations)
        return at

    def _is_person(self) -> bool:
        """Whether the thing that a relation is of is a person, who holds and wears things."""
        last = self.heads[-1].noun.phrase.noun if self.heads else ""
        return "person" in closed_vocabulary().resolve(last).classes

    def _lacked_by_pictures(self, index: int) -> bool:
        """`Pictures with boats but without people`: what lacks is what shows."""
        tied = self.words[index - 1] in ("but", "and", ",")
        return tied and bool(self.heads) and self.heads[-1].shown_by is not None

    def _is_named(self, noun: Noun) -> bool:
        """`A dog on the couch or a dog`: what is sought is no landmark."""
        key = singular(noun.phrase.noun)
        return any(singular(h.noun.phrase.noun) == key for h in self.heads)

    def _bound_at(self, index: int) -> list[Head]:
        """`Dogs and cats near the sofa`, `cats and dogs on the left`: what speaks of both.

        What has a choice of its own (`the largest cat and a dog on the left`) keeps to it.
        """
        last = self.heads[-1]
        if is_broken_off(self.words, last.at, index):
            return [last]
        chosen = list(last.selections)
        return [h for h in self.run_of if not h.selections or h.selections == chosen] or [last]

    def _bind(self, index: int, relation: Relation, back: bool) -> None:
        """Give a relation to the heads that it speaks of.

        `A dog and a man with a hat`: what is held or worn belongs to the last alone, where each
        is introduced by itself; so does what binds it to another one (`back`): `a cat and a dog
        next to it`.
        """
        last = self.heads[-1]
        last.one = last.one or "one" in self.words[last.at + 1 : index]
        if back:
            last.relations.append(relation)
            return
        if self.words[index - 1] == "or" and last.relations:
            last.relations[-1] = either(last.relations[-1], relation)
            return
        own = relation.kind in ("with", "held by") and not relation.landmarks[0].plural
        own = own and "or" not in self.words[max(0, last.at - 2) : last.at]
        if own and not (last.noun.bare or last.noun.phrase.plural):
            last.relations.append(relation)
            return
        same = [h for h in self.run_of if h.at == last.at]
        bound = {id(h): h for h in (*self._bound_at(index), *same, last)}
        for head in bound.values():
            head.relations.append(relation)

    def _head_after_pictures(
        self, before: int, at: int, noun: Noun, bound: Bound, chosen: list[Selection]
    ) -> int:
        """What pictures are said to show or to lack: `the picture that has the largest dog`."""
        head = Head(noun, at, joined=False, negated="without" if bound.negated else "")
        head.denied = bound.denied
        head.selections.extend(chosen)
        head.amount = self._amount(at)
        head.shown_by = pictures_that(self.items, self.words, before) or self._shown_by(at)
        self.heads.append(head)
        self.run_of, self.choice = [head], []
        return at

    def _negation(self, index: int) -> str:
        end = self._before_choice(index)
        before = self.words[max(0, end - 12) : end]
        kind, length = left_out(before)
        if not kind and before[-1:] == ["but"] and self._is_universal(end - 2):
            # `Every person but children`, `animals but dogs`.
            kind, length = "except", 1
        self.read.update(range(end - length, end))
        if kind == "except" and before[-1:] == ["not"] and self._is_of_pictures():
            # `Which picture shows a dog but not a cat?` is about the picture.
            return "without"
        return kind

    def _is_of_pictures(self) -> bool:
        """Whether the head before is what pictures are said, or asked, to show."""
        if not self.heads:
            return False
        asked = (i.meaning for i in self.items if isinstance(i, Chunk))
        which = any(isinstance(ref, Pictures) and ref.kind == "which" for ref in asked)
        return self.heads[-1].shown_by is not None or which

    def _is_universal(self, index: int) -> bool:
        """Whether the head that ends here speaks of all of a kind."""
        if not self.heads or self.words[index : index + 1] not in (["@np"], ["@pics"]):
            return False
        head = self.heads[-1]
        return head.noun.universal and not head.negated and head.shown_by is None

    def _shown_by(self, index: int) -> Pictures | None:
        """The pictures that are said to show this phrase (`the picture with a cat`)."""
        if self.heads and self.heads[-1].shown_by and is_joined(self.words, index):
            return self.heads[-1].shown_by
        return shown_by(self.items, self.words, index)

    def _settle_near(self) -> None:
        if self.near is not None and self.heads:
            key = "smallest" if self.near.far else "largest"
            self.heads[-1].selections.append(Selection(key))
        self.near = None
