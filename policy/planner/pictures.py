"""References to pictures: image 2, the first two photos, the last one, which picture."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from ...tools.errors import QueryNotUnderstood
from .lexicon import word_set
from .numbered import read_labels, read_numbered_things, read_numbered_views
from .stream import Builder, Chunk, Item, Stream
from .tokens import Token

ReferenceKind = Literal["named", "all", "which", "this", "rest", "role"]


@dataclass(frozen=True, slots=True)
class Pictures:
    """A reference to pictures.

    Attributes:
        kind: named by number, rank or place; all of them; `which` of them is asked; `this` one,
            not said which; the rest beside those named elsewhere; by their role in a comparison.
        images: 1-based; for `which` and `this` those that it may be.
        each: spoken of one by one (each, every, both).
        plural: several are meant.
        preposition: the words before it that bind it (in, from, as), or an empty string.
        negated: these pictures are shut out.
        role: for `role`, the word (original, edited, source, ...).
        times: least and most of them that are meant where it is not said which (`exactly two`).
    """

    kind: ReferenceKind
    images: tuple[int, ...]
    each: bool = False
    plural: bool = False
    preposition: str = ""
    negated: bool = False
    role: str = ""
    times: tuple[int, int] | None = None


_DET = r"(?:(?:the|this|these|those|that|my|our|your|its|said|a|an) )?"
_ADJ = (
    r"(?:(?:given|provided|attached|above|following|shown|input|supplied|different|individual|"
    r"single|separate|same|available|uploaded|enclosed|various|respective|candidate|entire|"
    r"complete|present|listed|NUM\d+) )*"
)
_ORD = r"ORD-?\d+"
_NOUN = r"PICS?"
_LAST = (
    r"[.,;:?!)/]|and|or|but|is|are|has|have|does|do|that|which|where|contains?|shows?|with|"
    r"against|to|vs|versus|please|not|lacks?|differs?|only|as|than|too|it|i|"
    r"there|find|locate|show|mark|point|what|come|comes|came|belongs?|goes|go|fits?|stems?"
)
_END = rf"(?= (?:(?:{_LAST}|@\w+) |$))"
_RUN = rf"(?:(?: ,|(?: ,)? (?:and|or|&))(?: the)? {_ORD}(?: one)?)+"
_NO_THING = rf"(?!{_RUN} (?!(?:{_LAST}|@\w+) |$))"
"""After a rank: it is not one of several ranks of a thing (`the second and third person`)."""
_NO_PART = "".join(
    f"(?<!{part} of )" for part in ("edge", "side", "border", "part", "half", "corner")
)
"""`The edge of the picture on the right` is an edge, and the picture any."""
_BARE_END = r"(?= (?:(?:[.,;:?!)]|please|and @\w+) |$))"
_FIRST_ROLES = sorted(
    word_set(
        """
    before earlier old older former initial left upper top lefthand
    """
    )
)
_SECOND_ROLES = sorted(
    word_set(
        """
    after later new newer latter edited modified altered changed manipulated doctored retouched
    tampered right lower bottom righthand
    """
    )
)
_SOURCE_ROLES = sorted(
    word_set(
        """
    original source full fuller larger large bigger big whole complete parent base uncropped wider
    main
    """
    )
)
_ROLE = "|".join([*_FIRST_ROLES, *_SECOND_ROLES, *_SOURCE_ROLES])
_CROP = sorted(
    word_set(
        """
    cropped zoomed smaller small partial enlarged magnified cut
    """
    )
)

_WHICH_OF = rf"(?:(?:of|among|amongst|from|out of|between) )?{_DET}{_ADJ}"
_QUANTITY = (
    r"(?:all|every|each|any|both|either|some|one|none|neither|most|several|at least one)"
    r"(?: single| and every| one)?(?: of)?"
)
_TIES = r"(?: (?:,|and|or|&|\+|to|through|thru|till|until|-|/)(?: and)?"
_LISTED = rf"(?:NUM\d+|one(?={_TIES} NUM)))(?:{_TIES} (?:NUM\d+|one{_END})))*"
_TWO = r"(?:NUM\d+|one)(?:(?:(?: , NUM\d+)+(?: ,)?)? (?:and|or|&|\+|to|-) NUM\d+)?"
_NUMBER = r"(?:(?:number|numbers|no|nr|num|index|indices|no \.|nr \.|#|\() )*"
_RANKS = rf"{_ORD}(?:(?: ,)?(?: (?:and|or|&))?(?: the)? {_ORD})*"
_THEM = r"(?:them|these|those|(?:the|these|those) NUM\d+)"
_PREPOSITION = (
    r"(?:shown in|given in|seen in|displayed in|visible in|depicted in|provided (?:in|as)|"
    r"given as|shown as|out of|from within|inside of|in|on|at|from|of|within|inside|into|onto|to|"
    r"across|throughout|among|amongst|over|between|through|as|for|with|against|by)"
)
_NEGATION = (
    r"(?:but not|except(?: for)?|excluding|other than|apart from|aside from|leaving out|leave out|"
    r"ignoring|ignore|skipping|skip|without|besides|rather than|not|neither|outside(?: of)?|"
    r"all but|but|do not bother with|never mind|forget(?: about)?|disregard(?:ing)?|"
    r"do not (?:look|search) (?:at|in|through))"
)


_BUT_THERE = re.compile(rf"but (?!not ){_PREPOSITION} ")
_EVERYWHERE = re.compile(
    r" (?:all|any|each|every\w*|anywhere|anything|anyone|@pics)(?: [^\s,;]+)? $"
)
_BOUND = r"(?:only|just|exactly|at least|at most|no more than|more than|over|fewer than|less than)"
_MOST_PICTURES = 20
"""Above this a bare number is taken for something else."""


def read_pictures(stream: Stream, count: int) -> None:
    """Replace every reference to pictures in the stream by a `pics` chunk.

    Args:
        stream: rewritten in place.
        count: how many pictures there are.

    Raises:
        QueryNotUnderstood: a picture is named that does not exist.
    """
    read_numbered_things(stream)
    read_numbered_views(stream)
    read_labels(stream, count)
    reader = _Reader(count)
    for pattern, build in reader.rules():
        stream.rewrite(pattern, "pics", build)
    more = rf"(?:(?: ,)? (?:and|or|nor)(?: not)?(?: {_PREPOSITION})? @pics)*"
    stream.rewrite(
        rf"{_NEGATION}(?: of)? (?:{_PREPOSITION} )?(?:the )?@pics{more}", "pics", _negated
    )
    stream.rewrite(rf"{_PREPOSITION} @pics", "pics", _with_preposition)
    _fill_rest(stream, count)


def pictures_in(stream: Stream) -> list[Pictures]:
    """All picture references of a stream, in order."""
    return [i.meaning for i in stream if isinstance(i, Chunk) and isinstance(i.meaning, Pictures)]


class _Reader:
    """Builders of references for a given number of pictures."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.every = tuple(range(1, count + 1))

    def rules(self) -> list[tuple[str, Builder]]:
        """(pattern, builder) in the order in which they are tried: the longest forms first."""
        return [
            (rf"{_DET}{_ADJ}PICS {_NUMBER}{_LISTED}(?: \))?", self.by_number),
            (rf"{_DET}{_ADJ}PIC {_NUMBER}{_TWO}(?: \))?", self.by_number),
            (rf"{_DET}PIC (?::|=|is) (?:NUM\d+|one){_BARE_END}", self.by_number),
            (rf"{_DET}PIC (?:[b-hj]|a(?= (?:[.,;:?!)]|and|or|$)))", self.by_letter),
            (rf"{_DET}PIC a", self.by_capital),
            (rf"{_DET}PIC (?:that|which) (?:comes?|is) (?:the )?{_ORD}{_END}", self.by_rank),
            (rf"{_DET}(?:very )?{_ORD} to {_ORD} {_NOUN}", self.from_the_end),
            (rf"{_DET}{_ORD} (?:NUM\d+|few|couple(?: of)?) {_NOUN}", self.first_few),
            (rf"{_DET}NUM\d+ {_ORD} {_NOUN}", self.first_few),
            (rf"{_DET}(?:very )?{_RANKS}(?: one)?(?: of)? {_DET}{_ADJ}{_NOUN}", self.by_rank),
            (rf"{_DET}{_ORD}(?: one)? of {_THEM}{_END}", self.by_rank),
            (rf"(?:which|what|whichever) (?:one |ones |NUM\d+ )?(?:of the )?(?:other|remaining) "
             rf"(?:NUM\d+ )?{_NOUN}", self.rest),
            (rf"(?:(?:which|what|whichever)(?: ones?)?|how many) {_WHICH_OF}{_NOUN}", self.which),
            (rf"which (?:ones? )?(?:of|among) {_THEM}{_END}", self.which),
            (r"(?<= in )which(?: ones?)?(?= (?:is|are|do|does|did|can|could) )", self.which),
            (r"which(?: ones?)?(?= (?:shows?|has|have|contains?|includes?|features?|depicts?) )",
             self.which),
            (rf"(?:{_QUANTITY} )?(?:of )?(?:the |my |your |these )?(?:NUM\d+ )?(?:other|remaining|"
             rf"another|rest of the)(?: NUM\d+)? (?:{_NOUN}|ones?)", self.rest),
            (rf"(?:(?:any|one|all|each|some) of )?the (?:others|rest|other (?:NUM\d+|one)){_END}",
             self.rest),
            (rf"the (?:others|rest) of {_DET}{_NOUN}", self.rest),
            (rf"(?:{_BOUND} )?(?:NUM\d+|one|(?:a )?single|several|multiple|some)(?: of)? "
             rf"{_DET}{_ADJ}{_NOUN}", self.so_many),
            (rf"{_QUANTITY} {_DET}{_ADJ}{_NOUN}", self.all),
            (rf"{_QUANTITY.replace('(?: of)?', ' of')} {_THEM}{_END}", self.all),
            (rf"{_DET}(?:{_ROLE}|{'|'.join(_CROP)})(?: hand)? PIC", self.role),
            (rf"{_NO_PART}the PIC (?:on|to|at) (?:the|your|my) (?:far )?(?:left|right)(?: hand)?"
             rf"(?: side)?{_END}", self.on_a_side),
            (r"(?:the )?middle PIC", self.middle),
            (rf"{_DET}{_ADJ}PICS", self.all),
            (rf"(?:a|an) {_ADJ}PIC", self.all),
            (rf"{_DET}{_ADJ}PIC", self.this),
            (rf"(?<= in )the {_ORD}(?= (?:the|an?|any|all|every) )", self.by_rank),
            (rf"(?<= in |rom | of | on )(?:the )?{_ORD}(?: one)?(?: (?:and|or) (?:the )?{_ORD}"
             rf"(?: one)?)?{_NO_THING}{_END}", self.by_rank),
            (rf"the {_ORD} one{_NO_THING}{_END}", self.by_rank),
            (rf"the {_ORD}{_NO_THING}(?! (?:to|from) (?:the )?{_ORD}){_END}", self.by_rank),
            (r"(?<= in | of )(?:(?:number|no|no \.|#) )+(?:NUM\d+|one)", self.by_number),
            (r"# (?:NUM\d+|one)", self.by_number),
            (rf"(?<= in |rom )(?:NUM\d+|one(?={_TIES} NUM)))(?:{_TIES} NUM\d+))*{_BARE_END}",
             self.by_bare_number),
            (rf"(?<= in |oss |rom |hin )(?:all|any|each|both|either|one)(?: NUM\d+)?{_END}",
             self.all),
            (rf"(?<= in )(?:this|that) one{_END}", self.this),
        ]  # fmt: skip

    def by_number(self, found: re.Match[str], items: list[Item]) -> Pictures | None:
        """Image 2; images 1, 2 and 4; images 1 to 3."""
        words = [w for w in found.group(0).split()]
        start = max((i for i, w in enumerate(words) if w in ("PIC", "PICS")), default=0)
        numbers: list[int] = []
        spanning = False
        for word in words[start:]:
            if word in ("to", "through", "thru", "till", "until", "-"):
                spanning = True
            value = 1 if word == "one" else int(word[3:]) if word.startswith("NUM") else None
            if value is None:
                continue
            first = numbers[-1] + 1 if spanning and numbers and numbers[-1] < value else value
            numbers.extend(range(first, min(value, first + 10_000) + 1))
            spanning = False
        return self.named(numbers)

    def by_bare_number(self, found: re.Match[str], items: list[Item]) -> Pictures | None:
        """`Cats in 1 and 3`: numbers alone, where there are such pictures."""
        numbers = [int(number) for number in re.findall(r"NUM(\d+)", found.group(0))]
        if not numbers or max(numbers) > _MOST_PICTURES:
            # `A dog taken in 2019`.
            return None
        return self.by_number(found, items)

    def by_letter(self, found: re.Match[str], items: list[Item]) -> Pictures | None:
        """Image B is the second."""
        return self.named(["abcdefghij".index(found.group(0)[-1]) + 1])

    def by_capital(self, found: re.Match[str], items: list[Item]) -> Pictures | None:
        """Image A is the first; in lower case it is an article (`in image a dog`)."""
        picture, last = items[-2:]
        if not isinstance(last, Token) or not last.raw.isupper():
            return None
        if isinstance(picture, Token) and picture.raw.isupper():
            # `IN IMAGE A DOG`: where all is written so, it tells nothing.
            return None
        return self.by_letter(found, items)

    def by_rank(self, found: re.Match[str], items: list[Item]) -> Pictures | None:
        """The second picture; the first and the last photo."""
        ranks = [int(rank) for rank in re.findall(r"ORD(-?\d+)", found.group(0))]
        return self.named([self.count + 1 + rank if rank < 0 else rank for rank in ranks])

    def from_the_end(self, found: re.Match[str], items: list[Item]) -> Pictures | None:
        """The second to last picture."""
        rank, end = (int(rank) for rank in re.findall(r"ORD(-?\d+)", found.group(0)))
        return self.named([self.count + 1 - rank]) if end == -1 else None

    def first_few(self, found: re.Match[str], items: list[Item]) -> Pictures | None:
        """The first two pictures; the last three images; the two first pictures."""
        rank = re.findall(r"ORD(-?\d+)", found.group(0))[0]
        size = int((re.findall(r"NUM(\d+)", found.group(0)) or [2])[0])
        if rank not in ("1", "-1") or size < 1:
            return None
        numbers = (
            range(1, size + 1) if rank == "1" else range(self.count - size + 1, self.count + 1)
        )
        return self.named(list(numbers))

    def named(self, numbers: list[int]) -> Pictures:
        """A reference to exactly these; each must exist."""
        for number in numbers:
            if not 1 <= number <= self.count:
                there = "there is only 1" if self.count == 1 else f"there are {self.count}"
                raise QueryNotUnderstood(
                    f"The question speaks of picture {number}, but {there}.",
                    "Pictures are numbered from 1, in the order in which they were given.",
                )
        unique = tuple(dict.fromkeys(numbers))
        return Pictures("named", unique, plural=len(unique) > 1)

    def which(self, found: re.Match[str], items: list[Item]) -> Pictures | None:
        """Which picture; in how many of the pictures."""
        return Pictures("which", self.every, plural="PICS" in found.group(0))

    def rest(self, found: re.Match[str], items: list[Item]) -> Pictures | None:
        """The other pictures; another one; the rest."""
        return Pictures("rest", self.every, each="each" in found.group(0))

    def all(self, found: re.Match[str], items: list[Item]) -> Pictures | None:
        """All, each, both, any of the pictures, or just `the pictures`."""
        words = found.group(0).split()
        each = bool({"each", "every", "both", "either"} & set(words))
        if {"none", "neither"} & set(words) or ({"both", "either"} & set(words) and self.count < 2):
            return None
        few = re.search(r"NUM(\d+)", found.group(0))
        if few and int(few.group(1)) > self.count:
            return self.named([int(few.group(1))])
        return Pictures("all", self.every, each=each, plural=True)

    def so_many(self, found: re.Match[str], items: list[Item]) -> Pictures | None:
        """Exactly two of the pictures; only one image; several of them."""
        words = found.group(0)
        number = int((re.findall(r"NUM(\d+)", words) or [1])[0])
        bound = re.match(_BOUND, words)
        least, most = number, self.count
        if re.match(r"several|multiple|some of", words):
            least = 2
        elif bound is None:
            if number < 2:
                # `In one of the images` leaves open whether in others, too.
                return None
        elif (said := bound.group(0)) in ("more than", "over"):
            least = number + 1
        elif said in ("at most", "no more than", "fewer than", "less than"):
            least, most = 1, number - (said in ("fewer than", "less than"))
        elif said != "at least":
            most = number
        if not 1 <= least <= most <= self.count or least == self.count:
            return None
        return Pictures("all", self.every, plural=True, times=(least, most))

    def role(self, found: re.Match[str], items: list[Item]) -> Pictures | None:
        """The original, the edited, the left picture, the full picture, the cropped image."""
        words = found.group(0).split()
        word = words[-3] if words[-2] == "hand" else words[-2]
        if word in _CROP:
            return Pictures("role", self.every, role="crop")
        if word in _SOURCE_ROLES:
            return Pictures("role", self.every, role="source")
        if word in _FIRST_ROLES:
            return Pictures("role", (1,), role="first")
        return Pictures("role", (self.count,), role="second")

    def on_a_side(self, found: re.Match[str], items: list[Item]) -> Pictures | None:
        """The picture on the right; of a single one it is the right side that is meant."""
        if self.count < 2:
            return None
        left = " left" in found.group(0)
        return Pictures("role", (1,) if left else (self.count,), role="first" if left else "second")

    def middle(self, found: re.Match[str], items: list[Item]) -> Pictures | None:
        """The middle picture of an odd number."""
        return self.named([self.count // 2 + 1]) if self.count % 2 else None

    def this(self, found: re.Match[str], items: list[Item]) -> Pictures | None:
        """This picture; the image."""
        return Pictures("this", self.every)


def _negated(found: re.Match[str], items: list[Item]) -> Pictures | None:
    """`Not in image 2`, `in neither image 1 nor image 3`: all that are named are shut out."""
    if _BUT_THERE.match(found.group(0)) and not _EVERYWHERE.search(found.string[: found.start()]):
        # `The same cup, but in image 2` is there; `every cup but in image 2` is not.
        return None
    shut_out = [
        item.meaning
        for item in items
        if isinstance(item, Chunk) and isinstance(item.meaning, Pictures)
    ]
    if any(ref.kind in ("which", "all", "this") for ref in shut_out) or not shut_out:
        return None
    images = tuple(dict.fromkeys(image for ref in shut_out for image in ref.images))
    return replace(shut_out[-1], images=images, negated=True, plural=len(images) > 1)


def _with_preposition(found: re.Match[str], items: list[Item]) -> Pictures | None:
    last = items[-1]
    if not isinstance(last, Chunk) or not isinstance(last.meaning, Pictures):
        return None
    return replace(last.meaning, preposition=found.group(0).rsplit(" ", 1)[0])


def _fill_rest(stream: Stream, count: int) -> None:
    """Give `the others` their pictures: those that are named nowhere else."""
    named = {image for ref in pictures_in(stream) if ref.kind == "named" for image in ref.images}
    left = tuple(i for i in range(1, count + 1) if i not in named) or tuple(range(1, count + 1))
    for index, item in enumerate(stream.items):
        ref = item.meaning if isinstance(item, Chunk) else None
        if isinstance(ref, Pictures) and ref.kind == "rest" and named:
            stream.items[index] = Chunk("pics", replace(ref, images=left))
