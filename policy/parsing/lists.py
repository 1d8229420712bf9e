"""Boxes written as four numbers in a row: `[a, b, c, d]`, `(a, b, c, d)`, `<box>a b c d</box>`."""

from __future__ import annotations

import re

from .numbers import NUMBER as N
from .numbers import written_quad
from .raw import MAX_BOXES, TOO_MANY, Parsed
from .words import Span, label_and_place

_D = r"([-+]?\d{1,15}(?:\.\d{0,15})?)"
_LIST = re.compile(
    rf"\[{N},{N},{N},{N},?\s{{0,40}}\]"
    rf"|\({N},{N},{N},{N}\)"
    rf"|(?:<box>|<\|box_start\|>)\s{{0,40}}{_D}[\s,]{{1,40}}{_D}[\s,]{{1,40}}{_D}[\s,]{{1,40}}{_D}"
    r"\s{0,40}(?:</box>|<\|box_end\|>)"
)
_ALONE = re.compile(rf"{N},{N},{N},{N}\.?")
_OPEN_END = re.compile(r"[\[(]\s{0,40}[-+]?\d[\d.,\s]{0,120}$")
_SHORT_ALONE = 400


def parse_lists(text: str) -> Parsed:
    """Every group of four numbers in brackets, or four numbers that are all of the text."""
    spans: list[Span] = []
    notes: dict[str, None] = {}
    damaged = False
    for match in _LIST.finditer(text):
        if len(spans) == MAX_BOXES:
            damaged, notes[TOO_MANY] = True, None
            break
        quad = written_quad([g for g in match.groups() if g is not None])
        if quad is None:
            damaged = True
            continue
        spans.append(Span(match.start(), match.end(), *quad))
    alone = _ALONE.fullmatch(text.strip()) if not spans and len(text) <= _SHORT_ALONE else None
    if alone is not None and (quad := written_quad(alone.groups())) is not None:
        spans.append(Span(0, len(text), *quad))
    tail = text[max(spans[-1].end if spans else 0, len(text) - 160) :]
    cut = alone is None and _OPEN_END.search(tail) is not None
    syntax = "list" if spans or cut or damaged else ""
    return Parsed(label_and_place(text, spans), False, cut, damaged, None, tuple(notes), syntax)
