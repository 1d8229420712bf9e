"""Plainer words for pictures that are told by what they show, and spoken of again.

`Find the pictures with a bus, and box the people in them` is said as `box the people in the
pictures with a bus`.
"""

from __future__ import annotations

from .plain_words import ORDER, PICTURE

_SHOWING = (
    r"(?:with|without|containing|showing|having|including|featuring|depicting|"
    r"(?:that|which) (?:also |do not |don'?t )?(?:show|have|contain|include|feature|depict|lack)s?|"
    r"(?:that|which) has|(?:where|in which) there (?:is|are))"
)
_PLEASE = (
    r"(?:(?:please|just|(?:can|could|would) you|then|and then|and|help me|let's|try to|"
    r"(?:i|we) (?:need|want|would like)(?: you)? to|show me where to) )*"
)
_CHOOSE = rf"(?:{ORDER}|select|choose|pick(?: out)?|spot|determine)"
_SOME = r"(?:(?:all|all of|the|any|every|each|those|only|just|of) )*"
_SHOWN = rf"((?:(?!{ORDER}\b|{PICTURE}\b)[\w'-]+ ){{0,7}}?(?!{PICTURE}\b)[\w'-]+)"
_WANTED = rf"((?:(?!(?:{PICTURE}|ones?)\b)[\w'-]+ ){{0,7}}?(?!(?:{PICTURE}|ones?)\b)[\w'-]+)"
_THOSE = (
    rf"(?:it|them|those|these|each(?: one| of (?:them|those|these))?|(?:those|these) {PICTURE})"
)
_THERE = rf"(?:there|in {_THOSE})"
_END = r"[.!?]?$"

SHOWN: list[tuple[str, str]] = [
    # `The pictures in which a cat can be seen`.
    (rf"\b({PICTURE}) (?:in which|where) ((?:an?|the|any|some) (?:[\w'-]+ ){{0,2}}?[\w'-]+) "
     r"(?:(?:can|could) be (?:seen|found)|(?:is|are) (?:visible|shown|present|seen|there)|"
     r"appears?)\b(?! (?:to|in|on|next|at|with|by)\b)", r"\1 that show \2"),
    # `Find the pictures that have a cat, and box the dog there`.
    (rf"^{_PLEASE}{_CHOOSE} (?:me )?{_SOME}({PICTURE}) ({_SHOWING}) {_SHOWN}"
     rf"(?:,? (?:and|then|and then)|[;.:,]) {_PLEASE}({ORDER}) {_WANTED} {_THERE}{_END}",
     r"\4 \5 in the \1 \2 \3"),
    # `Identify all photos with a bicycle. In those, box the people.`
    (rf"^{_PLEASE}(?:{_CHOOSE} )?(?:me )?{_SOME}({PICTURE}) ({_SHOWING}) {_SHOWN}[;.:,] "
     rf"{_PLEASE}in {_THOSE},? {_PLEASE}({ORDER}) {_WANTED}{_END}", r"\4 \5 in the \1 \2 \3"),
    # `Which images have a cat? Box the dogs there.`
    (rf"^{_PLEASE}(?:which|what)(?: of (?:the|these))? ({PICTURE}) "
     rf"(has|have|shows?|contains?|includes?) (?!(?:the )?(?:more|most|fewe|less)){_SHOWN}\? "
     rf"{_PLEASE}({ORDER}) {_WANTED} {_THERE}{_END}", r"\4 \5 in the \1 that \2 \3"),
    # `Pictures that have both cats and dogs: box the cats`.
    (rf"^{_PLEASE}{_SOME}({PICTURE}) ({_SHOWING}) {_SHOWN}: {_PLEASE}({ORDER}) {_WANTED}"
     rf"(?: {_THERE})?{_END}", r"\4 \5 in the \1 \2 \3"),
    # `In the pictures with a cat and a dog box the dog`, `if an image has a bus, box the people`.
    (rf"^{_PLEASE}(?:in|for|from|on) {_SOME}({PICTURE}) ({_SHOWING}) {_SHOWN},? {_PLEASE}({ORDER}) "
     rf"{_WANTED}(?: {_THERE})?{_END}", r"\4 \5 in the \1 \2 \3"),
    (rf"^{_PLEASE}(?:if|when|whenever|where|wherever) (?:an?|any|one) ({PICTURE}) "
     rf"(has|have|shows|contains|includes) {_SHOWN},? {_PLEASE}({ORDER}) {_WANTED} {_THERE}{_END}",
     r"\4 \5 in the \1s that \2 \3"),
    (rf"^{_PLEASE}(?:whenever|wherever) there (?:is|are) {_SHOWN},? {_PLEASE}({ORDER}) {_WANTED}"
     rf"(?: {_THERE})?{_END}", r"\2 \3 in pictures with \1"),
    # `Cats and dogs in pictures that have both`.
    (rf"^{_PLEASE}(?:({ORDER}) )?(?:both )?((?:the |an? |all |every )?\w+) and "
     rf"((?:the |an? |all |every )?\w+),? (?:but )?(?:only )?in {_SOME}({PICTURE}) "
     r"(?:(?:that|which) (?:have|has|show|contain)s?|with|containing|where|showing) "
     rf"(?:both(?: of them)?|(?:both|they|the two) (?:(?:are|appear|occur|can be seen|show up) )?"
     rf"(?:both |together|side by side)?){_END}", r"\1 \2 and \3 in \4 with \2 and \3"),
]  # fmt: skip
