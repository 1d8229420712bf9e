"""Wordings that are said in plainer words before anything is read.

Each of these means what the plainer words mean, and is no part of speech of its own; a rule here
saves one in every reader. Where a wording is more than another way to say it, it belongs to them.
"""

from __future__ import annotations

import re

from .lexicon import COLOURS
from .nouns import singular

_PICTURE = r"(?:image|picture|photo|photograph|pic|shot|frame|snapshot)s?"
_IN_PICTURE = rf"(?:in|from|of|on) (?:(?!(?:and|or)\b)[\w']+ ){{0,3}}{_PICTURE}\b"
_SHOWS = r"(?:contains?|shows?|has|have|includes?|features?|depicts?)"
_LEAVE_OUT = (
    r"(?:except(?: for)?|excluding|apart from|aside from|other than|besides|minus|omitting|"
    r"(?:but )?(?:leav(?:e|ing) out|omit|drop|skip|ignor(?:e|ing)|skipping)|but(?: not)?|"
    r"(?:and )?not)"
)
_SCENE = (
    r"(?:(?:living|dining|bath|bed|class) ?room|room|kitchen|office|street|beach|scene|"
    r"restaurant|hallway|garden|yard|park)"
)
_SOMEBODY = (
    r"(?:(?:an?|the|two|three|some|his|her|their|other|another|young|little|old) ){0,2}"
    r"(?:people|persons?|m[ae]n|wom[ae]n|boys?|girls?|child(?:ren)?|kids?|lad(?:y|ies)|guys?|"
    r"friends?|dogs?|cats?|pupp(?:y|ies)|kittens?|riders?)\b"
)
_COLOUR = rf"(?:{'|'.join(sorted(COLOURS))})"
_WHO = r"(?:wom[ae]n|m[ae]n|lady|girl|boy|person|guy|kid|child|rider|player)"
_MOUNT = r"(?:elephants?|horses?|pon(?:y|ies)|camels?|donkeys?|cows?)"

