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

from ...policy.parsing import split_parts

Floats = NDArray[np.float64]
Quad = tuple[float, float, float, float]

DIGITS = 4
"""Digits of a number in the plain form; longer ones go to the parser."""
MARGIN = 32
"""Zero bytes after the last text: more than the longest plain form, `((9999,9999),(9999,9999)`."""

_TAGS = "<answer>"
"""Stands for a text outside ASCII that has tags, so that they are seen."""

_COMMA, _POINT, _OPEN, _CLOSE, _LESS = (ord(c) for c in ",.()<")
_ZERO = np.uint8(ord("0"))


def first_boxes(
    texts: Sequence[str],
    read_rest: Callable[[Sequence[str]], Sequence[Quad | None]],
    whole: bool = False,
) -> Floats:
    """The first complete box of every text.

    Args:
        texts: what models wrote, n of them.
        read_rest: the parser that decides: texts to their first boxes, None where there is none.
            It must find nothing in a text without any of `( [ { <` or a number before a comma or
            point.
        whole: look in the reasoning too; otherwise only the answer part of a text is read: what
            stands in `<answer>`, or after the thinking (none where the thinking does not end).

    Returns:
        (n, 4), numbers as written; a row of NaN where a text holds no complete box.
    """
    # Column by column in memory, as metrics read it.
    boxes = np.full((4, len(texts)), np.nan).T
    left: list[int] = _plain_boxes(_encoded_answers(texts, whole), boxes).tolist()
    quads = read_rest([texts[index] for index in left]) if left else ()
    found = {index: quad for index, quad in zip(left, quads, strict=True) if quad is not None}
    if found:
        boxes[list(found)] = np.asarray(list(found.values()))
    return boxes


def _encoded_answers(texts: Sequence[str], whole: bool) -> bytes:
    encoded = _encoded(texts)
    # A search for one byte is ten times as fast as for a word.
    tagged = not whole and b"<" in encoded and b">" in encoded
    if tagged and (b"think>" in encoded or b"answer>" in encoded):
        return _encoded([_answer_part(t) for t in texts])
    return encoded


def _encoded(texts: Sequence[str]) -> bytes:
    """All texts as bytes, a zero byte after each, and a margin; only ASCII texts as they are.

    One character outside ASCII makes the whole joined text wide and slow, so a text that has one
    is a lone bracket here, which sends it to the parser.
    """
    joined = "\0".join(texts)
    if not joined.isascii():
        joined = "\0".join(
            [t if t.isascii() else _TAGS if "think>" in t or "answer>" in t else "<" for t in texts]
        )
    return joined.encode("ascii") + b"\0" * (MARGIN + 1)


def _answer_part(text: str) -> str:
    return split_parts(text).answer or "" if "think>" in text or "answer>" in text else text


def _plain_boxes(encoded: bytes, boxes: Floats) -> NDArray[np.intp]:
    """Fill the rows of texts in the plain form; returns which texts are left to the parser."""
    n = len(boxes)
    if not n:
        return np.arange(0)
    data = np.frombuffer(encoded, dtype=np.uint8)
    places = np.flatnonzero(_openings(data))
    ends = np.flatnonzero(data.take(places) == 0)
    if len(ends) != n + MARGIN:
        # A text holds a zero byte itself.
        return np.arange(n)
    # The first place after the end of the text before: an opening, or the text's own end.
    first = np.empty(n, dtype=np.intp)
    first[0], first[1:] = 0, ends[: n - 1] + 1
    cursor = _Cursor(data, places.take(first))
    something = first != ends[:n]
    cursor.expect(_OPEN)
    cursor.skip(_OPEN)
    columns = [cursor.number(), cursor.then(_COMMA).number()]
    columns.append(cursor.then(_CLOSE).then(_COMMA).then(_OPEN).number())
    columns.append(cursor.then(_COMMA).number())
    cursor.expect(_CLOSE)
    for column, values in enumerate(columns):
        np.copyto(boxes[:, column], values, where=cursor.ok)
    return np.flatnonzero(something & ~cursor.ok)


def _openings(data: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where something may begin that a parser reads, and where texts end; (bytes,)."""
    # ( is 40; [ and { and what is not ASCII lie above the capitals, with \ ] | } ~ and the like.
    openings = (data == _OPEN) | (data == _LESS)
    openings |= (data > ord("Z")) & ((data < ord("a")) | (data > ord("z")))
    # A bare list of numbers has no bracket: a digit and a comma or a point may be its beginning.
    # Numbers before the first bracket ("2nd region", "image-1") are words.
    listed = (data == _COMMA) | (data == _POINT)
    openings[:-1] |= ((data - _ZERO) < 10)[:-1] & listed[1:]
    # Only where a run of such bytes begins; the zero bytes keep texts apart.
    openings[1:] &= ~openings[:-1]
    openings |= data == 0
    return openings


class _Cursor:
    """One reading position per text; all move together."""

    def __init__(self, data: NDArray[np.uint8], position: NDArray[np.intp]) -> None:
        self.data, self.position = data, position
        self.ok = np.ones(len(position), dtype=np.bool_)

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
