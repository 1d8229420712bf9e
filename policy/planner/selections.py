"""Which one of several: leftmost, the second from the right, the largest, in the middle."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import cast

from ...tools.errors import QueryNotUnderstood
from .known import closed_vocabulary
from .lexicon import word_set
from .nouns import is_content
from .question import Key, Selection
from .stream import Builder, Chunk, Item, Stream

_D = r"(?:left|right|top|bottom|up|upper|down|lower|upwards?|downwards?)"
_ORDER = (
    r"(?:counting|counted|count|starting|start|beginning|begin|going|go|reading|read|moving|"
    r"numbered|scanning|ordered|sorted|looking|look)"
)
_EDGE = (
    r"(?: hand)?(?: (?:side|edge|border|margin|end|boundary|extreme|extremity|corner)s?)?"
    r"(?: of (?:all|them|the frame|the scene))?"
)
_PART = r"(?: hand)?(?: (?:side|half|part|edge|end|area|portion|section|third|border|margin))?"
_MIDDLE = r"(?:centre|center|middle|midpoint)"
VIEWERS = ("camera", "viewer", "us", "me", "you", "photographer", "lens", "observer", "foreground")
_VIEWER = rf"(?:{'|'.join(VIEWERS)})"
_NOT_OF = (
    r"(?!(?: (?:hand|side|half|part|edge|end|corner))* of (?!all |them |the frame |the scene ))"
)
_NO_PLACE = word_set(
    """
    is are was were be been being has have had got to on in at the a he she they you we i who that
    what which nothing anything something one ones not still only and or turn turns go
    """
)
_NO_VERB = "(?<=[a-z] )" + "".join(f"(?<!{word} )" for word in sorted(_NO_PLACE))
"""Not behind these is `left` the side: `lady left`, but `what is left`."""

_DEGREE = r"(?:very |far |extreme |utmost |exact |dead )*"

_END = rf"({_D}){_EDGE}{_NOT_OF}"

_DIRECTION: dict[str, Key] = {
    "left": "left", "right": "right", "top": "top", "up": "top", "upper": "top",
    "upward": "top", "upwards": "top", "bottom": "bottom", "down": "bottom", "lower": "bottom",
    "downward": "bottom", "downwards": "bottom",
}  # fmt: skip

_OPPOSITE: dict[Key, Key] = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}

_SIZE: dict[str, Key] = {
    **dict.fromkeys(
        ["largest", "biggest", "greatest", "hugest", "bigger", "larger", "fattest"],
        cast("Key", "largest"),
    ),
    **dict.fromkeys(
        ["smallest", "tiniest", "littlest", "smaller", "tinier"], cast("Key", "smallest")
    ),
    **dict.fromkeys(["tallest", "taller"], cast("Key", "tallest")),
    **dict.fromkeys(["shortest", "shorter"], cast("Key", "shortest")),
    **dict.fromkeys(["widest", "wider", "broadest", "longest", "longer"], cast("Key", "widest")),
    **dict.fromkeys(["narrowest", "narrower", "thinnest", "slimmest"], cast("Key", "narrowest")),
    "highest": "top", "lowest": "bottom", "higher": "top",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rank:
    """An ordinal that belongs to a thing: `the second dog`."""

    rank: int


@dataclass(frozen=True, slots=True)
class Origin:
    """Where counting starts: `from the left`; `full` where it says left to right."""

    key: Key
    full: bool = False


@dataclass(frozen=True, slots=True)
class Near:
    """`nearest` or `farthest` that may turn out to speak of a landmark after its noun."""

    far: bool


def read_selections(stream: Stream) -> None:
    """Replace every selection by a `sel` chunk; ordinals and origins are joined into them."""
    _read_top_few(stream)
    stream.rewrite(rf"(?:from )?(?:the )?({_D}) (?:to|towards) (?:the )?{_D}", "from", _full_origin)
    # `Boats, largest first`: how they are to be listed, and all of them.
    stream.rewrite(
        rf"(?:the )?(?:{'|'.join(_SIZE)}|{_D} ?most) (?:ones? )?ORD1(?= (?:[.,;!?)]|and|then) | $)",
        "from", lambda f, i: Origin("largest", True),
    )  # fmt: skip
    for pattern, build in _RULES:
        stream.rewrite(pattern, "sel", build)
    stream.rewrite(r"(?:closest|nearest)(?! to )(?! the )", "near", lambda f, i: Near(False))
    stream.rewrite(r"(?:furthest|farthest|remotest)(?: away)?(?! from )", "near",
                   lambda f, i: Near(True))  # fmt: skip
    stream.rewrite(
        rf"(?:(?:when |if )?(?:you )?{_ORDER}(?: (?:them|it|out))? )?"
        rf"(?:(?:from|at|with|on|by) )(?:the )?{_DEGREE}({_D}){_EDGE}"
        rf"(?: (?:side )?(?:and (?:going|moving) )?(?:to|towards) (?:the )?({_D}))?",
        "from", _origin,
    )  # fmt: skip
    stream.rewrite(
        r"from (?:the )?(front|back|rear)", "from",
        lambda found, items: Origin("largest" if found.group(1) == "front" else "smallest", True),
    )  # fmt: skip
    stream.rewrite(
        r"(?:by|in order of|in terms of|according to|in)(?: (?:decreasing|descending|their))? "
        r"(?:size|area)|(?:from )?(?:largest|biggest) to smallest", "from",
        lambda f, i: Origin("largest", True),
    )  # fmt: skip
    stream.rewrite(
        r"ORD([2-9]) (?:to|from)(?: the)? ORD-1", "rank",
        lambda found, items: Rank(-int(found.group(1))),
    )  # fmt: skip
    stream.rewrite(r"ORD-?\d+(?: (?:most|@sel))?", "rank", _rank)
    _join_ranks(stream)


def _read_top_few(stream: Stream) -> None:
    """`The top 3 boats by size`, `the top three largest`: the first ones, not those at the top."""
    words = stream.words()
    spots = [at for at, word in enumerate(words[:-1]) if word == "top" and "NUM" in words[at + 1]]
    for at in reversed(spots):
        del stream.items[at]
    if spots:
        stream.rewrite("by (?:size|area)", "sel", _key("largest"))


def _rank(found: re.Match[str], items: list[Item]) -> object:
    ordinal = re.match(r"ORD(-?\d+)", found.group(0))
    rank = int(ordinal.group(1)) if ordinal else 1
    last = items[-1]
    if found.group(0).endswith(" most"):
        raise QueryNotUnderstood(
            f"The planner can't rank by what follows '{found.group(0).split()[-1]}' here.",
            "It ranks by place and size, as in: the second person from the left; the third "
            "largest dog.",
        )
    if len(items) > 1 and isinstance(last, Chunk) and isinstance(last.meaning, Selection):
        return replace(last.meaning, rank=rank, side=False)
    return Rank(rank)


def _join_ranks(stream: Stream) -> None:
    """Give each rank its order: the nearest origin, else a selection by place, else the left."""

    def spots(kind: type) -> list[int]:
        return [i for i, item in enumerate(stream.items)
                if isinstance(item, Chunk) and isinstance(item.meaning, kind)]  # fmt: skip

    gone: set[int] = set()
    chosen = spots(Selection)
    for run in _runs(stream, spots(Rank)):
        origins = [i for i in spots(Origin) if i not in gone]
        placed = [i for i in chosen if i not in gone]
        # `The first dog and the second cat from the right` count from the same side.
        shared = [i for i in sorted(gone) if i > run[-1]]
        pool = origins or placed or shared
        near = min(pool, key=lambda i: min(abs(i - at) for at in run), default=None)
        key: Key = "left"
        if near is not None:
            meaning = cast("Chunk[Origin | Selection]", stream.items[near]).meaning
            key = meaning.key
            if isinstance(meaning, Selection) and not meaning.side and meaning.rank != 1:
                # `The second and third largest` share their order; of others nothing follows.
                if near not in (run[-1] + 2, run[-1] + 3):
                    continue
            else:
                gone.add(near)
        for at in run:
            rank = cast("Chunk[Rank]", stream.items[at]).meaning.rank
            stream.items[at] = Chunk("sel", Selection(key, rank))
    for at in spots(Origin):
        origin = cast("Chunk[Origin]", stream.items[at]).meaning
        if at not in gone and not origin.full:
            stream.items[at] = Chunk("sel", Selection(origin.key, side=True))
        else:
            gone.add(at)
    kept = [item for i, item in enumerate(stream.items) if i not in gone]
    stream.items = [
        Chunk("sel", item.meaning)
        if isinstance(item, Chunk) and isinstance(item.meaning, Selection)
        else item
        for item in kept
    ]


def _runs(stream: Stream, ranks: list[int]) -> list[list[int]]:
    """Ranks that are joined share one order: `the second, third and fourth from the right`."""
    words = stream.words()
    runs: list[list[int]] = []
    for at in ranks:
        between = words[runs[-1][-1] + 1 : at] if runs else []
        if between and set(between) <= {",", "and", "or", "&", "the"} and between != ["the"]:
            runs[-1].append(at)
        else:
            runs.append([at])
    return runs


def _origin(found: re.Match[str], items: list[Item]) -> Origin | None:
    words = found.group(0)
    if re.match(r"(?:at|on|by|with) ", words):
        return None
    return Origin(_DIRECTION[found.group(1)], found.group(2) is not None)


def _full_origin(found: re.Match[str], items: list[Item]) -> Origin:
    return Origin(_DIRECTION[found.group(1)], True)


def _extreme(found: re.Match[str], items: list[Item]) -> Selection:
    return Selection(_DIRECTION[found.group(1)])


def _opposite(found: re.Match[str], items: list[Item]) -> Selection:
    return Selection(_OPPOSITE[_DIRECTION[found.group(1)]])


def _side(found: re.Match[str], items: list[Item]) -> Selection | None:
    following = found.groupdict()
    first, then = following.get("next") or "", following.get("then") or ""
    compound = closed_vocabulary().resolve(f"{first} {then}").relation == "same"
    if compound or (first.isalpha() and first.islower() and is_content(first)):
        # `On the left couch`: the side tells which couch.
        return None
    return Selection(_DIRECTION[found.group(1)], side=True)


def _corner(found: re.Match[str], items: list[Item]) -> Selection:
    words = set(found.group(0).split())
    down = "bottom" if words & {"bottom", "lower"} else "top"
    across = "left" if "left" in words else "right"
    extreme = bool(words & {"closest", "nearest", "furthest", "farthest", "most", "very", "far"})
    return Selection(cast("Key", f"{down}-{across}"), side=not extreme)


def _size(found: re.Match[str], items: list[Item]) -> Selection:
    return Selection(_SIZE[found.group(1)])


def _space(found: re.Match[str], items: list[Item]) -> Selection:
    return Selection("smallest" if re.search("least|small", found.group(0)) else "largest")


def _key(key: Key, side: bool = False) -> Builder:
    def build(found: re.Match[str], items: list[Item]) -> Selection:
        return Selection(key, side=side)

    return build


_RULES: list[tuple[str, Builder]] = [
    (rf"(?:(?:closest|nearest|furthest|farthest|near|close)(?: to| in| into)? )?"
     rf"(?:(?:in|at|on|to|towards?|near) )?(?:the |its )?{_DEGREE}"
     rf"(?:(?:top|upper|bottom|lower) (?:left|right)|(?:left|right) (?:top|bottom))"
     rf"(?: most)?(?: hand)?(?: (?:corner|side|part|quarter|quadrant|area|edge))?{_NOT_OF}",
     _corner),
    (r"(left|right|top|bottom|upper|lower) ?most", _extreme),
    # Of two, the comparative chooses: the lower of the two cats, the left one of both.
    (r"(?<=the )(?<!to the )(?<!on the )(left|right|upper|lower|top|bottom)(?: hand)?(?: one)?"
     r" of (?:the |these |those )?(?:NUM2|both|pair of)(?: the| these| those)?", _extreme),
    (rf"(?:furthest|farthest|most distant|most remote)(?: away)? from (?:the )?{_DEGREE}"
     rf"({_D}){_EDGE}",
     _opposite),
    (rf"(?:furthest|farthest|further|farther|most|more|far|utmost|extreme|outermost)"
     rf"(?: (?:over|away|out|along|towards?|to|on|at|in|the|very))* {_END}", _extreme),
    (rf"all the way (?:over )?(?:to|on|at|in) (?:the )?{_END}", _extreme),
    (rf"(?:closest|nearest|next)(?: (?:to|towards?))?(?: (?:the|its))? {_DEGREE}{_END}",
     _extreme),
    (rf"(?:on|at|to|in|along|by) (?:the )?(?:very|far|extreme|utmost) {_DEGREE}{_END}",
     _extreme),
    (rf"(?:on|at|to|in|along|towards?|near|close to)(?: (?:the|its|your|our))? "
     rf"({_D}){_PART}{_NOT_OF}(?= (?P<next>\S+)(?: (?P<then>\S+))? |)",
     _side),
    (rf"(?:closest|nearest|next)(?: to)?(?: the)? {_DEGREE}{_MIDDLE}", _key("center")),
    (r"most central(?: ly)?|most centrally|centermost|middlemost|centremost", _key("center")),
    (rf"(?:in|at|near|around|towards?) (?:the )?{_DEGREE}{_MIDDLE}", _key("center", True)),
    (r"(?:centrally|central)(?: (?:located|placed|positioned))?", _key("center", True)),
    (rf"(?<=the ){_MIDDLE}", _key("center", True)),
    (rf"(?:closest|nearest|closer|nearer)(?: to)?(?: the)? {_VIEWER}", _key("largest")),
    (r"in (?:the )?(?:very )?(?:foreground|front)(?! of)", _key("largest", True)),
    (rf"(?:furthest|farthest|further|farther|most distant)(?: away)? from (?:the )?{_VIEWER}",
     _key("smallest")),
    (r"(?:most distant|furthest away|farthest away|furthest back|farthest back)", _key("smallest")),
    (r"in (?:the )?(?:far )?(?:background|distance)", _key("smallest", True)),
    (r"far (?:away|off|back)(?! from)", _key("smallest", True)),
    (rf"(?<=[,(] )({_D}){_PART}(?= (?:[.,;)?!]|@pics) | $)", _side),
    (rf"{_NO_VERB}(left|right)(?: side)?(?= (?:[.,;)?!]|@pics) | $)", _side),
    (r"(?<=[a-z] )(?<!the )(?<!in )front(?= (?:[.,;)?!]|@pics) | $)", _key("largest", True)),
    (rf"(?<!the ){_MIDDLE}(?= (?:[.,;)?!]|@pics) | $)", _key("center", True)),
    (r"background(?= \w)", _key("smallest", True)),
    (r"foreground(?= \w)", _key("largest", True)),
    (r"(?:(?:in|at|towards?) the (?:very )?|in )back(?! of)", _key("smallest", True)),
    (r"(?:at|towards?) the (?:very )?front(?! of)", _key("largest", True)),
    (r"(?:tak|occup|fill|cover|us)\w*(?: up)? the (?:most|least|largest|biggest|greatest|smallest)"
     r"(?: (?:space|room|area|part|share|portion|surface|pixels))?", _space),
    (r"(?:with |has |having )?the (?:most|least|largest|smallest|greatest|biggest) "
     r"(?:space|area|size|surface|bounding box)", _space),
    (rf"({'|'.join(_SIZE)})(?: up| placed| located| positioned| in size| in area| by area| by size"
     rf"| looking)?(?! than| to smallest| to largest| number)", _size),
    (r"(?:main|primary|principal|dominant|most salient|most important)"
     r"(?= (?:objects?|subjects?|things?|items?|elements?) )", _key("largest")),
    (r"most prominent|most sizeable|most sizable|most massive", _key("largest")),
    (rf"(?<=the )(left|right|upper|lower|top|bottom)(?: hand)?(?: side)?{_NOT_OF}(?! and| or)",
     _side),
]  # fmt: skip
