"""Plainer words for which pictures are meant."""

from __future__ import annotations

from .plain_words import IN_PICTURE, LEAVE_OUT, NAMED, ONE_PICTURE, ORDER, ORDINAL, PICTURE

_SHOWS = r"(?:contains?|shows?|has|have|includes?|features?|depicts?)"
_SHOWING = r"(?:with|containing|showing|having|that (?:show|have|contain)s?)"
_SCENE = (
    r"(?:(?:living|dining|bath|bed|class) ?room|room|kitchen|office|street|beach|scene|"
    r"restaurant|hallway|garden|yard|park)"
)
_MOST = r"(?:most|more|fewest|fewer|least)"
_NUMBER = r"(?:number|amount|count)"
_OF_THEM = r"of (?:them|these|those)\b"
_SO_MANY = r"(?:at least|at most|exactly|more than|fewer than|less than|over)"
_THERE = rf"(?:there|in (?:it|them|the (?:same )?{PICTURE}))"
_ONE = rf"in (?:the )?{PICTURE} \d+"

PICTURES: list[tuple[str, str]] = [
    # Two pictures compared by how many there are: which has more is said.
    (rf"^(?:are|is) there (more|fewer|less) ((?:(?!than\b|in\b)\w+ ){{1,4}}?)in ({NAMED}) than "
     rf"(?:there (?:are|is) )?(?:in )?({NAMED})\??$",
     r"find the \2 in \3 and \4 and say which picture has \1"),
    (rf"^(?:in ({NAMED}),? )?how many (more|fewer|less) ((?:(?!than\b|in\b)\w+ ){{1,4}}?)"
     rf"(?:are|is) (?:there )?(?:in ({NAMED}) )?(?:than|compared (?:to|with)) "
     rf"(?:there (?:are|is) )?(?:in )?({NAMED})\??$",
     r"find the \3 in \1\4 and \5 and say which picture has \2"),
    (rf"^where (?:did|has) (the [\w ]+? (?:from|of|in) {NAMED}) (?:go|gone|move|moved)(?: to)?\b",
     r"find \1 in the other images"),
    (rf"^is the same (\w+) in both(?: of)?(?: the| these)?(?: {PICTURE})?\??",
     r"find the \1 from image 1 in image 2."),
    (rf"\b(?:in|from) (?:only )?one(?: (?:of the )?(?:two )?{PICTURE})?,? (?:but|and) (?:is |are )?"
     rf"(?:not|missing|absent)(?: in| from)? the other(?: one| {PICTURE})?\b",
     "in exactly one picture"),
    (rf"(\b{PICTURE}\b.*\b(?:in|from)) the other(?: one)?(?=$|[.,;?!])", r"\1 the other image"),
    (rf"\b(?:unique|exclusive|specific) to (?:each|every|one|only one|a single)(?: of the)?"
     rf"(?: {PICTURE})?\b", "in exactly one picture"),
    # `In the 1st: dog. 3rd: bird.`; `the object that image 1 shows`, `that I marked in image 1`.
    (rf"(^|[.;,] ?)(?:in |on |for )?(?:the )?({ORDINAL})(?: one)?(?=:)", r"\1in the \2 image"),
    (rf"^(?:in|on) ({NAMED}),? (?:please )?({ORDER}) (the [\w ]+?) (?:(?:that|which) (?:is|was) )?"
     rf"(?:shown|seen|visible|pictured|depicted) (?:in|on) ({NAMED})", r"find \3 from \4 in \1"),
    (rf"\b(the (?:object|thing|item)) (?:(?:that|which) )?({NAMED}) (?:shows|contains)\b",
     r"\1 from \2"),
    (r"\b(the (?:object|thing|item)) (?:(?:that|which) )?(?:i|we)(?: have|'ve)? "
     r"(?:marked|boxed|circled|outlined|highlighted|drew a (?:box|circle) around)"
     rf"(?: in (?:red|green|blue|yellow))?(?= (?:in|of|on) {NAMED})", r"\1 in the red box"),
    (rf"\bthe (?:area|region|part|section|place|spot) (?:of|in) ({NAMED}) (?:that|which) "
     rf"(?:matches|corresponds to|fits|equals|looks like|resembles) ({NAMED})",
     r"the region of \1 that \2 shows"),
    # `Which object appears in images 1 and 2?`; `missing in image 1 but present in image 2`.
    (r"^(?:which|what) (?:object|thing|item)s? (?:appears?|is|are|occurs?|shows? up|can be)"
     r"(?: present| visible| seen| found| shown)? in "
     rf"((?:both |all )?(?:{NAMED} and {NAMED}|(?:the )?(?:\w+ ){{0,2}}{ONE_PICTURE}s"
     r"(?: [\d, ]+ and \d+)?))[.?!]?$", r"find the common object of \1"),
    (rf"\b(?:(?:that|which) (?:is|are) )?(?:missing|absent|lacking|gone) (?:in|from) ({NAMED}),? "
     r"(?:but|and|yet|though) (?:is |are )?(?:present|there|visible|found|seen|shown|appears|"
     rf"exists) (?:in|on) ({NAMED})", r"that is in \2 but not in \1"),
    (rf"\b(?:in common|common|shared) (?:to|by|in|between) ({NAMED} and {NAMED}),? "
     r"(?:(?:that|which) (?:is|are) |and |but )?(?:absent|missing|not|lacking) "
     r"(?:present |there )?(?:in|from|by) ", r"that are in \1 but not in "),
    # `All buses except those in image 2` speaks of the picture.
    (rf"(?<=\w)(,? ?)\b{LEAVE_OUT} (?:the |all |any )?(?:ones?|those|these|any|all|that)"
     rf"(?: (?:that|which) (?:is|are)(?: shown| seen| visible)?)? (?={IN_PICTURE})",
     r"\1 but not "),
    (rf"\beither (in |from |of )?(?={NAMED} or )", r"\1"),
    (rf"\bleave ((?:the |my )?(?:\w+ )?{PICTURE}(?: \d+)?) out\b", r"ignore \1"),
    (rf"\b(?:that|which) (?:has|have|shows?) ((?:an?|the|some|two|three) (?:\w+ ){{1,3}}?)"
     rf"(?:somewhere |also |too )?in the same ({PICTURE})\b", r"in the \2 with \1"),
    (rf"\b(?:being |that is |that are )?in the same ({PICTURE}) (?:as|with)\b", r"in the \1 with"),
    (rf"\b(in|from) which ?ever (?:of the )?({PICTURE}) (?:also )?({_SHOWS})\b",
     r"\1 the \2 that \3"),
    (rf"(^|[.?!,;:] |\b(?:which|what|in the|in a) )(?:the )?{_SCENE}"
     rf"(?= (?:that |which )?(?:{_SHOWS}|without|with|do(?:es)? ?n[o']?t|lacks)\b)",
     r"\1picture"),
    (rf"\b({PICTURE} \d+)'s (\w+)", r"the \2 of \1"),
    (rf"\b(?:the )?most similar (\w+) ({IN_PICTURE}(?: \d+)?) to\b", r"the \1 \2 most similar to"),
    (r"\b(in|across|on) all (?:the )?others\b(?! \w)", r"\1 all the other images"),
    # `Is the dog in image 1 also in image 2?` asks for it again.
    (rf"^(?!(?:is|are|was|does|do)\b)(.*\b{_ONE})(?:,? and|,)? also ({_ONE})", r"\1 and \2"),
    (rf"\b({_ONE})[.;,]? (?:and )?(?:do )?(?:the )?same (?:for|in|with) ((?:the )?{PICTURE} \d+)",
     r"\1 and in \2"),
    (r"\b(\w+s) everywhere(?=[,;] | and )", r"\1 in all pictures"),
    # `Of them` speaks of the things, and not of the pictures; `the one` of a picture.
    (rf"\bthe (?:highest|greatest|largest|biggest) {_NUMBER}(?= {_OF_THEM}|[.,;?!]|$)", "the most"),
    (rf"\bthe (?:lowest|smallest|least) {_NUMBER}(?= {_OF_THEM}|[.,;?!]|$)", "the fewest"),
    (r"\bthe most number of\b", "the most"),
    (rf"\b({_MOST}) {_OF_THEM}(?! {PICTURE})", r"\1"),
    (rf"\b(in|from) the one (with|that (?:has|shows|contains)|which (?:has|shows|contains))"
     rf"(?= (?:the )?{_MOST}\b)", r"\1 the picture \2"),
    # `The picture with the largest dog` is told by it; `with` may be a place.
    (rf"\b({PICTURE}) with (?=the (?:\w+est|(?:left|right|top|bottom)most)\b)", r"\1 containing "),
    # `Pictures with a cat: box the couch`.
    (rf"^(?:(?:in|for|on) )?(?:the )?({PICTURE}) ({_SHOWING}) ((?:\w+ ){{0,3}}\w+?)"
     rf"(?: in (?:it|them))?(?::| [–—-]|, please) (?=(?:please )?{ORDER}\b)", r"in the \1 \2 \3, "),
    # `Box the chairs only if there are at least three`.
    (rf"\b({ORDER}) (?:the |all |any |every )?(\w+)(?: {IN_PICTURE})? (?:if and only if|only if|"
     rf"only when|if|only where) there (?:is|are) ({_SO_MANY} \w+)(?: {_OF_THEM})?(?: {_THERE})?"
     r"(?=$|[.;!?])", r"\1 the \2 in pictures with \3 \2"),
    (rf"\b({ORDER}) (?:the |all |any |every )?(\w+) (?:only )?in ({PICTURE}) {_SHOWING} "
     rf"({_SO_MANY} \w+) {_OF_THEM}", r"\1 the \2 in \3 with \4 \2"),
    (rf"\b(\w+) provided (?:that )?there (?:is|are) (?:also )?((?:an?|some|two) \w+)"
     rf"(?: too| as well)? in (?:the|that) (?:same )?({PICTURE})", r"\1 in \3 with \2"),
    (r"\bwhere (?:the )?(\w+) outnumber (?:the )?(\w+)", r"in pictures with more \1 than \2"),
]  # fmt: skip
