"""Questions about named things."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal

from .assembly import Head, keep_meant
from .nouns import fallback_noun
from .pictures import Pictures
from .question import Condition, Phrase, Question, Target
from .reading import Reading, confines
from .stream import Chunk

_COUNT = r"how many(?! @pics)|count|number of|how much|tally|total of"
_MOST = r"(?:the )?(?:most|more|(?:greatest|largest|highest|biggest) number of)"
_FEWEST = r"(?:the )?(?:fewest|fewer|less|least|(?:smallest|lowest|least) number of)"
_HAS = r"(?:has|have|having|shows?|contains?|with|are|is|see|includes?|features?)(?: there)?"
_BOUNDS: dict[str, tuple[Literal["exactly", "at least", "at most"], int]] = {
    "at least": ("at least", 0), "no fewer than": ("at least", 0), "no less than": ("at least", 0),
    "more than": ("at least", 1), "over": ("at least", 1),
    "at most": ("at most", 0), "no more than": ("at most", 0), "not more than": ("at most", 0),
    "fewer than": ("at most", -1), "less than": ("at most", -1),
    "exactly": ("exactly", 0), "only": ("exactly", 0), "just": ("exactly", 0),
    "precisely": ("exactly", 0),
}  # fmt: skip
"""Words before a number: how it bounds the count, and what is added to it."""
_Asked = Literal["boxes", "which", "count", "presence"]


def find_question(reading: Reading) -> Question | None:
    """What to find, where, and under which conditions; None where nothing is named."""
    if not reading.heads and (noun := fallback_noun(reading.tokens)) is not None:
        reading.heads = [Head(noun, 0)]
    for head in reading.heads:
        if head.negated == "without" and _only_left_out(reading, head):
            head.negated = "except"
    excluded = tuple(h.phrase() for h in reading.heads if h.negated == "except")
    conditions, targets = _split(reading, [h for h in reading.heads if h.negated != "except"])
    if not targets and conditions:
        shown = [h for h in reading.heads if not h.negated]
        targets = shown
    if not targets and not conditions:
        return None
    ranked = _ranking(reading, targets)
    which = any(r.kind == "which" for r in reading.references)
    counted = bool(ranked) and ranked[0].number > 0
    everything = tuple(
        Target(_uncounted(h.phrase()) if counted and h is targets[0] else h.phrase(), images)
        for h, images in _place(reading, targets)
    )
    images = tuple(sorted({i for t in everything for i in t.images})) or reading.every
    return Question(
        "find", images, everything, _per_image(reading),
        tuple(conditions) + ranked, excluded,
        every=which and len(everything) > 1 and " or " not in reading.text,
        ask=_asks(reading, which),
    )  # fmt: skip


def _split(reading: Reading, heads: list[Head]) -> tuple[list[Condition], list[Head]]:
    """Phrases that say which pictures count, and phrases that say what to find."""
    conditions: list[Condition] = []
    targets: list[Head] = []
    which = any(r.kind == "which" for r in reading.references)
    wanted = [h for h in heads if h.shown_by is None and not h.negated]
    for head in heads:
        in_place = head.shown_by is not None and head.shown_by.preposition != ""
        if head.negated == "without" and (len(heads) > 1 or head.shown_by or which):
            conditions.append(Condition("lacks", head.phrase()))
        elif head.shown_by is not None and wanted and (in_place or _follows(reading, head, wanted)):
            conditions.append(Condition("shows", head.phrase()))
        else:
            targets.append(head)
    kept = keep_meant(targets)
    return conditions, kept


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


def _ranking(reading: Reading, targets: list[Head]) -> tuple[Condition, ...]:
    """`Which picture has the most dogs`, `which has at least two`."""
    asked = any(r.kind == "which" for r in reading.references)
    if not targets or not (asked or targets[0].shown_by):
        return ()
    phrase = targets[0].phrase()
    number = re.search(
        rf"{_HAS} (?:({'|'.join(_BOUNDS)}) )?(?:the )?(?:NUM(\d+)|one|a single) ", reading.text
    )
    if number and (number.group(1) or number.group(2)):
        kind, step = _BOUNDS.get(number.group(1) or "", ("exactly", 0))
        return (Condition(kind, _uncounted(phrase), int(number.group(2) or 1) + step),)
    if not asked:
        return ()
    if re.search(rf"{_HAS} {_MOST} ", reading.text):
        return (Condition("most", phrase),)
    if re.search(rf"{_HAS} {_FEWEST} ", reading.text):
        return (Condition("fewest", phrase),)
    return ()


def _uncounted(phrase: Phrase) -> Phrase:
    """Where the number says which pictures count, all of the kind are meant in these."""
    return replace(phrase, quantity=None, plural=True)


def _place(reading: Reading, targets: list[Head]) -> list[tuple[Head, tuple[int, ...]]]:
    """Each target with its pictures: its own where each has one, else all that are named."""
    spots = [
        (index, item.meaning)
        for index, item in enumerate(reading.stream.items)
        if isinstance(item, Chunk) and isinstance(item.meaning, Pictures)
        and confines(item.meaning)
    ]  # fmt: skip
    together = reading.where([ref for _, ref in spots]) or reading.every
    placed = [(i, r) for i, r in spots if not r.negated]
    if len(targets) < 2 or len(placed) < 2:
        return [(head, together) for head in targets]
    leading = placed[0][0] < min(head.at for head in targets)
    result: list[tuple[Head, tuple[int, ...]]] = []
    for head in targets:
        if leading:
            own = [r for i, r in placed if i < head.at][-1:]
        else:
            own = [r for i, r in placed if i > head.at][:1] or [placed[-1][1]]
        result.append((head, own[0].images if own else together))
    return result


def _per_image(reading: Reading) -> bool:
    """Superlatives hold in each picture, unless the question speaks of all as one."""
    pooled = ("across", "among", "amongst", "over", "out of")
    if any(r.kind == "all" and not r.each and r.preposition in pooled for r in reading.references):
        return False
    return re.search(r" (?:overall|altogether|of all) ", reading.text) is None


def _asks(reading: Reading, which: bool) -> _Asked:
    if re.search(rf"(?<= )(?:{_COUNT})(?= )", reading.text):
        return "count"
    if which:
        return "which"
    first = reading.text.split()[:4]
    if ({"is", "are", "does", "do"} & set(first[:1]) and first[1:2] != ["not"]) or "there" in first[
        :3
    ]:
        return "presence"
    return "boxes"
