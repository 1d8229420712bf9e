"""A question on its way from words to meaning: its references to pictures and noun phrases."""

from __future__ import annotations

from .amounts import read_bounds, read_comparisons
from .assembly import Assembler
from .back import read_back_references, read_sides_of
from .clauses import read_clauses
from .nouns import read_nouns
from .pictures import Pictures, pictures_in
from .pronouns import read_ones, read_question_words
from .relations import read_relations, read_verbs
from .selections import read_selections
from .shown import confines
from .stream import Chunk, Stream
from .tokens import Token

SOUGHT = frozenset({"in", "into", "on", "within", "inside", "across"})
"""Prepositions before a picture in which something is sought."""

MARKS = frozenset({"@pics", "@named", "@both", "@which", "@without"})
"""How references to pictures read in the marked text."""


def marked_text(stream: Stream) -> str:
    """The words with references to pictures told apart: @named, @both (all of several), @which."""
    words = stream.words()
    for index, item in enumerate(stream.items):
        if isinstance(item, Chunk) and isinstance(item.meaning, Pictures):
            ref = item.meaning
            if ref.kind in ("named", "role", "rest"):
                words[index] = "@without" if ref.negated else "@named"
            elif ref.kind == "which":
                words[index] = "@which"
            elif ref.plural and (ref.each or ref.kind == "all"):
                words[index] = "@both"
    return f" {' '.join(words)} "


class Reading:
    """One question on its way from words to meaning."""

    def __init__(self, stream: Stream, tokens: tuple[Token, ...], text: str, count: int) -> None:
        self.tokens = tokens
        self.text = text
        self.count = count
        self.every = tuple(range(1, count + 1))
        self.references = pictures_in(stream)
        self.boxes = [t for t in tokens if t.kind == "box"]
        self.before = list(stream.items)
        read_sides_of(stream)
        read_selections(stream)
        read_question_words(stream)
        read_bounds(stream)
        read_verbs(stream)
        read_nouns(stream)
        read_ones(stream)
        read_comparisons(stream)
        read_back_references(stream)
        read_clauses(stream)
        read_relations(stream)
        self.stream = stream
        assembler = Assembler(stream)
        self.heads = assembler.run()
        self.read = assembler.read

    def marks_before(self, end: int) -> int:
        """How many references to pictures the text holds before this place; each has its mark."""
        return sum(word in MARKS for word in self.text[:end].split())

    def located(self) -> list[Pictures]:
        """References that shut out or name pictures, in order."""
        return [r for r in self.references if confines(r)]

    def where(self, references: list[Pictures] | None = None) -> tuple[int, ...]:
        """The pictures that the question confines itself to, or none where it names none."""
        chosen = references if references is not None else self.located()
        wanted = {i for r in chosen if not r.negated for i in r.images}
        unwanted = {i for r in chosen if r.negated for i in r.images}
        if not wanted and unwanted:
            wanted = set(self.every)
        return tuple(sorted(wanted - unwanted))
