"""What goes before and after a question and asks for nothing: greetings, roles, formats, thanks."""

from __future__ import annotations

import re

from .known import closed_vocabulary, is_known
from .plain_words import NAMED, PICTURE
from .tokens import PLACE

_ROLES = [
    r"you are (?:an? |the )?(?:[\w-]+ ){0,5}"
    r"(?:assistant|expert|model|ai|agent|annotator|detector)\b[^.:;!?]*[.:;!]",
    r"as an? (?:[\w-]+ ){0,4}(?:assistant|expert|model|annotator|agent|detector)\b[^.,:;!?]*[,:]"
    r"(?:\s*(?:please )?answer(?: this)?\s*:)?",
    r"(?:user|human|customer|q|question|task|instruction|prompt|query|request)\s*\d*\s*:",
]
_PUT = rf"{PLACE}[\s,;.]*"
_OPENINGS = [
    *_ROLES,
    r"(?:hi|hello|hey|hiya|greetings|good (?:morning|afternoon|evening|day))"
    r"(?: (?:there|all|everyone|team|assistant))?\s*[,!.:–—-]+",
    r"(?:ok|okay|alright)(?:,? so|,? then)?[,\s]",
    r"(?:please|pls|plz|kindly)[,\s]",
    r"go ahead(?: and|,)\s",
    r"(?:well|so)(?:,| (?=(?:please|can|could|find|where|which|what|how|box|mark|show)\b))",
    r"you (?:are|will be|have been) (?:given|shown|provided with|presented with|looking at)\b"
    r"[^.:;!?]*[.:;!]",
    rf"given (?:these|the|those|this set of|a set of|\d|two|three|four)\b[^.,:;!?]*\b{PICTURE}\b"
    r"[^.,:;!?]*[,:]",
    r"(?:here (?:are|is)|these are|i have|i've got|i took|attached (?:are|is)|below (?:are|is))\b"
    rf"[^.:;!?]*\b{PICTURE}\b[^.:;!?]*[.:;!]",
    r"(?:please )?(?:look|(?:have|take) a (?:(?:good|close|careful) )?look)"
    r"(?: (?:carefully|closely))? at (?:each|all|every|both|the|these|those)(?: of (?:the|these))?"
    rf"(?: \w+)?(?: {PICTURE})?(?: (?:carefully|closely))?[.;!:]",
    r"(?:let'?s see|let me see|quick (?:one|question)|one (?:more )?question|i wonder|"
    r"just wondering)\s*[.:,–—-]+",
    r"(?:could|can|would|will) you (?:please )?help (?:me|us)(?: (?:out|with (?:this|these)))*\s*"
    r"[?.!:]",
    r"(?:please )?(?:answer|solve|do|complete) (?:the|this|my) (?:following |next )?"
    r"(?:question|task|request|query)s?\s*[.:]",
    r"(?:using|use|with) (?:the|your|any)(?: available)? tools?"
    r"(?: (?:you have|available|at hand|that you have))*\s*[,.;:]",
    rf"(?:in|for|from) the (?:attached|following|given|provided|above|uploaded) {PICTURE}\s*[:,]",
    # One alone with its number names a picture: `<image2>: the dog`.
    rf"{PICTURE}\s*#?\d*\s*[:=]?\s*{_PUT}|(?!<[^>]*\d){_PUT}|(?:{_PUT}){{2,}}",
]
_ROLE = re.compile(rf"\s*(?:{'|'.join(_ROLES)}|.*<)", re.IGNORECASE)
"""What is said to the one who answers, and where a template puts pictures: it names nothing."""

_OPENING = re.compile(rf"\s*(?:{'|'.join(_OPENINGS)})\s*", re.IGNORECASE)

