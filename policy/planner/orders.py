"""Words of a sentence that order something, told apart from those that tell what is there."""

from __future__ import annotations

from collections.abc import Sequence

from .lexicon import ORDERS, word_set

_NO_ORDER_BEHIND = word_set("@pics @both @named @np that which to")
_ASKS = word_set("where which who what @ask @which")
_TELLS = word_set(
    """
    is are was were has have show shows depict depicts contain contains feature features @rel
    """
)


def orders(words: Sequence[str]) -> bool:
    """Whether something is ordered in these words: `all pictures show` is none."""
    before = ["", *words]
    return any(
        word in ORDERS and before[at] not in _NO_ORDER_BEHIND for at, word in enumerate(words)
    )


def asks(words: Sequence[str]) -> bool:
    """Whether something is ordered or asked for in a sentence."""
    return orders(words) or bool(_ASKS & {*words})


def tells(words: Sequence[str]) -> bool:
    """Whether a sentence says that something is there."""
    return bool(_TELLS & {*words[1:]})
