"""Boxes written as two corners: `(x1,y1),(x2,y2)`, bare or in Qwen2-VL's special tokens."""

from __future__ import annotations

import re

from .numbers import NUMBER as N
from .numbers import written_quad
from .raw import MAX_BOXES, TOO_MANY, Parsed
from .words import Span, label_and_place

_S = r"\s{0,40}+"
_POINT = rf"[(\[]{N},{N}[)\]]"
_PAIR = re.compile(rf"{_POINT}{_S},?{_S}{_POINT}|{_POINT}")
_OPEN_END = re.compile(
    rf"(?:{_POINT}{_S},?{_S})?[(\[]\s{{0,40}}[-+]?\d[\d.,\s]{{0,80}}$|{_POINT}{_S},{_S}[(\[]?{_S}$"
)
_TAIL = 240
BRACKETS = "brackets mended"


def parse_points(text: str) -> Parsed:
    """Every pair of corners, with the label and the picture that stand beside it. Total, linear."""
    spans: list[Span] = []
    notes: dict[str, None] = {}
    damaged = False
    lone = -1
    end = 0
    for match in _PAIR.finditer(text):
        if match[3] is None:
            lone = match.start() if lone < 0 else lone
            continue
        if len(spans) == MAX_BOXES:
            damaged, notes[TOO_MANY] = True, None
            break
        quad = written_quad(match.groups()[:4])
        if quad is None:
            damaged = True
            continue
        words = match[0]
        if words[0] == "[" or words[-1] == "]" or words.count("(") != 2 or words.count(")") != 2:
            damaged, notes[BRACKETS] = True, None
        spans.append(Span(match.start(), match.end(), *quad))
        end = match.end()
    tail = _OPEN_END.search(text, max(end, len(text) - _TAIL))
    cut = tail is not None
    # A corner without its opposite is damage, unless the text was cut between the two.
    damaged = damaged or 0 <= lone < (len(text) if tail is None else tail.start())
    syntax = "points" if spans or cut or damaged else ""
    return Parsed(label_and_place(text, spans), False, cut, damaged, None, tuple(notes), syntax)
