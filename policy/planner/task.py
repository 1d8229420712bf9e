"""What kind of question it is."""

from __future__ import annotations

import re
from dataclasses import replace

from .cues import weigh
from .known import closed_vocabulary
from .likened import likened_image
from .plain_words import PICTURE
from .question import Phrase, Task
from .reading import SOUGHT, Reading


def task_of(reading: Reading) -> Task:
    """The kind of question."""
    if reading.count < 2:
        return "find"
    weights = dict(weigh(reading.text))
    named_noun = any(h.noun.known and not h.noun.pronoun for h in reading.heads)
    if _is_carried_over(reading) or likened_image(reading) is not None:
        weights["counterpart"] += 3.0
    if _names_all(reading):
        # `An object that appears in pictures 1, 2 and 3` is known from none of them.
        weights["counterpart"] -= 3.0
    if _names_several(reading):
        weights["counterpart"] -= 2.0
    if weights["difference"] >= 2.0 and any(r.preposition == "between" for r in reading.references):
        # `What was removed between the two photos?` is in both of them no more.
        weights["common"] -= 2.0
    extreme = any(h.noun.phrase.generic and h.selections for h in reading.heads)
    if extreme and not reading.boxes and not re.search(_SAME_KIND, reading.text):
        # `The largest object in each picture` is one of each, and not what they share.
        weights["common"] -= 3.0
        weights["counterpart"] -= 2.0
    if named_noun:
        weights["common"] -= 1.0
        # Of two pictures, what is missing in one is a change, be it named or not.
        changed = reading.count == 2 and _CHANGED.search(reading.text) is not None
        weights["difference"] += 1.0 if changed else -1.0
        weights["region"] -= 0.5
    if not _generic_head(reading) and named_noun:
        weights["common"] -= 1.5
    order: list[Task] = ["region", "difference", "common", "counterpart"]
    best = max(order, key=lambda task: (weights[task], -order.index(task)))
    if weights[best] >= 2.0:
        return best
    if _is_placed_in_others(reading):
        return "region"
    shared = _asks_for_shared_thing(reading) or named_kind(reading) is not None
    return "common" if shared else "find"


_SAME_KIND = r" same (?:category|class|type|kind|sort) (?:as|@named) "
_CHANGED = re.compile(
    r" (?:is |are |was |were |been )?(?:missing|gone|absent) (?:from |in )?@named |"
    r" (?:removed|taken away|disappeared|vanished|added|appeared|inserted|left) (?:\S+ )?@named |"
    r" new \w+ (?:has )?appeared |"
    r" (?:has |have )?(?:moved|disappeared|vanished) (?:between|from) "
)


def _names_several(reading: Reading) -> bool:
    """`The bus in image 1 and also every car in the others`: none of the two is found again."""
    known = {h.noun.phrase.noun for h in reading.heads if h.noun.known and not h.negated}
    again = re.search(r" (?:same|again|correspond\w*|counterparts?|equivalent) |@box", reading.text)
    return len(known) > 1 and again is None


def _names_all(reading: Reading) -> bool:
    """Whether all pictures are named at once: `in pictures 1, 2 and 3`."""
    return any(
        r.kind == "named" and r.plural and not r.negated and {*r.images} == {*reading.every}
        for r in reading.references
    )


def _is_placed_in_others(reading: Reading) -> bool:
    """`Locate image 3 inside the others`: a picture itself is what is sought."""
    if reading.heads:
        return False
    inside = [
        r
        for r in reading.references
        if r.preposition in ("in", "inside", "within", "into")
        or (r.kind == "which" and r.preposition in ("from", "out of"))
    ]
    bare = [r for r in reading.references if r.kind == "named" and not r.preposition]
    return bool(inside and bare)


