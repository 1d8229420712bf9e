"""Questions about named things."""

from __future__ import annotations

import re
from typing import Literal

from .assembly import Head, keep_meant
from .nouns import fallback_noun
from .pictures import Pictures
from .question import Condition, Question, Target
from .reading import Reading, confines
from .stream import Chunk

_COUNT = r"how many(?! @pics)|count|number of|how much|tally|total of"
_MOST = r"(?:the )?(?:most|more|(?:greatest|largest|highest|biggest) number of)"
_FEWEST = r"(?:the )?(?:fewest|fewer|less|least|(?:smallest|lowest|least) number of)"
_Asked = Literal["boxes", "which", "count", "presence"]


def find_question(reading: Reading) -> Question | None:
    """What to find, where, and under which conditions; None where nothing is named."""
    if not reading.heads and (noun := fallback_noun(reading.tokens)) is not None:
        reading.heads = [Head(noun, 0)]
    excluded = tuple(h.phrase() for h in reading.heads if h.negated == "except")
    conditions, targets = _split(reading, [h for h in reading.heads if h.negated != "except"])
    if not targets and conditions:
        shown = [h for h in reading.heads if not h.negated]
        targets = shown
    if not targets and not conditions:
        return None
    ranked = _ranking(reading, targets)
    which = any(r.kind == "which" for r in reading.references)
    everything = tuple(Target(h.phrase(), images) for h, images in _place(reading, targets))
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
    wanted = [h for h in heads if h.shown_by is None and not h.negated]
    for head in heads:
        in_place = head.shown_by is not None and head.shown_by.preposition != ""
        if head.negated == "without" and (len(heads) > 1 or head.shown_by):
            conditions.append(Condition("lacks", head.phrase()))
        elif head.shown_by is not None and wanted and (in_place or _follows(reading, head, wanted)):
            conditions.append(Condition("shows", head.phrase()))
        else:
            targets.append(head)
    kept = keep_meant(targets)
    return conditions, kept


def _follows(reading: Reading, head: Head, wanted: list[Head]) -> bool:
    """`find the dog in the picture with a cat`: the condition comes with its own picture."""
    return head.shown_by is not None and head.shown_by.kind == "this" and bool(wanted)


def _ranking(reading: Reading, targets: list[Head]) -> tuple[Condition, ...]:
    """`Which picture has the most dogs`."""
    if not targets or not any(r.kind == "which" for r in reading.references):
        return ()
    phrase = targets[0].phrase()
    if re.search(rf"(?:has|have|shows?|contains?|with|are|see)(?: there)? {_MOST} ", reading.text):
        return (Condition("most", phrase),)
    if re.search(
        rf"(?:has|have|shows?|contains?|with|are|see)(?: there)? {_FEWEST} ", reading.text
    ):
        return (Condition("fewest", phrase),)
    return ()


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
    if {"is", "are", "does", "do"} & set(first[:1]) or "there" in first[:3]:
        return "presence"
    return "boxes"
