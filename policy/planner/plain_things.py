"""Plainer words for which things are meant and where they are."""

from __future__ import annotations

from .lexicon import COLOURS
from .plain_words import IN_PICTURE, NAMED, ORDER, PICTURE

_SOMEBODY = (
    r"(?:(?:an?|the|two|three|some|his|her|their|other|another|young|little|old) ){0,2}"
    r"(?:people|persons?|m[ae]n|wom[ae]n|boys?|girls?|child(?:ren)?|kids?|lad(?:y|ies)|guys?|"
    r"friends?|dogs?|cats?|pupp(?:y|ies)|kittens?|riders?)\b"
)
_DOES = (
    r"(?:(?:is|are) )?(?:\w+ing|holds?|carr(?:y|ies)|wears?|rides?|sits?|stands?|lies?|lays?|"
    r"sleeps?|leans?|rests?|walks?|push(?:es)?|pulls?|eats?|drinks?|uses?|reads?|touch(?:es)?|plays?)\b"
)
_DOER = rf"{_SOMEBODY}(?: (?:in|on|of|from) {NAMED})? {_DOES}"
_PLACE = r"(?:on|in|at|under|behind|beside|next to|near|in front of|above|below|inside)"
_COLOUR = rf"(?:{'|'.join(sorted(COLOURS))})"
_WHO = r"(?:wom[ae]n|m[ae]n|lady|girl|boy|person|guy|kid|child|rider|player)"
_MOUNT = r"(?:elephants?|horses?|pon(?:y|ies)|camels?|donkeys?|cows?)"
_THAT_IS = r"(?:that is |that'?s |who is |who'?s |which is )"
_NO_THING = rf"(?!left|right|top|bottom|cent|middle|edge|front|camera|viewer|corner|side|{PICTURE})"
"""After `closer to the`: a place of the picture, and no thing."""

_EVERY = r"(?:all|every|each|any|everyone|everybody|everything)"
_LEAVING = (
    r"(?:minus|save(?: for)?|bar(?:ring)?|omitting|exclusive of|not counting|with exclusion of)"
)
_SIDE = r"(?:left|right|top|bottom)"
_SHARE_OF_IT = (
    r"(?:the )?(?:%s)"
    r"(?: (?:part|share|portion|fraction|area|amount|percentage|proportion|space|room))?"
    rf" (?:of|in) (?:the|its|their|his|her|that) (?:(?:own|whole|entire) )?{PICTURE}"
    r"(?: (?:(?:that|which) )?(?:it|they|he|she) (?:is|are) in)?\b"
)
_LARGEST_SHARE = _SHARE_OF_IT % "largest|biggest|greatest|most"
_SMALLEST_SHARE = _SHARE_OF_IT % "smallest|least|tiniest"
_FILLS = r"(?:fills?|takes? up|occup(?:y|ies)|covers?)"
_FILLING = r"(?:filling|taking up|occupying|covering)"

WHICH: list[tuple[str, str]] = [
    (rf"\b({_COLOUR})((?: \w+){{1,2}}),? (?:and |but )?not the {_COLOUR}(?: ones?)?\b", r"\1\2"),
    # `Pet` is a verb, too (`who pets the dog`).
    (r"\b(which|what) (pets?)(?= (?:is|are|isn'?t|aren'?t|has|have|does|sits?|lies?)\b)",
     r"\1 house \2"),
    (r"\bwhatever (?:you|we|i) (?:can )?(?:find|see|spot)\b", "them"),
    (r"\ba couple of\b", "two"),
    (r"^what(?:'s| is) the (?:total |overall )?(?:number|amount|count) of\b", "count"),
    (rf"\b(?:items?|articles?) of (?=[a-z])(?!the |an? |this |interest|{PICTURE})", ""),
    (r"\basleep\b", "sleeping"),
    (r"\b(?:front|fore)[- ]?most\b", "closest"),
    (r"\b(?:rear|back)[- ]?most\b", "farthest"),
    (r"\b(?:taken|shot) (?=(?:out|in)doors\b)", ""),
    # Left out.
    (rf"\b({_EVERY}(?: (?:of )?(?:the )?\w+){{0,3}}),? {_LEAVING} (?!of\b)", r"\1 except "),
    (r"\b((?:the )?\w+)(,? )(?:minus|less) (?=the (?:\w+ )?(?:one|\w+(?:most|est))\b)",
     r"\1\2except "),
    (r", (?:the |all )?(\w+) (?:excluded|excepted|not (?:included|counted))\b", r" except \1"),
    (r"[;,.] (?:the )?(\w+) (?:do not|don'?t) count\b", r" except \1"),
    (rf"\b({_EVERY} (?:the )?\w+) without (?:the |any )?(\w+s) and (?:the |any )?(\w+s)"
     r"(?=$|[.,;?!])", r"\1 except \2 and \3"),
    # `The rightmost one`, whose noun is left out.
    (rf"\bthe one {_THAT_IS}(?:further|farther|more)(?: (?:to|on) the)? (left|right)\b",
     r"the \1most one"),
    (rf"\b({ORDER}) the ({_SIDE}(?:most)?|tallest|shortest|largest|biggest|smallest)"
     r"(?=$|[.,;!?])", r"\1 the \2 one"),
    (r"\b(?:the )?last (\w+) (?:on|at|to) the (left|right)\b", r"the \2most \1"),
    # Of all pictures, what fills the largest part of its own is the largest of all.
    (rf"\b{_FILLS} {_LARGEST_SHARE}", "is the largest overall"),
    (rf"\b{_FILLS} {_SMALLEST_SHARE}", "is the smallest overall"),
    (rf"\b{_FILLING} {_LARGEST_SHARE}", "that is the largest overall"),
    (rf"\b{_FILLING} {_SMALLEST_SHARE}", "that is the smallest overall"),
]  # fmt: skip