def _is_carried_over(reading: Reading) -> bool:
    """`The dog from image 1, in image 2`: one thing, where it is known from and where sought.

    Of two pictures, `the same dog in the second` leaves the first to be where it is known from.
    """
    if not reading.heads or any(h.noun.phrase.plural for h in reading.heads[:1]):
        return False
    named = [r for r in reading.references if r.kind in ("named", "rest") and not r.negated]
    known = [r for r in named if r.preposition in ("from", "of") and len(r.images) == 1]
    if (beside := re.search(r"@named(?= @named )", reading.text)) is not None:
        # `The man in image 1 in image 2`.
        at = reading.marks_before(beside.end()) - 1
        one, *others = reading.references[at:]
        apart = len(one.images) == 1 and one.images != others[0].images and not one.negated
        if apart and others[0].preposition in SOUGHT:
            return True
    followed = re.search(r" (?:follow|track|trace)\w* ", reading.text) is not None
    sought = [
        r
        for r in named
        if r not in known and (r.preposition in SOUGHT or (followed and r.preposition == "to"))
    ]
    if known and re.search(r" (?:again|else) ", reading.text):
        return any(r.kind == "which" for r in reading.references) or bool(sought)
    if reading.count == 2 and len(named) == 1 and " same " in reading.text:
        return named[0].preposition in SOUGHT and not reading.heads[0].noun.phrase.generic
    return any(not set(a.images) & set(b.images) for a in known for b in sought)


def _generic_head(reading: Reading) -> bool:
    return any(h.noun.phrase.generic for h in reading.heads)


def named_kind(reading: Reading) -> Phrase | None:
    """`Which animal is in every picture?`: a word wider than a class, asked for in all of them."""
    kinds = [h.noun.phrase for h in reading.heads if not h.negated]
    kinds = [kind for kind in kinds if kind.noun not in ("share", "shares")]
    if len(kinds) != 1 or kinds[0].generic:
        return None
    kind, wider = kinds[0], closed_vocabulary().resolve(kinds[0].noun).relation == "wider"
    if wider and re.search(_IN_COMMON, reading.text):
        return replace(kind, relations=(), plural=False)
    everywhere = re.search(_EVERYWHERE, reading.text) or _names_all(reading)
    asked = re.search(rf" (?:which|what) (?:{_KIND_OF} )?{kind.noun} ", reading.text)
    if wider and not kind.relations and not reading.heads[0].selections:
        # `Which animals are in both pictures?`, `animals that all pictures show`.
        # Those `in these pictures` are any.
        said = " ".join(token.text for token in reading.tokens)
        shared = re.search(rf" {kind.noun} (?:that |which )?{_IN_ALL}", reading.text)
        if shared and _ALL_OF_THEM.search(said):
            return replace(kind, plural=False)
    if kind.plural:
        return None
    everywhere = asked and not kind.relations and everywhere
    return kind if wider and everywhere else None


_IN_COMMON = " in common | shared? | shares? "
_EVERYWHERE = "@both| everywhere | throughout "
_KIND_OF = r"(?:kinds?|types?|sorts?|species) of"
_ALL_OF_THEM = re.compile(
    r"\b(?:all|both|every|each)(?: (?:of|the|these|those|my|our|\d+|two|three|four|five|six|"
    rf"given|input))*(?: {PICTURE}\b| (?:[.,;?!]|$)|$)"
)
_SEEN = r"(?:seen|shown|found|visible|present|pictured|depicted|contained)"
_IN_ALL = (
    rf"(?:(?:is|are|can be|appears?|occurs?|exists?) (?:{_SEEN} )?(?:in )?@both |"
    rf"@both (?:show|contain|have|include|feature|share) )"
)


def _asks_for_shared_thing(reading: Reading) -> bool:
    """`What appears in every picture?`: no noun is named, and it is said to be in all."""
    if any(not h.noun.phrase.generic or h.selections for h in reading.heads):
        return False
    everywhere = re.search(_EVERYWHERE, reading.text) is not None or _names_all(reading)
    if reading.heads and reading.heads[0].noun.phrase.noun in ("everything", "anything"):
        return False
    plural = any(h.noun.phrase.plural for h in reading.heads)
    asked_what = re.search(r"(?: what | which (?:\w+ )?(?:object|thing|item|kind))", reading.text)
    return everywhere and (not plural or asked_what is not None)
