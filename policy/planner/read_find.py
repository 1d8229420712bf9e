"""Questions about named things."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal

from ...tools.errors import QueryNotUnderstood
from .amounts import as_target, condition, require_no_comparison
from .heads import Head, keep_meant, part_left_out
from .negation import in_a_condition, require_all_read, require_clear
from .nouns import fallback_noun
from .orders import asks, tells
from .pictures import Pictures
from .placing import place
from .question import BY_SIZE, Condition, Phrase, Question, Target
from .read_told import told_of
from .reading import Reading
from .unchecked import (
    note_unchecked,
    require_boxes_asked,
    require_one_choice,
    require_told_apart,
)

_COUNT = r"how many(?! @pics)|count|(?<!est )(?<!same )(?<!equal )number of|how much|tally|total of"
_COMPARATIVE = (
    r"(?:bigger|larger|smaller|tinier|taller|shorter|wider|narrower|longer|thinner|"
    r"closer|nearer)"
)
_WHICH_IS = rf" which (?:one |of the two )?(?:\w+ )?is (?:the )?(?:{_COMPARATIVE}|\w+est) "
_MORE_IN = re.compile(r" (?:more|fewer|less) (?:\S+ ){1,8}@named or (?:\w+ )?@named ")
_DEPENDS = re.compile(
    r"^ (?:@said |please )*if (?:there|you|the|an?|any|we|it|@\w+) (?!.* (?:too|also|both) )|"
    r"[.,;] if (?:none|not|no|there (?:is|are) (?:no|none))[ ,]"
)
"""`If there is a dog, find the cat`; `find the dog; if none, the cat`."""
_Asked = Literal["boxes", "which", "count", "presence"]


def find_question(reading: Reading) -> Question | None:
    """What to find, where, and under which conditions; None where nothing is named."""
    require_boxes_asked(reading.text)
    require_clear(reading.text)
    if not reading.heads and (noun := fallback_noun(reading.tokens)) is not None:
        reading.heads = [Head(noun, 0)]
    for head in reading.heads:
        if head.negated == "without" and _only_left_out(reading, head):
            head.negated = "except"
    excluded = tuple(h.phrase() for h in reading.heads if h.negated == "except")
    excluded += tuple(p for h in reading.heads for p in part_left_out(h))
    conditions, targets = _split(reading, [h for h in reading.heads if h.negated != "except"])
    scene, targets = _asked_again(reading, targets)
    conditions += scene
    told, targets = told_of(reading, conditions, targets)
    require_told_apart(reading.text, conditions)
    require_all_read(reading.stream.words(), reading.read)
    require_no_comparison(reading.stream.words())
    _require_something_wanted(reading, targets)
    if not targets and conditions:
        shown = [h for h in reading.heads if not h.negated]
        targets = shown
    if (not targets and not conditions) or _is_any_one(reading, targets):
        return None
    targets = _without_scene(reading, targets)
    require_one_choice(targets)
    ranked = _ranking(reading, targets)
    note_unchecked(reading.stream.words(), targets)
    which = any(r.kind == "which" for r in reading.references)
    everything = tuple(Target(h.phrase(), images) for h, images in place(reading, targets))
    images = tuple(sorted({i for t in everything for i in t.images})) or reading.every
    return Question(
        "find", images, everything, bool(told) or _per_image(reading, targets),
        (*conditions, *ranked), excluded,
        every=which and len(everything) > 1 and not told and " or " not in reading.text,
        ask="which" if told else _asks(reading, which), told=tuple(told),
    )  # fmt: skip


def _is_any_one(reading: Reading, targets: list[Head]) -> bool:
    """`The one in red`: neither a noun nor a place tells what it is."""
    if len(targets) != 1 or {"what", "whatever"} & {*reading.text.split()}:
        return False
    head = targets[0]
    told = head.selections or head.relations or not head.noun.phrase.generic
    return head.noun.pronoun and not told and " one" in reading.text


def _without_scene(reading: Reading, targets: list[Head]) -> list[Head]:
    """`A man is walking his dog. Box the dog.`: without what an earlier sentence only tells of."""
    words = reading.stream.words()
    ends = [at for at, word in enumerate(words) if word in (".", ";", "!", "?")]
    begins = [0, *(at + 1 for at in ends)]
    sentences = [words[begin:end] for begin, end in zip(begins, [*ends, len(words)], strict=True)]
    spoken = [h.at if h.again is None else h.again for h in targets]
    own = [max(n for n, begin in enumerate(begins) if begin <= at) for at in spoken]
    asked = [
        n for n, h in zip(own, targets, strict=True)
        if (h.noun.known and asks(sentences[n])) or (h.noun.pronoun and h.relations)
    ]  # fmt: skip
    if not asked or {"too", "also", "both"} & {*words}:
        return targets
    return [
        h for n, h in zip(own, targets, strict=True)
        if n >= asked[-1] or asks(sentences[n]) or not tells(sentences[n])
    ]  # fmt: skip


def _asked_again(reading: Reading, targets: list[Head]) -> tuple[list[Condition], list[Head]]:
    """`Which image has horses and a bicycle? Box the bicycle.`: the rest tells which image."""
    ends = _ends(reading)
    which = any(r.kind == "which" for r in reading.references)
    again = [h for h in targets if _is_ordered_again(reading, h)] if which else []
    told = {_sentence(ends, h.at) for h in again[:1]}
    scene = [h for h in targets if h not in again and _sentence(ends, h.at) in told]
    shown = [
        condition(h.noun, h.amount) or Condition("shows", h.phrase())
        for h in scene
        if not h.negated
    ]
    return shown, [h for h in targets if h not in scene]


def _ends(reading: Reading) -> list[int]:
    words = reading.stream.words()
    return [at for at, word in enumerate(words) if word in (".", ";", "!", "?", ":")]


def _sentence(ends: list[int], at: int) -> int:
    return sum(end < at for end in ends)


def _is_ordered_again(reading: Reading, head: Head) -> bool:
    """Whether a later sentence orders what is named here."""
    ends = _ends(reading)
    if head.again is None or _sentence(ends, head.again) == _sentence(ends, head.at):
        return False
    begin = max((end for end in ends if end < head.again), default=0)
    words = reading.stream.words()[begin : head.again]
    return asks([w for w in words if w not in ("which", "@which")])


def _require_something_wanted(reading: Reading, targets: list[Head]) -> None:
    """`No dogs` alone asks for nothing.

    Raises:
        QueryNotUnderstood: all that is named is said not to be there.
    """
    words = reading.stream.words()
    depends = (
        bool({"otherwise", "elsewise"} & {*words})
        or _DEPENDS.search(reading.text) is not None
        or any(_is_only_if_not(words[: h.at]) for h in targets)
    )
    if depends and len(targets) > 1:
        raise QueryNotUnderstood(
            "The planner can't do one thing or another, depending on what is there.",
            "Ask as in: which picture has no cat; dogs in pictures without a cat.",
        )
    if targets and all(h.negated for h in targets) and _asks(reading, False) != "presence":
        raise QueryNotUnderstood(
            "The question only says what is not wanted.",
            "Say what to find, as in: everything except dogs; which picture has no dog.",
        )


def _is_only_if_not(before: list[str]) -> bool:
    return in_a_condition(before) and bool({"no", "not"} & set(before[-4:]))


def _split(reading: Reading, heads: list[Head]) -> tuple[list[Condition], list[Head]]:
    """Phrases that say which pictures count, and phrases that say what to find."""
    conditions: list[Condition] = []
    targets: list[Head] = []
    which = any(r.kind == "which" for r in reading.references)
    wanted = [h for h in heads if h.shown_by is None and not h.negated]
    for head in heads:
        in_place = head.shown_by is not None and head.shown_by.preposition != ""
        if head.negated == "without" and (len(heads) > 1 or head.shown_by or which):
            conditions.append(_lacking(head))
        elif head.shown_by is not None and wanted and (in_place or _follows(reading, head, wanted)):
            bound = None if head.selections else condition(head.noun, head.amount)
            shown = bound or Condition("shows", head.phrase())
            conditions.append(replace(shown, phrase=_with_relations(shown.phrase, head)))
            if head.again is not None and _is_ordered_again(reading, head):
                # `In which picture is a dog next to a cat? Box the dog and the cat.`
                targets.append(replace(head, at=head.again, again=None, shown_by=None))
        else:
            targets.append(head)
    kept = keep_meant(targets)
    return conditions, kept


def _with_relations(phrase: Phrase, head: Head) -> Phrase:
    return replace(phrase, relations=head.phrase().relations)


def _lacking(head: Head) -> Condition:
    """Pictures that do not show a thing.

    Raises:
        QueryNotUnderstood: not the thing but a number of it is said not to be there.
    """
    if head.amount is not None or (head.noun.number or 1) > 1 or head.noun.compared:
        raise QueryNotUnderstood(
            "The planner can't read a number that is said not to be there.",
            "Say it the other way round, as in: which picture has fewer than two dogs.",
        )
    return Condition("lacks", head.phrase())


def _only_left_out(reading: Reading, head: Head) -> bool:
    """`Dogs, not cats`: where no picture is said to lack it, the thing itself is not wanted."""
    others = [h for h in reading.heads if not h.negated]
    if not others or head.shown_by is not None:
        return False
    if any(r.kind == "which" for r in reading.references):
        return False
    words = reading.stream.words()[max(0, head.at - 2) : head.at]
    return bool({"not", "no", "neither", "nor"} & set(words))


def _follows(reading: Reading, head: Head, wanted: list[Head]) -> bool:
    """`find the dog in the picture with a cat`: the condition comes with its own picture."""
    return head.shown_by is not None and head.shown_by.kind == "this" and bool(wanted)


def _ranking(reading: Reading, targets: list[Head]) -> list[Condition]:
    """`Which picture has the most dogs`, `which has a dog and at least two cats`.

    What is counted to choose a picture is wanted whole in it; what is not counted stays as it is.
    """
    asked = any(r.kind == "which" for r in reading.references) or _is_between(reading)
    conditions: list[Condition] = []
    for head in targets:
        choosing = asked or head.shown_by is not None
        # `In the photo with two cats, box the right one`: the number says which photo it is.
        apart = head.shown_by is not None and head.shown_by.kind == "this"
        apart = apart and (head.one or _is_one_of_most(head))
        head.one = head.one or apart
        choosing = choosing and (apart or not (head.selections or head.one))
        bound = condition(head.noun, head.amount) if choosing else None
        if bound is None:
            head.noun = as_target(head.noun, head.amount)
        else:
            if not apart:
                bound = replace(bound, phrase=_with_relations(bound.phrase, head))
            conditions.append(bound)
            if bound.kind in ("exactly", "at least", "at most"):
                head.noun = replace(head.noun, phrase=_uncounted(head.noun.phrase))
    if conditions and len(targets) > 1:
        _require_each_counted(reading, targets, conditions)
    return conditions


def _is_one_of_most(head: Head) -> bool:
    """`The image with the most elephants, and the largest there`: a choice of its own."""
    most = head.amount is not None and head.amount.kind in ("most", "fewest")
    return most and bool(head.selections)


def _is_between(reading: Reading) -> bool:
    """`Are there more chairs in the first or in the second photo?`: which of all the pictures."""
    named = {i for r in reading.references if r.kind == "named" for i in r.images}
    return len(named) > 1 and bool(_MORE_IN.search(reading.text))


def _require_each_counted(
    reading: Reading, targets: list[Head], conditions: list[Condition]
) -> None:
    """Refuse what can't be said by conditions that must all hold.

    Raises:
        QueryNotUnderstood: `two dogs or a cat`; `the most dogs and cats` (of which? together?).
    """
    ranked = any(c.kind in ("most", "fewest") for c in conditions)
    if " or " in reading.text or (ranked and any(h.joined and h.noun.bare for h in targets[1:])):
        raise QueryNotUnderstood(
            "The planner can't count several kinds of things together.",
            "Ask for one of them, as in: which picture has the most dogs.",
        )


def _uncounted(phrase: Phrase) -> Phrase:
    """Where the number says which pictures count, all of the kind are meant in these."""
    return replace(phrase, quantity=None, plural=True)


def _per_image(reading: Reading, targets: list[Head]) -> bool:
    """Superlatives hold in each picture, unless the question speaks of all as one.

    `Which picture shows the biggest dog?` and `which is bigger, the dog in image 2 or the one in
    image 3?` compare between pictures.

    Raises:
        QueryNotUnderstood: different things are compared by size.
    """
    if any(_pools(r) for r in reading.references):
        return False
    compared = re.search(_WHICH_IS, reading.text)
    if compared and len(targets) > 1 and " or " in reading.text:
        raise QueryNotUnderstood(
            "The planner compares sizes among things of one kind only.",
            "Ask as in: which is bigger, the dog in image 2 or the dog in image 3.",
        )
    named = {i for r in reading.references if r.kind == "named" for i in r.images}
    which = any(r.kind == "which" for r in reading.references)
    between = compared or re.search(rf" {_COMPARATIVE} ", reading.text)
    asked = re.search(rf" which (?:one |\w+ )?is (?:the )?{_COMPARATIVE} ", reading.text)
    several = which or (len(named) > 1 and between) or (not named and asked)
    if several and any(_is_one_by_size(head) for head in targets):
        return False
    return re.search(r" (?:overall|altogether|of all) ", reading.text) is None


def _pools(reference: Pictures) -> bool:
    """`Of all pictures`, `across both`, `among images 1 and 3`: they are looked at as one."""
    across = reference.preposition in ("across", "among", "amongst", "out of")
    if reference.kind == "all" and not reference.each:
        return across or reference.preposition in ("over", "of")
    return across and reference.kind in ("all", "named") and len(reference.images) > 1


def _is_one_by_size(head: Head) -> bool:
    """Whether one is chosen by size, which can be compared from picture to picture."""
    one = not head.noun.phrase.plural or head.noun.phrase.quantity is not None
    return one and any(s.key in BY_SIZE and not s.side for s in head.selections)


def _asks(reading: Reading, which: bool) -> _Asked:
    if re.search(rf"(?<= )(?:{_COUNT})(?= )", reading.text):
        return "count"
    if which or _is_between(reading):
        return "which"
    first = reading.text.split()[:4]
    if ({"is", "are", "does", "do"} & set(first[:1]) and first[1:2] != ["not"]) or "there" in first[
        :3
    ]:
        return "presence"
    return "boxes"
