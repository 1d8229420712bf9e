"""What a question says or asks that boxes can't tell: colours, deeds, ages, distances."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ...tools.errors import QueryNotUnderstood
from .heads import Head
from .known import is_activity
from .lexicon import ACTIVITY, ADJECTIVES, ASKING, COLOURS, HOLDING, word_set
from .question import BY_SIZE, Condition
from .reading import Reading

_PROPERTY = (
    r"(?:colou?rs?|breeds?|race|age|gender|sex|size|weight|height|width|length|distance|shape|"
    r"material|brand|make|model|species|time|year|season|weather|name|mood|emotion|expression)"
)
_ASKED = re.compile(
    rf" (?:what|which|tell me|name|guess|estimate|say) (?:is |are |was )?(?:the )?"
    rf"(?:main |exact )?({_PROPERTY})(?: of| is| are| does| do| has| have|(?= [a-z@]))"
    r"| how (far|old|young|big|tall|small|large|long|heavy|fast|high|wide|deep|hot|expensive|close)"
    r"(?= )| what (?:\S+ ){1,8}(doing)(?= )| how many (colou?rs)(?= )| (how) (?:is|are) |"
    r" (why)(?! (?:do )?not)(?= )"
)
_TELLING = re.compile(
    r" (?:please |can you |could you |@said |, )*(describe|caption|summari[sz]e|explain|narrate|"
    r"transcribe|translate) (?:(?:the|these|all|both|me|to|us|in|detail|@\w+|what|you|i|can|see|"
    r"everything|it|them|content|contents|scene|scenes|objects|of|is|happening|here|[.,?!]) )*$"
)
_EVERY_OTHER = re.compile(r" every (?:other|ORD[2-9]) (?!@|ones? )")
_THING = r"(?:objects?|things?|items?|something|anything|everything|stuff|what)"
_DOING = (
    r"(?:sit|eat|drink|wear|ride|read|play|sleep|cook|cut|write|lie|stand|drive|rest|hold|carry|"
    r"throw|open|watch|use|sell|buy|repair|clean|wash|fly|sail|climb|kick|catch|hit|hide)"
)
_BY_USE = re.compile(
    rf" {_THING} (?:(?:that|which) )?((?:you|one|people|we|they|i) (?:can|could|may|might|would) "
    rf"\w+|(?:can|could|may|might|would|should) (?:you|one|people|we|they|i) \w+|"
    rf"(?:can|could|may|might|should|to) be (?:used|eaten|drunk|worn|ridden|read|played with|"
    rf"sat on|driven|opened|thrown|sold|bought|moved|carried|lifted)|"
    rf"(?:is |are )?used (?:for|to|as|by)|for \w+ing|"
    rf"to {_DOING}(?: (?:on|in|from|with|at))?|(?:can|could) "
    rf"(?!you |we |i |be )\w+|flying|moving|burning|edible)(?= )"
)
_SEEING = word_set(
    """
    see find spot detect locate identify recognise recognize notice mark box name list count point
    tell make be show
    """
)
_ONLY = re.compile(r" (?:has|have|shows?|contains?|with) (?:only|just) (?!(?:NUM\d+|one|an?) )")
_POSTURES = (ACTIVITY | ADJECTIVES) - ASKING - {"left", "visible", "main", "located", "entire"}


def require_boxes_asked(text: str) -> None:
    """Refuse a question whose answer is no box and no count.

    Args:
        text: the words, with references to pictures as chunks.

    Raises:
        QueryNotUnderstood: a colour, an age, a distance or the like is asked for, or that there
            be nothing else.
    """
    if (other := _EVERY_OTHER.search(text)) is not None:
        raise QueryNotUnderstood(
            f"The planner can't take things by turns ('{other.group(0).strip()}').",
            "Say which ones, as in: the second and fourth chair from the left.",
        )
    if (use := _BY_USE.search(text)) is not None and use.group(1).split()[-1] not in _SEEING:
        raise QueryNotUnderstood(
            f"The planner can't tell things by what they do or are for ('{use.group(1)}').",
            "Name the things, as in: every chair, couch and bench.",
        )
    if _ONLY.search(text):
        raise QueryNotUnderstood(
            "The planner can't tell that a picture shows nothing else.",
            "Ask as in: which picture has dogs but no cats.",
        )
    found = _ASKED.search(text)
    if found is not None:
        word = next(group for group in found.groups() if group)
        raise QueryNotUnderstood(
            f"The planner answers with boxes and counts; it can't tell '{word}'.",
            "Ask where the thing is, how many there are, or which picture shows it.",
        )


def require_boxes_wanted(reading: Reading) -> None:
    """Refuse what asks for words alone.

    Raises:
        QueryNotUnderstood: a description is asked for, and no thing is named.
    """
    named = any(head.noun.known for head in reading.heads)
    if not named and (telling := _TELLING.match(reading.text)) is not None:
        raise QueryNotUnderstood(
            f"The planner answers with boxes and counts; it can't {telling.group(1)}.",
            "Ask where a thing is, how many there are, or which picture shows it.",
        )


def require_one_choice(heads: Sequence[Head]) -> None:
    """Refuse a thing that is to lie at both ends at once.

    Raises:
        QueryNotUnderstood: two choices were read for one thing, which may be for two, or a rank by
            distance from another thing.
    """
    for head in heads:
        ranked = any(abs(s.rank) > 1 for s in head.selections)
        if ranked and any(r.kind in ("nearest to", "farthest from") for r in head.relations):
            raise QueryNotUnderstood(
                "The planner knows the nearest and the farthest of something, no rank between.",
                "Ask as in: the boat nearest to the train; the second boat from the left.",
            )
        chosen = {s.key for s in head.selections if not s.side}
        sides = {s.key for s in head.selections if s.side}
        if any(pair <= chosen or pair <= sides for pair in _ENDS) or _is_in_two_places(head):
            raise QueryNotUnderstood(
                "The planner reads two choices of one thing here.",
                "Name the thing twice, as in: the leftmost dog in image 1 and the rightmost dog in "
                "image 3.",
            )


def require_told_apart(text: str, conditions: Sequence[Condition]) -> None:
    """Refuse pictures that are told by what can't be compared, or by one thing or another.

    Raises:
        QueryNotUnderstood: `the picture with the leftmost bus`; `pictures with a cat or a dog`.
    """
    shown = [c for c in conditions if c.kind == "shows"]
    if any(s.key not in BY_SIZE and not s.side for c in shown for s in c.phrase.selections):
        raise QueryNotUnderstood(
            "The planner compares sizes between pictures, not places.",
            "Ask as in: the cat in the picture with the largest dog; the cat in image 2.",
        )
    if len(shown) > 1 and re.search(_EITHER, text):
        raise QueryNotUnderstood(
            "The planner looks for pictures that show all that is named, not one or the other.",
            "Ask one after the other, as in: dogs in pictures with a cat; dogs in pictures with a "
            "person.",
        )


_EITHER = r" (?:with|shows?|contains?|have|has|containing|showing) (?:\S+ ){1,4}or (?:an? |the )?\w"


def _is_in_two_places(head: Head) -> bool:
    """`Two cups on the table and one on the floor`: no cup is on both."""
    on = [r for r in head.relations if r.kind == "on" and not r.negated]
    return len(on) > 1 and len({mark.noun for r in on for mark in r.landmarks}) > 1


_ENDS = ({"left", "right"}, {"top", "bottom"}, {"largest", "smallest"})


def note_unchecked(words: Sequence[str], heads: Sequence[Head]) -> None:
    """Add to the heads what is said of them and not checked: `dogs that are sleeping`.

    What goes on with a place is checked by that place: `sitting on the couch`.
    """
    for index, word in enumerate(words):
        behind = _is_numbered(words, index) or _is_colour_alone(words, index)
        if not behind and (word not in _POSTURES or not _is_predicate(words, index)):
            continue
        head = _head_before(heads, index)
        if head is not None and (words[index - 1] != "@np" or head.at == index - 1 or not behind):
            # The `x1` of a format that is asked for is a number of no thing.
            _note(head, word.removeprefix("NUM"))
    for index in range(len(words)):
        if words[index : index + 3] == ["@rel", "the", "same"] and (
            head := _head_before(heads, index)
        ):
            # `On the same bench`: each is on one.
            _note(head, "same")
    for head in heads:
        doing = words[head.at - 1] if head.at else ""
        if doing.endswith("ing") and is_activity(doing) and doing not in ASKING | HOLDING.keys():
            # `Glowing objects`.
            _note(head, doing)
        if words[max(0, head.at - 2) : head.at] == ["the", "same"]:
            # `The same dog in both`: all dogs are found, be they one or not.
            _note(head, "same")


def _head_before(heads: Sequence[Head], index: int) -> Head | None:
    return max((h for h in heads if h.at < index), key=lambda h: h.at, default=None)


def _note(head: Head, word: str) -> None:
    phrase = head.noun.phrase
    if word not in phrase.modifiers:
        said = replace(phrase, modifiers=(*phrase.modifiers, word))
        head.noun = replace(head.noun, phrase=said)


def _is_numbered(words: Sequence[str], index: int) -> bool:
    """`Bus 180`, `the player with number 10`: what is written on it."""
    before = words[index - 1 : index] if index else []
    return words[index].startswith("NUM") and before in (["@np"], ["number"])


def _is_colour_alone(words: Sequence[str], index: int) -> bool:
    """`Horses, just the white`, `dogs: brown ones`: a colour in the place of a noun."""
    if words[index] not in COLOURS or not index:
        return False
    after = words[index + 1] if index + 1 < len(words) else "."
    before = words[index - 1] in (",", ":", "-", "just", "only", "the")
    return before and after in ("one", "ones", "only", ".", ",", ";", "!", "?", "please")


def _is_predicate(words: Sequence[str], index: int) -> bool:
    """Whether a word stands behind a noun phrase and says what it is or does."""
    if words[index + 1 : index + 2] and words[index + 1] in ("@rel", "@sel", "@clause", "@np"):
        return False
    before = [w for w in words[max(0, index - 5) : index] if w not in ("@pics", "@sel", "@many")]
    while before and before[-1] in ("is", "are", "that", "who", "which", "being", "and"):
        before.pop()
    return before[-1:] == ["@np"] or (bool(before) and before[-1] in _POSTURES)
