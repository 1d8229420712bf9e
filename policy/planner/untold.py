"""What the planner can't follow, told by the words of the question before they are read.

Each of these would else be read without the words that say it, and something else be answered.
"""

from __future__ import annotations

import re

from ...tools.errors import QueryNotUnderstood
from .plain_words import EXTREME, ORDER, PICTURE, RANK

_NOT = r"(?:(?:did|do|does|has|have) not|(?:did|do|does|has|have)n'?t)"
_NUMBER = r"(?:number|amount|count)"

_UNTOLD: list[tuple[str, str, str]] = [
    (r"\bno,? wait\b|[,;–—-] ?(?:sorry,? |oops,? )?i (?:mean|meant)\b|"
     r"[,.;–—-] ?sorry,|\bor,? better\b|"
     r"\w.*\b(?:oops|scratch that|strike that|or,? rather|correction)\b|"
     rf"\bactually,? {ORDER}\b.* instead\b",
     "The planner can't follow a question that corrects itself.",
     "Ask for what is meant alone, as in: the cat in image 2."),
    (r"\botherwise\b|[,;] ?(?:or )?else\b|\belse (?:the|an?|box|mark|find|show)\b|"
     r"\bor (?:the |an? |any )?\w+ if (?:there|none|no|not)\b|\bunless\b",
     "The planner can't do one thing or another, depending on what is there.",
     "Ask as in: which picture has no cat; dogs in pictures without a cat."),
    (r"\bwhichever (?:one )?(?:of them )?(?:is|looks|lies|stands|comes)\b",
     "The planner can't choose between things of different kinds.",
     "Ask for one kind, as in: the largest cup; or for all, as in: the cup and the bottle."),
    (rf"^(?!.*\b{ORDER} both\b).*(?:\bin one of (?:the|these) (?:two )?{PICTURE}\b|"
     rf"\b{PICTURE} (?:with|showing|containing|"
     r"that (?:shows|has|contains|includes))\b).*\b(?:in|from|of) the other\b",
     "The planner does not know which picture is the other of one that is told by what it shows.",
     "Say what it shows or lacks, as in: the dog in the picture without a bed."),
    (rf"\b(?:odd|even)(?:[- ]numbered)? {PICTURE}|\bevery {RANK} {PICTURE}",
     "The planner can't take pictures by turns.",
     "Name them by number, as in: dogs in images 1 and 3."),
    (r"\b(?:an?|the) (?:odd|even) number of\b",
     "The planner can't tell odd numbers from even ones.",
     "Give a number, as in: pictures with exactly three chairs."),
    (rf"\b{RANK}[- ](?:most|fewest)\b|"
     rf"\b{RANK} (?:largest|highest|greatest|smallest|lowest) {_NUMBER} of\b",
     "The planner knows the picture with the most or the fewest, no rank between.",
     "Ask as in: which picture has the most dogs."),
    (r"\b(?:furthest|farthest) (?:apart|from each other)|\bclosest together\b",
     "The planner can't compare distances between things.",
     "Name one of them, as in: the dog nearest to the bus."),
    (r"\b(?:far|away) from (?:the |an? )(?!camera|viewer|lens|left|right|edge|cent)\w",
     "The planner can't tell what is far from something.",
     "Ask for the farthest, as in: the chair farthest from the table."),
    (rf"(?:^|\b(?:{ORDER}|only|just) )(?:about |roughly )?(?:half|most|a third|a quarter|"
     r"two thirds|\d+ ?%) of (?:the|all|these|those)\b(?! (?:space|frame|area|largest))",
     "The planner can't take a share of things.",
     "Ask for all of them, or for a number, as in: the three largest cups."),
    (rf"\b{_NOT} (?:change|differ|move)d?\b|\bunchanged\b|\bwhat stayed\b|"
     r"\b(?:is|are|was|were) (?:not|n't) (?:changed|different|altered|edited)\b|"
     r"\b(?:stayed|remain(?:s|ed)|is still|are still) (?:the same|where)\b",
     "The planner tells what differs between two pictures, not what stayed as it was.",
     "Ask as in: what changed between images 1 and 2."),
    (rf"\bwhich (?:(?:two|three|of (?:the|these|those)) )?(?:{PICTURE} )?(?:both |all )?"
     r"(?:show|have|contain|depict|feature)s? the same (?!number|amount|count)\w|"
     rf"\bwhich (?:\w+ ){{0,3}}?{PICTURE} (?:are (?:the )?(?:most |more )?(?:alike|similar)|"
     r"look (?:the )?(?:most |more )?(?:alike|similar)|belong together|go together)\b",
     "The planner can't tell which pictures are alike.",
     "Name a thing, as in: which pictures show a dog; or ask what images 1 and 2 share."),
    (r"\b(?:in|at|on) the same (?:position|place|spot|location)\b",
     "The planner can't compare places between pictures.",
     "Say where it is, as in: the dog on the left in image 2."),
    (r"\bappears? (?:the )?(?:most|least) often\b",
     "The planner can't tell what is there most often.",
     "Ask as in: which picture has the most dogs."),
    (rf"\w.*[.;,](?: and)? (?:in|for) (?:the )?(?:{PICTURE} \d+|\w+ {PICTURE}),? (?:only|just) "
     rf"the {EXTREME}|\bonly the {EXTREME}(?: one)? is (?:needed|wanted)\b",
     "The planner can't take another choice for one of the pictures.",
     "Ask picture by picture, as in: dogs in images 1 and 2; the largest dog in image 3."),
]  # fmt: skip
"""Words that no reader follows, what can't be done, and how to ask instead."""


def require_told(query: str) -> None:
    """Refuse what no reader follows.

    Raises:
        QueryNotUnderstood: the words take something back, set a choice of two orders, go by turns,
            by shares or by ranks that are not known.
    """
    for pattern, why, cure in _UNTOLD:
        if re.search(pattern, query, re.IGNORECASE):
            raise QueryNotUnderstood(why, cure)
