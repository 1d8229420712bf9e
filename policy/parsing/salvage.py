"""Complete boxes out of text that is not valid JSON: cut, mended quotes, words around it.

Boxes are anchors: a regular expression finds each complete group of four numbers (or id), and the
fields beside it are looked for between it and the nearest braces, never past a neighbouring
anchor. So the work is linear in the text, and no stray bracket or quote hides a box.
"""

from __future__ import annotations

import math
import re

from .raw import Parsed, RawBox

N = r"\s{0,64}[-+]?\d{1,15}(?:\.\d{0,15})?(?:[eE][-+]?\d{1,4})?\s{0,64}"
_G = r"\s{0,64}([-+]?\d{1,15}(?:\.\d{0,15})?(?:[eE][-+]?\d{1,4})?)\s{0,64}"
_ANCHOR = re.compile(
    rf"\[{_G},{_G},{_G},{_G},?\s{{0,64}}\]"
    rf"|\[\s{{0,64}}\[{_G},{_G}\]\s{{0,64}},\s{{0,64}}\[{_G},{_G}\]\s{{0,64}}\]"
    r"""|["']?\b(?:box_)?id["']?\s{0,8}:\s{0,8}["']?[bB](\d{1,6})\b["']?"""
)
_OPENED = re.compile(
    r"""\[\s{0,64}[-+]?\d|["'](?:bbox_2d|bbox|box)["']\s{0,8}:|["'](?:box_)?id["']\s{0,8}:"""
)
_LABEL = re.compile(
    r"""["']?\b(?:label|name|class|category|object)["']?\s{0,8}:\s{0,8}"""
    r"""(?:"((?:[^"\\\n]|\\.){0,400})"|'((?:[^'\\\n]|\\.){0,400})')"""
)
_IMAGE = re.compile(
    r"""["']?\b(?:image|view|image_id|image_index|picture)["']?\s{0,8}:\s{0,8}"""
    r"""["']?[^\d\n"',}]{0,16}(\d{1,6})"""
)
_EMPTY = re.compile(r"\[\s{0,64}\]")


def salvage(text: str) -> Parsed:
    """Every complete box of a damaged text. Total, linear in its length."""
    found = list(_ANCHOR.finditer(text))
    opened = text.rfind("[") > text.rfind("]") or text.rfind("{") > text.rfind("}")
    if not found:
        begun = _OPENED.search(text) is not None
        none = not begun and not opened and _EMPTY.search(text) is not None
        return Parsed((), none, opened, begun and not opened, syntax="json" if none else "")
    boxes: list[RawBox] = []
    damaged = False
    for index, match in enumerate(found):
        left = found[index - 1].end() if index else max(0, match.start() - 2000)
        right = found[index + 1].start() if index + 1 < len(found) else len(text)
        box = _item(text, match, left, right)
        if box is None:
            damaged = True
        else:
            boxes.append(box)
    begun = sum(1 for _ in _OPENED.finditer(text, found[-1].end()))
    cut = opened
    damaged = damaged or (begun > 0 and not opened)
    return Parsed(tuple(boxes), False, cut, damaged, None, ("JSON mended",), "json")


def _item(text: str, match: re.Match[str], left: int, right: int) -> RawBox | None:
    """The fields between an anchor's braces; None where a number is not finite."""
    brace = text.rfind("{", left, match.start())
    begin = brace if brace >= 0 else match.start()
    close = text.find("}", match.end(), min(right, match.end() + 2000))
    end = close if close >= 0 else min(right, match.end() + 600)
    fields = text[begin:end] if brace >= 0 else ""
    label = _LABEL.search(fields)
    words = (label[1] if label[1] is not None else label[2]) if label else None
    if match[9] is not None:
        return RawBox(None, words, None, f"b{int(match[9])}", match.start())
    image = _IMAGE.search(fields)
    values = match.groups()[:4] if match[1] is not None else match.groups()[4:8]
    a, b, c, d = (float(v) for v in values)
    if not all(map(math.isfinite, (a, b, c, d))):
        return None
    return RawBox((a, b, c, d), words, int(image[1]) if image else None, None, match.start())
