"""Which kind of question it is, by weighing words; no sentence is known whole."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .question import Task

_OBJECT = (
    r"(?:objects?|things?|items?|something|anything|elements?|entity|entities|categor(?:y|ies)|"
    r"class(?:es)?|kinds?|types?|sorts?|subjects?|stuff|content|what|part|parts|spot|place|area|"
    r"region|detail)"
)
_THING = r"(?:objects?|things?|items?|area|region|subject)"
CROP = (
    r"(?:crops?|cropped|cropping|close ups?|closeups?|cut outs?|cutouts?|cuttings?|snippets?|"
    r"patch(?:es)?|fragments?|excerpts?|details?|clippings?|thumbnails?|insets?|enlargements?|"
    r"magnifications?|sub ?images?|regions?|pieces?|template|zoom|zoomed|extracts?|sections?|"
    r"portions?|bits?|parts?|tiles?|chips?|swatch(?:es)?|samples?|slices?|scraps?)"
)
CUTTING = (
    r"(?:crops?|close ups?|closeups?|cut outs?|cutouts?|snippets?|patch|fragments?|excerpts?|"
    r"details?|clippings?|thumbnails?|insets?|enlargements?|template|extracts?|tiles?|swatch|"
    r"scraps?|views?|zoom)"
)
"""Nouns for a close-up itself, not for the place that it came from."""

_CUES: dict[Task, list[tuple[str, float]]] = {
    "region": [
        (r"crop\w*|close ups?|closeups?|cut ?outs?|snippets?|patch|patches|fragments?|excerpts?|"
         r"clippings?|insets?|enlarg\w*|magnif\w*|blown up|blow up|"
         r"zoom(?:ed|s|ing)?(?: in| into| view)?|sub ?images?|jigsaw|puzzle piece|scrap|swatch", 3),
        (r"(?<!largest )(?<!biggest )(?<!greatest )(?<!smallest )(?<!most )"
         r"(?:details?|thumbnail|extract|section|portion|bit|piece|part|tile|sample|regions?)"
         r"(?! of (?!which|what|one|the|this|that|it|@)\w) (?:\w+ ){0,2}"
         r"(?:@pics|out of|from|of (?:which|what|one))", 2.5),
        (r"(?:(?<!bite )(?<!bites )taken(?! away)|cut(?! off @\w+ (?:border|edge|margin))|lifted|"
         r"extracted|clipped|snipped|torn|copied|sampled|sliced|"
         r"originat\w+) (?:\w+ ){0,2}(?:from|out|@pics)", 3),
        (r"(?:comes?|came|stems?|is|was|are) (?:\w+ )?(?:from|out of) (?:which|one|what)", 2),
        (r"(?:comes?|came|stems?|originat\w+|hails?) @pics", 2),
        (r"@which (?:\w+ ){0,3}@pics (?:come|comes|came|belong|stem|originate)", 3),
        (r"belongs?|fits? (?:in|into|@pics)|source PIC|part of (?:which|what|one)|part @pics", 2),
        (r"(?:this|that|the) (?:small |little |tiny )?(?:detail|region|piece|part)|regions?", 1),
        (r"(?:followed by|with) (?:its |their |the )?(?:\w+ )?regions", 2),
        (r"contains? (?:the )?@pics", 2),
        (r"(?:area|part|region|section|corner|piece|portion|bit) @named (?:is|was|can be|does)", 3),
        (r"(?:would|does|do|should|might|could) (?:\S+ ){1,6}(?:go|fit) @pics", 1.5),
    ],
    "difference": [
        (r"differ|differs|differing|differences?|chang(?:e|ed|es|ing)|alter\w*|edit(?:ed|s|ing)?|"
         r"modif\w*|tamper\w*|manipulat\w*|doctored|retouched|photoshopp\w*|discrepanc\w*|"
         r"dissimilar\w*|mismatch\w*|inconsisten\w*|swapped|deviat\w*|distinguish\w*", 3),
        (r"(?:changed|altered|different|edited|modified) (?:regions?|areas?|parts?|places?)",
         2),
        (r"odd one out|not the same|not identical|not match|no longer|sets? (?:\w+ ){0,3}apart|"
         r"all but identical|(?:nearly|almost) (?:identical|the same)|the same except|"
         r"spot the|before and after", 2.5),
        (r"vanish\w*|disappear\w*|removed|erased|deleted|pasted|inserted|swapped|replaced|varies|"
         r"unlike|added|missing|gone|newly|taken away|lost|popped up|turned up", 2),
        (rf"(?:{_OBJECT}|someone|somebody) (?:was|were|is|are|has been|have been|got) "
         r"(?:taken|cut|edited|painted|wiped|airbrushed|blotted) (?:out|off|over)", 4),
        (r"(?:objects?|things?|items?|something|someone|somebody) (?:was|were|has been|have been) "
         r"(?:taken|cut|edited|removed) @named", 4),
        (r"(?:was|were|is|has|have|has been|have been|got) (?:\w+ )?(?:moved|shifted|relocated)",
         2.5),
        (rf"(?:{_OBJECT}|who|someone|somebody) (?:moved|shifted)", 2.5),
        (r"(?:in|at|to) (?:another|a different|a new) (?:place|position|spot|location)", 2.5),
        (r"(?:painted|edited|cut|taken|took|photoshopped) (?:something|someone|it|an? \w+) "
         r"(?:out|away|off|in)", 3),
        (r"(?:is|are) @both (?:\w+ )?(?:identical|the same|equal|alike)|"
         r"@both (?:is|are) (?:\w+ )?(?:identical|equal|alike)", 3),
        (r"(?:looks?|seems?|appears?) (?:\w+ ){0,2}(?:the same|identical|alike|similar)", 2.5),
        (r"@named (?:has|have|shows?|contains?) (?:\S+ ){0,3}@named (?:\w+ )?(?:do|does|did|has|"
         r"have|is|are|lacks?|misses)", 3),
        (r"different(?! (?:objects|things|items|kinds|types|animals))", 2.5),
        (r"(?:what|is|anything|something|thing) new", 2.5),
        (r"(?:new|extra|additional) (?:objects?|things?|items?)", 1),
        (r"compar\w+|contrast|extra|new|unequal", 1.5),
        (rf"{_OBJECT} (?:\w+ ){{0,5}}@pics (?:\w+ ){{0,3}}(?:@without|(?:but|and) "
         rf"(?:\w+ ){{0,3}}not)", 3),
        (r"only (?:\w+ ){0,2}@pics|@pics only|(?:absent|lacking) (?:from )?@pics", 1.5),
    ],
    "common": [
        (r"common|shar(?:e|es|ed|ing)|mutual|mutually|in common|recurr\w*|recur|recurs", 3),
        (rf"same (?:\w+ )?{_OBJECT}", 2),
        (rf"{_OBJECT} (?:\w+ )?@named (?:(?:that|which) )?(?:\w+ )?(?:also|too) @named", 5),
        (rf"{_OBJECT} (?:\w+ ){{0,6}}@both", 2.5),
        (rf"@both (?:\w+ ){{0,5}}{_OBJECT}", 2),
        (r"repeat(?:s|ed|edly|ing)?|keeps? (?:re ?)?appearing|unites?|link(?:s|ed)?|overlap", 1.5),
    ],
    "counterpart": [
        (r"@box", 6),
        (r"(?:marked|outlined|highlighted|enclosed|boxed|circled|framed|indicated|surrounded|inside|"
         r"within|in|by|with) (?:\w+ ){0,3}(?:red|green|blue|yellow|white|drawn|bounding) "
         r"(?:\w+ )?(?:box|rectangle|frame|square|bbox|outline|border)", 3),
        (r"(?:red|green|blue|yellow|white|drawn|bounding) (?:\w+ )?(?:box|rectangle|frame|square|"
         r"bbox|outline|border) (?:marks|shows|outlines|encloses|frames|surrounds|highlights)", 3),
        (r"correspond\w*|counterparts?|equivalent", 3),
        (r"same (?:\w+ ){0,3}(?:as|like|from|that) (?:\w+ ){0,4}@named", 3.5),
        (rf"{_THING} (?:\w+ ){{0,4}}@named (?:\S+ ){{0,8}}@named|@named (?:\S+ ){{0,8}}"
         r"(?:same|again|also(?! (?:every|all|the|any|each|an?) )|it|she|he|they|him|her|them) "
         r"(?:\S+ ){0,4}@named", 2),
        (r"@named (?:\S+ ){0,4}(?:this|that|the same) \w+ (?:appears?|occurs?|shows? up|returns?|"
         r"visible|present|there)(?: \S+){0,2} @named", 4),
        (r"@named (?:\S+ ){1,8}matching \w+ (?:\w+ )?@named", 2),
        (r"@named (?:\S+ ){0,4}(?:is|are) (?:this|that|the same) (?:\w+ ){1,3}@named", 4),
        (r"same (?:\w+ ){0,2}@named|track|follow|matching|re ?identify|again", 1),
    ],
}  # fmt: skip


def weigh(text: str) -> Mapping[Task, float]:
    """How much speaks for each special kind of question.

    Args:
        text: the stream's words, in which references to pictures read `@pics`, or `@named` and
            `@both` where a rule asks for named ones or for all of them.
    """
    scores: dict[Task, float] = {}
    for task, cues in _CUES.items():
        total = 0.0
        for pattern, weight in cues:
            if _cue(pattern, text):
                total += weight
        scores[task] = total
    return scores


def _cue(pattern: str, text: str) -> bool:
    wide = pattern.replace("@pics", r"@(?:pics|named|both|which)")
    return re.search(rf"(?<= )(?:{wide})(?= )", text) is not None
