"""Words that stand for a thing without naming it: who, what, the one, nobody."""

from __future__ import annotations

import re

from .lexicon import ASKING, word_set
from .nouns import Noun
from .question import Phrase
from .stream import Chunk, Item, Stream
from .tokens import Token

_PERSONS = word_set("who whoever whom")
_THINGS = word_set("what whatever")
_BEFORE_A_QUESTION = word_set(
    """
    me us know see wonder wondering curious and so then now here of . ; : ! ? ( whether if tell
    """
)
"""After these and words of asking, `who` asks; after a noun it continues the noun's clause."""

_WHAT_IS = re.compile(
    r" (?:else )?(?:is|are|was|were|lies|lie|sits|sit|stands|stand|hangs|hang|rests|"
    r"(?:can|do|did|could) (?:you|we|i|one|be)(?: \w+)?|"
    r"(?:do|does|did) @pics (?:show|contain|have|depict|display)|"
    r"(?:do|does|did) (?:the|a|an|this|that|these|those|@sel)) "
)
"""What follows `what` where it is asked for itself; before a noun it is a determiner."""


def read_question_words(stream: Stream) -> None:
    """Replace `who` and `what` by noun phrases where they are what is asked for.

    `Who is on the left?` asks for a person; in `the man who is on the left` the word only goes on
    with the noun before it.
    """
    words = stream.words()
    for index, item in enumerate(stream.items):
        if not isinstance(item, Token) or not _asks(stream.items, index):
            continue
        rest = f" {' '.join(words[index + 1 : index + 5])} "
        if item.text in _PERSONS:
            stream.items[index] = Chunk("np", _pronoun("person", generic=False))
        elif item.text in _THINGS and _WHAT_IS.match(rest):
            stream.items[index] = Chunk("np", _pronoun("thing", generic=True))


def read_ones(stream: Stream) -> None:
    """Replace `the one on the left` by a noun phrase where no noun was named before it."""
    words = stream.words()
    if "@np" in words:
        return
    for index, word in enumerate(words):
        ruling = words[index - 1] if index else ""
        if word in ("one", "ones") and (
            ruling in ("the", "which", "this", "that", "those", "@sel", "@near")
            and words[index + 1 : index + 2] != ["of"]
        ):
            stream.items[index] = Chunk("np", _pronoun("thing", generic=True))
            return


def _pronoun(noun: str, *, generic: bool) -> Noun:
    return Noun(Phrase(noun, generic=generic), known=not generic, asked=True, pronoun=True)


def _asks(items: list[Item], index: int) -> bool:
    """Whether a question word here begins a question rather than a clause about a noun."""
    if index == 0:
        return True
    before = items[index - 1]
    if isinstance(before, Chunk):
        return before.tag in ("pics", "ask", "said")
    if before.text == ",":
        earlier = items[index - 2] if index > 1 else None
        return not isinstance(earlier, Token) or earlier.text in ASKING | {"please", "there"}
    if before.text in ("and", "or") and _has_clause(items[:index]):
        # `A person who has an umbrella and who wears a hat`.
        return False
    return before.text in _BEFORE_A_QUESTION or before.text in ASKING


def _has_clause(items: list[Item]) -> bool:
    """Whether a clause about a noun was begun before: the first word of all asks."""
    words = [item.text for item in items[1:] if isinstance(item, Token)]
    return bool({"who", "that", "which"} & {*words})