_HAVING = (
    r"(?:with|having|holding|wearing|carrying|containing|showing|(?:who|that|which) (?:has|have|"
    r"holds?|wears?|carr(?:y|ies)|shows?|contains?|includes?))"
)

WHERE: list[tuple[str, str]] = [
    # What somebody does something with or on, said without `that`: `things people sit on`, `find
    # what the man is holding`, `the bench on which the man sits`.
    (rf"\b((?:some|any|every)thing|things?|objects?|items?|stuff) (?={_DOER})", r"\1 that "),
    (rf"\b({ORDER}|tell)( (?:me|us))? what (?={_DOER})", r"\1\2 the things that "),
    (rf"\bwhat (do|does|did) (?!the |an? )(?={_SOMEBODY} {_DOES})", r"what \1 the "),
    (rf"\b(?!{PICTURE}\b)(\w+) ({_PLACE}) which ({_SOMEBODY} {_DOES})"
     rf"(?=$|[.,;?!]| {IN_PICTURE})", r"\1 that \3 \2"),
    # What has one thing and lacks another, be it a person or a picture.
    (rf"\b({_HAVING} (?:both )?(?:an? |the |some )?(?:\w+ ){{0,2}}?\w+),? (?:but|and) "
     r"(?:not (?:an?|any)|no|not(?= (?!th|ones|its|his|as)\w+s\b)) (\w+)",
     r"\1 but without a \2"),
    (r"\b(with (?:an? |the )?\w+) (?:who|that) (?:has|have|wears?|carr(?:y|ies)|holds?) no (\w+)",
     r"\1 but without a \2"),
    (rf"(?<!what )\b(?:(?:that|which) )?(the (?:\w+ )?{_WHO}) has"
     rf"(?=$|[.,;!?]| {IN_PICTURE})", r"held by \1"),
    (rf"\b(the \w+) (?:that |which )?(the (?:\w+ )?{_WHO}) ((?:in|of|from) {NAMED}) "
     r"(?:is )?(?:carr(?:ies|ying)|hold(?:s|ing)|wear(?:s|ing))\b", r"\1 held by \2 \3"),
    (r"\b(?:farther|further) (?:away|off|back)\b(?! from)", "farthest away"),
    (r"\b(?:chained|locked|tied|leashed|tethered|attached|fastened|strapped|hitched|moored) to\b",
     "next to"),
    (rf"\b(?:play|walk|stand|sit|sleep|ly|run|pos|talk|cuddl|snuggl|chatt|danc)(?:ing|ning|ting) "
     rf"with (?={_SOMEBODY})", "next to "),
    (rf"\b({_MOUNT}) (?:(?:that|which) (?:is|are) )?(?:being )?(?:ridden by|carrying|"
     rf"that carr(?:y|ies)) ({_SOMEBODY})", r"\1 with \2 on it"),
    (r"\bwith (?:no|not any) (\w+) (?:nearby|around(?: (?:it|them))?|close by|near (?:it|them)|"
     r"next to (?:it|them))\b", r"not next to a \1"),
    (rf"\b{_THAT_IS}?(?:much )?(?:closer|nearer) to (?=(?:the |an? |that |this ){_NO_THING})",
     "nearest to "),
    (rf"\b{_THAT_IS}?(?:most far|(?:further|farther)(?: away)?) from "
     r"(?=the |an? |that |this )", "farthest from "),
    (r"(?<=\w )(?:close|near) (?:to|of) (?=the |an? )", "next to "),
    (rf"\b(the {_WHO} (?:on|at|to) the (?:far )?(?:left|right))'s (\w+)", r"the \2 of \1"),
    (r"\b(left|right) to the (?=\w)", r"\1 of the "),
    (r"\b(?:at|on|to) the (left|right)[- ]hand(?: side)? of the\b", r"to the \1 of the"),
    (r"\b(?:at|on) the (bottom|top) of the (?:stack|pile|heap)\b", r"at the \1"),
]  # fmt: skip
