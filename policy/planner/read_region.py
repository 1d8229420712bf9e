"""Questions about where a close-up was cut from."""

from __future__ import annotations

import re

from .cues import CROP, CUTTING
from .pictures import Pictures
from .question import Question, Source
from .reading import MARKS, Reading
from .stream import Chunk


def region_question(reading: Reading) -> Question:
    """Which picture is the close-up, and where its place is sought."""
    source = _crop_index(reading)
    kth = _kth_crop(reading)
    if source is None and kth is not None:
        source = kth + 1 if kth > 0 else reading.count
    named = [r for r in reading.located() if r.kind == "named"]
    where = tuple(i for i in reading.where(named) if i != source)
    if source is not None and kth is not None and len(named) == 0:
        where = (1,)
    rest = tuple(i for i in reading.every if i != source)
    return Question("region", where or rest, source=Source(source), single=True)


def _kth_crop(reading: Reading) -> int | None:
    """`the second region picture`, `crop 3` where a source picture comes first."""
    found = re.search(rf"ORD(-?\d+) {CROP}|{CROP} (?:number |# )?NUM(\d+)", reading.text)
    if found is None or not re.search(r"followed by|source|@named", reading.text):
        return None
    value = int(found.group(1) or found.group(2))
    return value if value < reading.count else None


def _crop_index(reading: Reading) -> int | None:
    """The picture that is the close-up, from how its reference stands in the sentence."""
    words = reading.text.split()
    refs = [item.meaning for item in reading.before
            if isinstance(item, Chunk) and isinstance(item.meaning, Pictures)]  # fmt: skip
    marks = [i for i, w in enumerate(words) if w.startswith("@") and w in MARKS]
    if re.search(rf" {CUTTING} (?:\w+ ){{0,3}}(?:at|in) the (?:very )?end ", reading.text):
        return reading.count
    best: tuple[float, int] | None = None
    for at, ref in zip(marks, refs, strict=False):
        if ref.kind != "named" or len(ref.images) != 1 or ref.negated:
            continue
        weight = _crop_weight(reading, words, at, ref)
        if weight > 0 and (best is None or weight > best[0]):
            best = (weight, ref.images[0])
    return best[1] if best else None


def _crop_weight(reading: Reading, words: list[str], at: int, ref: Pictures) -> float:
    """How much speaks for a reference being the close-up and not the place to search."""
    before = " ".join(words[max(0, at - 3) : at])
    after = " ".join(words[at + 1 : at + 5])
    weight = 0.0
    if ref.preposition in ("as", "shown in", "given in", "seen in", "displayed in", "given as",
                           "visible in", "shown as", "provided in", "provided as"):  # fmt: skip
        weight += 3.0
    elif ref.preposition in ("from", "out of", "into", "within", "inside", "from within",
                             "inside of", "onto", "against"):  # fmt: skip
        weight -= 3.0
    elif ref.preposition in ("in", "on", "of", "at", "to", "with"):
        weight -= 1.5
        if re.search(rf"(?:^| ){CUTTING}$", before):
            weight += 3.0
    else:
        weight += 1.5
    if re.match(rf"(?:is|was|shows?|being|,)? ?(?:only |just |merely |clearly )*"
                rf"(?:a|an|the|one)? ?(?:\w+ )?{CROP}(?: |$)", after):  # fmt: skip
        weight += 2.0
    if re.match(r"(?:was|is|has|comes?|came|belongs?|fits?|appears?|originates?)(?: |$)", after):
        weight += 1.0
    if re.search(r"(?:source|original|full|whole)$", before):
        weight -= 3.0
    return weight