_MOST = r"(?:most|more|fewest|fewer|least)"
_SHARE_OF_IT = (
    r"(?:the )?(?:%s)"
    r"(?: (?:part|share|portion|fraction|area|amount|percentage|proportion|space|room))?"
    rf" (?:of|in) (?:the|its|their|his|her|that) (?:(?:own|whole|entire) )?{_PICTURE}"
    r"(?: (?:(?:that|which) )?(?:it|they|he|she) (?:is|are) in)?\b"
)
_LARGEST_SHARE = _SHARE_OF_IT % "largest|biggest|greatest|most"
_SMALLEST_SHARE = _SHARE_OF_IT % "smallest|least|tiniest"
_FILLS = r"(?:fills?|takes? up|occup(?:y|ies)|covers?)"
_FILLING = r"(?:filling|taking up|occupying|covering)"
_CORNER = r"[xywh]_?(?:\d|min|max)?"
_PLAINER: list[tuple[str, str]] = [
    # The form of an answer, as `(x1,y1),(x2,y2)`, names nothing.
    (rf"[(\[]\s*{_CORNER}(?:\s*,\s*{_CORNER}){{1,3}}\s*[)\]]", " "),
    # `All buses except those in image 2` speaks of the picture.
    (rf"(?<=\w)(,? ?)\b{_LEAVE_OUT} (?:the |all |any )?(?:ones?|those|these|any|all|that)"
     rf"(?: (?:that|which) (?:is|are)(?: shown| seen| visible)?)? (?={_IN_PICTURE})",
     r"\1 but not "),
    (rf"\bleave ((?:the |my )?(?:\w+ )?{_PICTURE}(?: \d+)?) out\b", r"ignore \1"),
    (rf"\b(?:that|which) (?:has|have|shows?) ((?:an?|the|some|two|three) (?:\w+ ){{1,3}}?)"
     rf"(?:somewhere |also |too )?in the same ({_PICTURE})\b", r"in the \2 with \1"),
    (rf"\b(?:being |that is |that are )?in the same ({_PICTURE}) (?:as|with)\b", r"in the \1 with"),
    (rf"\b(in|from) which ?ever (?:of the )?({_PICTURE}) (?:also )?({_SHOWS})\b",
     r"\1 the \2 that \3"),
    (r"\bwhatever (?:you|we|i) (?:can )?(?:find|see|spot)\b", "them"),
    (rf"(^|[.?!,;:] |\b(?:which|what|in the|in a) )(?:the )?{_SCENE}"
     rf"(?= (?:that |which )?(?:{_SHOWS}|without|with|do(?:es)? ?n[o']?t|lacks)\b)",
     r"\1picture"),
    (rf"\b({_COLOUR})((?: \w+){{1,2}}),? (?:and |but )?not the {_COLOUR}(?: ones?)?\b", r"\1\2"),
    # `Pet` is a verb, too (`who pets the dog`).
    (r"\b(which|what) (pets?)(?= (?:is|are|isn'?t|aren'?t|has|have|does|sits?|lies?)\b)",
     r"\1 house \2"),
    (rf"(?<!what )\b(?:(?:that|which) )?(the (?:\w+ )?{_WHO}) has"
     rf"(?=$|[.,;!?]| {_IN_PICTURE})", r"held by \1"),
    (r"\b(?:farther|further) (?:away|off|back)\b", "farthest away"),
    (r"\b(?:chained|locked|tied|leashed|tethered|attached|fastened|strapped|hitched|moored) to\b",
     "next to"),
    (rf"\b(?:play|walk|stand|sit|sleep|ly|run|pos|talk|cuddl|snuggl|chatt|danc)(?:ing|ning|ting) "
     rf"with (?={_SOMEBODY})", "next to "),
    (rf"\b({_MOUNT}) (?:(?:that|which) (?:is|are) )?(?:being )?(?:ridden by|carrying|"
     rf"that carr(?:y|ies)) ({_SOMEBODY})", r"\1 with \2 on it"),
    (r"\b(and|then|also|,) (?:state|name|report|indicate|specify|determine|decide|judge) "
     r"(?=(?:in )?(?:which|where|how many)\b)", r"\1 say "),
    (r"\b(and|then|also|,) compare (?=how many\b)", r"\1 say "),
    # `Of them` speaks of the things, and not of the pictures; `the one` of a picture.
    (r"\bthe (?:highest|greatest|largest|biggest) (?:number|amount|count)"
     r"(?= of (?:them|these|those)\b|[.,;?!]|$)", "the most"),
    (r"\bthe (?:lowest|smallest|least) (?:number|amount|count)"
     r"(?= of (?:them|these|those)\b|[.,;?!]|$)", "the fewest"),
    (rf"\b({_MOST}) of (?:them|these|those)\b(?! {_PICTURE})", r"\1"),
    (rf"\b(in|from) the one (with|that (?:has|shows|contains)|which (?:has|shows|contains))"
     rf"(?= (?:the )?{_MOST}\b)", r"\1 the picture \2"),
    # Of all pictures, what fills the largest part of its own is the largest of all.
    (rf"\b{_FILLS} {_LARGEST_SHARE}", "is the largest overall"),
    (rf"\b{_FILLS} {_SMALLEST_SHARE}", "is the smallest overall"),
    (rf"\b{_FILLING} {_LARGEST_SHARE}", "that is the largest overall"),
    (rf"\b{_FILLING} {_SMALLEST_SHARE}", "that is the smallest overall"),
    (r"\b(?:at|on) the (bottom|top) of the (?:stack|pile|heap)\b", r"at the \1"),
]  # fmt: skip

_AGAIN = re.compile(
    rf"\b{_LEAVE_OUT} (?:the |all |any )?((?:\w+ ){{1,2}}?)(?={_IN_PICTURE})", re.IGNORECASE
)


def plain(query: str) -> str:
    """The question in plainer words; what none of them is stays letter by letter."""
    for pattern, plainer in _PLAINER:
        query = re.sub(pattern, plainer, query, flags=re.IGNORECASE)
    return _AGAIN.sub(_named_before, query)


def _named_before(found: re.Match[str]) -> str:
    """`All dogs, except the dog in image 2`: named again, it is one of those before."""
    words = singular(found.group(1).strip().lower()).split()
    said = [singular(w) for w in re.findall(r"[a-z]+", found.string[: found.start()].lower())]
    return "but not " if words and {*words} <= {*said} else found.group(0)
