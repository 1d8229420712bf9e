"""A question as nano's misreadings are told by: its words beside the pictures that it names."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from ...tools.errors import QueryNotUnderstood

if TYPE_CHECKING:
    from ..planner.pictures import Pictures
    from ..planner.tokens import Token


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question says.

    Attributes:
        tokens: its tokens in order, contractions opened (`isn't` is two); None where a reference
            to pictures stands.
        pictures: those references.
        resolved: whether all pictures that it names exist; else `pictures` is not to be trusted.
    """

    tokens: tuple[Token | None, ...]
    pictures: tuple[Pictures, ...]
    resolved: bool

    @property
    def words(self) -> tuple[str, ...]:
        """The tokens' texts, lower case; empty where a reference to pictures stands."""
        return tuple("" if token is None else token.text for token in self.tokens)

    @property
    def named(self) -> frozenset[int]:
        """1-based pictures that are named and not shut out; empty where one does not exist."""
        if not self.resolved:
            return frozenset()
        chosen = (p for p in self.pictures if p.kind == "named" and not p.negated)
        return frozenset(image for reference in chosen for image in reference.images)


@lru_cache(maxsize=64)
def read_question(query: str, count: int) -> Asked:
    """Read a question about so many pictures. Total."""
    # Only questions about photographs come here, and those are read by the planner next.
    from ..planner.pictures import pictures_in, read_pictures
    from ..planner.stream import Stream
    from ..planner.tokens import Token, tokenise

    stream = Stream(tokenise(query))
    resolved = True
    try:
        read_pictures(stream, count)
    except QueryNotUnderstood:
        resolved = False
    tokens = tuple(item if isinstance(item, Token) else None for item in stream)
    return Asked(tokens, tuple(pictures_in(stream)), resolved)
