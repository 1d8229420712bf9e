"""Numbers: of things, which are no pictures (`cat #2 from the left`), and of `view 2`, which is."""

from __future__ import annotations

import re
from dataclasses import replace

from .known import is_known
from .lexicon import PICTURE, PICTURES, word_set
from .stream import Item, Stream, text_of
from .tokens import Token, word_token

_SIGNS = ("#", "number", "numbered", "no", "nr")
_JOINS = frozenset({"and", "or", "&", ","})
_SIDES = frozenset({"left", "right", "top", "bottom"})
_VIEWS = word_set("view scene slide figure fig screenshot still page")
_MOST = 20
"""Above this a number behind a thing names it (`bus number 73`) and does not count."""


def read_numbered_things(stream: Stream) -> None:
    """Make `# 2` right behind a thing an ordinal, before it could be taken for a picture."""
    items = stream.items
    _number_counted_things(items)
    _repeat_things(items)
    for index in range(len(items) - 1, 1, -1):
        if index >= len(items):
            # What was just read behind it has become shorter.
            continue
        number, at = items[index], index - 1
        if not isinstance(number, Token) or number.kind != "number":
            continue
        if text_of(items[at]) == ".":
            at -= 1
        sign, thing = text_of(items[at]), text_of(items[at - 1]) if at else ""
        if sign not in _SIGNS or not 1 <= number.value <= _MOST:
            continue
        if sign == "no" and number.text == "one":
            # `The chair no one is sitting on`.
            continue
        if is_known(thing) and thing not in PICTURE | PICTURES:
            items[at : index + 1] = [Token(number.text, number.raw, "ordinal", number.value)]


def read_numbered_views(stream: Stream) -> None:
    """`View 1`, `scene 2`, `screenshot B`: words that name a picture by its number alone."""
    for index, item in enumerate(stream.items[:-1]):
        after = stream.items[index + 1]
        if not isinstance(item, Token) or not isinstance(after, Token) or item.text not in _VIEWS:
            continue
        if after.kind == "number" or re.fullmatch("[A-J]", after.raw):
            stream.items[index] = replace(item, text="image")


def read_labels(stream: Stream, count: int) -> None:
    """`1: cat; 2: dog`, `cat (1), dog (2)`: numbers alone, where each names another picture."""
    for names in (_begins_with, _is_in_brackets):
        spots: dict[int, int] = {}
        for index, item in enumerate(stream.items):
            if not isinstance(item, Token) or item.kind != "number":
                continue
            if 1 <= item.value <= count and names(stream.items, index):
                spots[index] = item.value
        if len(spots) > 1 and len({*spots.values()}) == len(spots):
            for index in reversed(spots):
                stream.items.insert(index, word_token("image"))


def _begins_with(items: list[Item], index: int) -> bool:
    """`2: dog`, where something new begins."""
    opens = index == 0 or text_of(items[index - 1]) in (";", ",", ".", "and")
    return opens and [text_of(item) for item in items[index + 1 : index + 2]] == [":"]


def _is_in_brackets(items: list[Item], index: int) -> bool:
    """`Dog (2)`, `the dog in (2)`."""
    around = [text_of(item) for item in (*items[index - 1 : index], *items[index + 1 : index + 2])]
    before = text_of(items[index - 2]) if index > 1 else ""
    return around == ["(", ")"] and (before == "in" or is_known(before))


def _number_counted_things(items: list[Item]) -> None:
    """`Cat 2 from the left`, `persons 2 and 3 from the right`: numbers that are counted to."""
    for index in range(1, len(items)):
        thing, end = text_of(items[index - 1]), index
        if not _is_number(items[index]) or not is_known(thing) or thing in PICTURE | PICTURES:
            continue
        while end < len(items) and (_is_number(items[end]) or text_of(items[end]) in _JOINS):
            end += 1
        after = [text_of(item) for item in items[end : end + 3]]
        if after[:1] == ["from"] and _SIDES & {*after[1:]}:
            items[index:end] = [_ordinal(item) for item in items[index:end]]


def _repeat_things(items: list[Item]) -> None:
    """`Dogs no. 1 and no. 2`, `person #1 and #3`: the same thing, named again before each sign."""
    index = 1
    while index < len(items):
        end = _signed(items, index)
        thing = items[index - 1]
        if not end or not is_known(text_of(thing)) or text_of(thing) in PICTURE | PICTURES:
            index += 1
            continue
        while end < len(items) and (join := _join_before_sign(items, end)):
            items.insert(end + join, thing)
            end = _signed(items, end + join + 1)
        index = end


def _join_before_sign(items: list[Item], at: int) -> int:
    """How many words tie another number to the one before; 0 where none follows."""
    length = 0
    while at + length < len(items) and text_of(items[at + length]) in _JOINS:
        length += 1
    return length if length and _signed(items, at + length) else 0


def _signed(items: list[Item], at: int) -> int:
    """Where a sign with its number that begins here ends (`no. 2`); 0 where none begins."""
    if at >= len(items) or text_of(items[at]) not in _SIGNS:
        return 0
    dotted = at + 1 < len(items) and text_of(items[at + 1]) == "."
    number = at + 2 if dotted else at + 1
    return number + 1 if number < len(items) and _is_number(items[number]) else 0


def _is_number(item: Item) -> bool:
    return isinstance(item, Token) and item.kind == "number" and 1 <= item.value <= _MOST


def _ordinal(item: Item) -> Item:
    if isinstance(item, Token) and item.kind == "number":
        return Token(item.text, item.raw, "ordinal", item.value)
    return item
