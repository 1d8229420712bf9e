"""The first box of thousands of answers at once.

Nearly every answer of the Qwen-VL family is the same few bytes: some words, then `(x1,y1),(x2,y2)`.
`first_boxes` reads those in one pass over the bytes of all answers together, with NumPy; whatever
does not have that plain form (tags, JSON, decimals, spaces, cut text) goes one by one to the
parser that it is given, so the result is that parser's on every text, only sooner.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Quad = tuple[float, float, float, float]

DIGITS = 4
"""Digits of a number in the plain form; longer ones go to the parser."""
LONGEST = len("((9999,9999),(9999,9999)")

# Bytes that may begin something a parser would read otherwise: brackets, tags, and "?", which
# stands for every character outside Latin-1.
_OPENING = np.zeros(256, dtype=np.bool_)
_OPENING[[ord(c) for c in "([{<?"]] = True
_COMMA, _OPEN, _CLOSE, _ZERO = ord(","), ord("("), ord(")"), np.uint8(ord("0"))


def first_boxes(texts: Sequence[str], read_one: Callable[[str], Quad | None]) -> Floats:
    """The first complete box of every text.

    Args:
        texts: answers, n of them.
        read_one: the parser that decides: a text to its first box, or None.

    Returns:
        (n, 4), numbers as written; a row of NaN where a text holds no complete box.
    """
    boxes = np.full((len(texts), 4), np.nan)
    plain = _plain_boxes(texts, boxes)
    for index in np.flatnonzero(~plain).tolist():
        found = read_one(texts[index])
        if found is not None:
            boxes[index] = found
    return boxes


def _plain_boxes(texts: Sequence[str], boxes: Floats) -> NDArray[np.bool_]:
    """Fill the rows of texts in the plain form; returns (n,) which those are."""
    n = len(texts)
    # Every text is followed by a zero byte, so that nothing reaches over its end.
    joined = "\0".join(texts) + "\0"
    if n == 0 or joined.count("\0") != n:
        return np.zeros(n, dtype=np.bool_)
    data = np.frombuffer(joined.encode("latin-1", "replace") + b"\0" * LONGEST, dtype=np.uint8)
    ends = np.flatnonzero(data[: len(joined)] == 0)
    starts = np.empty_like(ends)
    starts[0], starts[1:] = 0, ends[:-1] + 1
    position = _first_opening(data, starts)
    ok = position < ends
    np.minimum(position, ends, out=position)
    cursor = _Cursor(data, position, ok)
    cursor.expect(_OPEN)
    cursor.skip(_OPEN)
    columns = [cursor.number(), cursor.then(_COMMA).number()]
    columns.append(cursor.then(_CLOSE).then(_COMMA).then(_OPEN).number())
    columns.append(cursor.then(_COMMA).number())
    cursor.expect(_CLOSE)
    rows = np.flatnonzero(cursor.ok)
    boxes[rows] = np.stack(columns, axis=1)[rows]
    return cursor.ok


def _first_opening(data: NDArray[np.uint8], starts: NDArray[np.intp]) -> NDArray[np.intp]:
    """The first place at or after each start where something may begin, (n,)."""
    opening = _OPENING.take(data)
    # A bare list of numbers has no bracket: a digit and a comma or a point may be its beginning.
    # Numbers before the first bracket ("2nd region", "image-1") are words.
    digit = (data - _ZERO) < 10
    comma = (data == _COMMA) | (data == ord("."))
    opening[:-1] |= digit[:-1] & comma[1:]
    # Only where a run begins: the zero byte before every text makes its first byte count.
    opening[1:] &= ~opening[:-1]
    places = np.append(np.flatnonzero(opening), len(data) - LONGEST)
    return places[np.searchsorted(places, starts)]


class _Cursor:
    """One reading position per text; all move together."""

    def __init__(
        self, data: NDArray[np.uint8], position: NDArray[np.intp], ok: NDArray[np.bool_]
    ) -> None:
        self.data, self.position, self.ok = data, position, ok

    def expect(self, byte: int) -> None:
        """Step over this byte; texts that have another one are not plain."""
        self.ok &= self.data.take(self.position) == byte
        self.position += 1

    def then(self, byte: int) -> _Cursor:
        """`expect`, for chaining."""
        self.expect(byte)
        return self

    def skip(self, byte: int) -> None:
        """Step over this byte where it stands."""
        self.position += self.data.take(self.position) == byte

    def number(self) -> NDArray[np.int16]:
        """Read a number of 1 to `DIGITS` digits; (n,) values."""
        value = self.data.take(self.position) - _ZERO
        digit = value < 10
        self.ok &= digit
        total = (value * digit).astype(np.int16)
        self.position += digit
        for _ in range(DIGITS - 1):
            value = self.data.take(self.position) - _ZERO
            digit = value < 10
            total *= digit * np.int16(9) + np.int16(1)
            total += value * digit
            self.position += digit
        return total
