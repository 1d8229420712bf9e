"""Answers that have begun to repeat themselves without end.

Greedy decoding can fall into a loop (Holtzman et al., "The Curious Case of Neural Text
Degeneration", ICLR 2020, section 4): the same box again and again until the tokens run out. Nothing
new comes of the rest, and a caller waits for it. The same three numbers are given to vLLM, which
has the check of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

SHORTEST, LONGEST = 8, 64
"""Tokens of a stretch that is looked for. One box has 6 to 60, by dialect; a shorter stretch is
found as several of it."""

TIMES = 8
"""How often it stands at the end before the answer counts as caught in it: twins are merged when
an answer is read, so eight equal boxes in a row say no more than one."""


CUT = frozenset({"length", "repetition"})
"""Reasons of vLLM's to end an answer that mean that it was cut."""


def repeats(ids: Sequence[int]) -> bool:
    """Whether `ids` end with `TIMES` equal stretches of `SHORTEST` to `LONGEST` tokens."""
    length = len(ids)
    for size in range(SHORTEST, min(LONGEST, length // TIMES) + 1):
        # Equal stretches mean that every token is that of one stretch before. Most sizes end here.
        if ids[-1] != ids[-1 - size] or ids[-2] != ids[-2 - size]:
            continue
        begin = length - size * TIMES
        if ids[begin + size : length] == ids[begin : length - size]:
            return True
    return False