_FORM = (
    r"(?:json|xml|csv|yaml|markdown|(?:bounding )?box(?:es)?|bbox(?:es)?|(?:pixel )?coordinates|"
    r"\[x1|\(x1)"
)
_CLOSINGS = [
    r"(?:many )?(?:thanks|thank you|thx|cheers|much appreciated)\b[^.?!]*",
    r"(?:there|it) (?:may|might|could) (?:also |well )?be (?:none|nothing|no such)\b[^.?!]*",
    r"if (?:there (?:is|are) |you (?:find|see) )?(?:none|nothing|no such \w+|no match(?:es)?|"
    r"not (?:there|present|found))\b[^.?!]*\b(?:say|tell|return|output|answer|reply|write|report)\b"
    r"[^.?!]*",
    r"(?:please )?(?:do not|don'?t|no need to) explain\b[^.?!]*",
    r"(?:please )?(?:do not|don'?t) (?:add|write|output|include|give|provide) (?:me )?(?:any |an )?"
    r"(?:other )?(?:explanations?|text|comments?|reasoning|prose|markdown|anything else)\b[^.?!]*",
    r"(?:please )?(?:do not|don'?t) (?:miss|skip|forget|overlook) (?:any|anything|one)\b"
    r"(?: of them)?",
    r"(?:please )?be (?:as )?(?:very )?(?:precise|accurate|careful|thorough|exact|concise|brief|"
    r"exhaustive|quick|complete)\b(?: as possible)?"
    r"(?:,? and (?:include|find|box|mark) (?:every|all|each) (?:instances?|one|of them))?",
    r"(?:please )?(?:think|reason)(?: (?:it|this) through| carefully| hard)?"
    r"(?: step[- ]by[- ]step)?(?: (?:first|before (?:you )?answer(?:ing)?))?|let'?s think\b[^.?!]*|"
    r"take your time",
    rf"(?:please )?(?:only|just)(?: (?:give|return|output|show)(?: me)?)? (?:the )?{_FORM}"
    r"(?: only)?(?:,? (?:please|no text|nothing else))*",
    r"(?:please )?(?:return|answer|reply|respond|output|format|give|provide|write|present|report)"
    r"(?: (?:the|your|my|all|answer|answers|result|results|coordinates|boxes|me|it|them))*"
    rf"(?: (?:in|as|with|using))?(?: (?:a|an|the|valid|pure|only|plain))* {_FORM}"
    r"(?! (?:of|for|around)\b)[^.?!]*",
    r"(?:output |answer )?format\s*[:=][^.?!]*",
    r"i (?:need|want|would like) (?:very )?(?:tight|precise|accurate|exact|pixel[- ]perfect)"
    r" (?:bounding )?boxes",
    r"asap|please|pls|urgent|all instances|every instance|no (?:text|explanations?)",
]
_CLOSING = re.compile(rf"(?:{'|'.join(_CLOSINGS)})", re.IGNORECASE)
_SENTENCE = re.compile(
    r"(?<=[.?!;])\s+|(?<!\s)\s+(?=\()|(?<!\s)\s+[–—-]\s+|,\s+(?=(?:thanks|thank you|thx)\b)"
)
_SYMBOLS = re.compile(r"(?:[^\w\s.?!,;:()\[\]{}<>\"'`|/&#%-]|\ufe0f)+\s*$")
_SPACES = re.compile(r"[^\S\n]+|(?<=,)\n+(?=\S)")
_NUMBER = re.compile(rf"(?<![\w<|])({PICTURE})_?(?=\d)(?!\d+'s)(?![\w-]*\.\w)", re.IGNORECASE)
"""`Image2`, `image_2`; no name of a file."""

_QUOTED = re.compile(r"^\s*([\"'`])([^\"'`]{2,})\1\s*$")
_PLEASE = re.compile(
    r"(?<=\w)[\s,]+(?:please|pls|plz|for me)(?=[.?!]*$)|(?<=[.?!])[.?!]+$", re.IGNORECASE
)
"""A last word, and marks after a mark."""


def question_alone(query: str) -> str:
    """The question without what is said around it; unchanged where nothing would be left.

    What names a thing or a picture stays, as the question may speak of it: `I have three photos of
    my dogs. Find them.`
    """
    text = _NUMBER.sub(r"\1 ", _SPACES.sub(" ", query))
    text = _without_closings(_QUOTED.sub(r"\2", text))
    while (opening := _OPENING.match(text)) is not None:
        rest = text[opening.end() :]
        said = opening.group(0)
        if not rest.strip() or (not _ROLE.match(said) and _names_something(said)):
            break
        text = rest
    return text


def _without_closings(query: str) -> str:
    text = _SYMBOLS.sub("", query).rstrip() or query
    end = len(text)
    for cut in reversed([*_SENTENCE.finditer(text)]):
        last = text[cut.end() : end].strip(" ().?!;,")
        if last and _CLOSING.fullmatch(last) is None:
            break
        end = cut.start()
    return _PLEASE.sub("", text[:end].rstrip())


def _names_something(text: str) -> bool:
    """Whether a thing that is known or one of the pictures is named."""
    named = re.search(rf"\b{NAMED}\b", text, re.IGNORECASE) is not None
    things = closed_vocabulary().named_in(text) or any(map(is_known, re.findall(r"\w+", text)))
    return named or bool(things)
