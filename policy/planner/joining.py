"""What joins one noun phrase or selection to another, told by the words between them."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ALSO = r"(?:, )?(?:(?:and|or|&) )?(?:the )?"
"""Between ranks of the same thing: `the second, the third and the last person`."""

_JOINS = frozenset({"and", "or", "&", ",", "/", "plus", "nor"})
_FILLERS = frozenset(
    {"the", "a", "an", "any", "all", "every", "each", "@sel", "@many", "also", "well", "as", "not",
     "no", "both", "either", "then"}
)  # fmt: skip
_RUN = re.compile(
    r"(?:(?:,|and|or|&|/|plus|also|as well as|both|either) ?)+(?:(?:the|a|an|@sel|@near|@many) ?)*"
)
_LIST_GOES_ON = re.compile(r"(?:, @np )*(?:, )?(?:and|or|&) @np(?: |$)")


def is_joined(words: Sequence[str], index: int) -> bool:
    """Whether and, or or a comma ties the phrase at `index` to the one before it."""
    between: list[str] = []
    for word in reversed(words[:index]):
        if word in ("@np", "@pics", "@rel"):
            break
        between.append(word)
    return bool(_JOINS & set(between)) and set(between) <= _JOINS | _FILLERS


def is_run(words: Sequence[str], first: int, second: int) -> bool:
    """Whether nothing but `and` and articles stand between two phrases: `cats and dogs`."""
    between = " ".join(words[first + 1 : second])
    return words[first : first + 1] == ["@np"] and _RUN.fullmatch(between) is not None


def shares_choice(words: Sequence[str], index: int) -> bool:
    """Whether a choice before the first of a run is made of this one, too: `largest cats, dogs`.

    A comma alone may begin something else, unless the list goes on to its `and`.
    """
    if words[index - 1] in ("and", "or", "&"):
        return True
    return _LIST_GOES_ON.match(" ".join(words[index + 1 : index + 12])) is not None


def is_before_its_noun(words: Sequence[str], index: int, opened: bool) -> bool:
    """Whether a selection is of the noun after it: `the largest dog`, `the second and third dog`.

    Args:
        words: of the stream.
        index: of the selection.
        opened: no noun phrase came before.
    """
    following = " ".join(words[index + 1 : index + 12])
    if re.match(r"(?:@(?:sel|near) )?@np(?: |$)", following):
        return True
    before = [w for w in words[:index] if w != "the"][-1:]
    free = opened or before not in (["@np"], ["is"], ["are"], ["@sel"])
    return free and re.match(rf"(?:{_ALSO}@sel )+@np(?: |$)", following) is not None


def is_second_choice(words: Sequence[str], index: int) -> bool:
    """Whether `and` ties the selection at `index` to one right before it."""
    before = [w for w in words[max(0, index - 4) : index] if w != "the"]
    if before[-2:] in (["@sel", "and"], ["@sel", "&"], ["@sel", "or"]):
        return True
    if before[-3:] == ["@sel", ",", "and"]:
        return True
    following = " ".join(words[index + 1 : index + 12])
    return before[-2:] == ["@sel", ","] and bool(re.match(rf"(?:{_ALSO}@sel )+", following))


def is_broken_off(words: Sequence[str], first: int, second: int) -> bool:
    """Whether what stands at `second` no longer speaks of the run that ends at `first`."""
    return bool({".", ";", ":", "?", "!", "one"} & {*words[first + 1 : second + 2]})


def alternatives(words: Sequence[str], index: int) -> list[int]:
    """Where further landmarks stand after the one at `index`: `next to a person or a cat`.

    What has a place of its own is no landmark: `on the couch or a cat on the bed`.
    """
    following = " ".join(words[index + 1 : index + 12])
    found = re.match(r"(?:, @np )*(?:, )?(?:or|nor) @np(?! @(?:rel|sel|clause))", following)
    if found is None:
        return []
    parts = found.group(0).split()
    return [index + 1 + n for n, word in enumerate(parts) if word == "@np"]
