"""Complete boxes out of text that is not valid JSON: cut, mended quotes, words around it.

Boxes are anchors: a regular expression finds each complete group of four numbers (or id), and the
fields beside it are looked for between it and the nearest braces, never past a neighbouring
anchor. So the work is linear in the text, and no stray bracket or quote hides a box.
"""

from __future__ import annotations

import json
import re

from .json_walk import picture_key
from .numbers import NUMBER as N
from .numbers import written_quad
from .pictures import picture_named
from .raw import MAX_BOXES, TOO_MANY, Parsed, RawBox
from .words import images_beside

_S = r"\s{0,40}+"
_ANCHOR = re.compile(
    rf"\[{_S}(?:{N},{N},{N},{N},?{_S}\]|\[{N},{N}\]{_S},{_S}\[{N},{N}\]{_S}\])"
    r"""|(?<![A-Za-z])(?:box_)?id["']?\s{0,8}:\s{0,8}["']?[bB](\d{1,6})\b["']?"""
)
_DIGIT = re.compile(r"\d")
_BOX_KEY = r"""["'](?:bbox_2d|bbox|box)["']\s{0,8}+:\s{0,8}+"""
_NO_BOX = r"""(?:\[\s{0,8}\]|(?:None|null)\b|(["'])(?i:none|null)?\.?\1)"""
_BEGUN = re.compile(
    rf"""\[\s{{0,40}}[-+]?\d|{_BOX_KEY}(?!{_NO_BOX})"""
    r"""|["'](?:box_)?id["']\s{0,8}:"""
    r"""|\bNaN\b|\bInfinity\b"""
)
_LABEL = re.compile(
    r"""(?<![A-Za-z])(?:label|name|class|category|object)["']?\s{0,8}:\s{0,8}"""
    r"""(?:"((?:[^"\\\n]|\\.|"(?!\s{0,8}(?:[,}\]]|$))){0,400})\""""
    r"""|'((?:[^'\\\n]|\\.|'(?!\s{0,8}(?:[,}\]]|$))){0,400})')"""
)
_IMAGE = re.compile(
    r"""(?<![A-Za-z])(?:image|view|image_id|image_index|picture)["']?\s{0,8}:\s{0,8}"""
    r"""["']?[^\d\n"',}]{0,16}(\d{1,6})"""
)
_IMAGE_WORDS = re.compile(
    r"""(?<![A-Za-z])(?:image|view|picture)["']?\s{0,8}:\s{0,8}["']([^\d\n"',}]{1,40})["']"""
)
_AROUND = re.compile(
    r"""["'](?:image|view|image_id|image_index|picture)["']\s{0,8}:\s{0,8}["']?[^\d\n"',}]{0,16}"""
    r"""(\d{1,6})["']?\s{0,8},[^{}\[\]]{0,120}:\s{0,8}\[\s{0,8}$"""
)
_KEY = re.compile(r"""["']([^"'\n]{1,40})["']\s{0,8}:[\s\[]{0,8}$""")
_KEY_REACH = 60
_SAME_LIST = re.compile(r"[\s,]{0,40}|\s{0,40}\]\s{0,40},\s{0,40}\[\s{0,40}")
"""Between two boxes of one list; `_ANCHOR` takes the innermost brackets."""
_EMPTY = re.compile(rf"\[\s{{0,40}}\]|{_BOX_KEY}{_NO_BOX}")
_WORD = re.compile(r"[\w\"']")
_OBJECT = re.compile(r"\{[^{}]*+\}?")
_REACH = 2000
MENDED = "JSON mended"


def salvage(text: str) -> Parsed:
    """Every complete box of a damaged text. Total, linear in its length."""
    found: list[re.Match[str]] = []
    for match in _ANCHOR.finditer(text) if _DIGIT.search(text) else ():
        found.append(match)
        if len(found) > MAX_BOXES:
            break
    cut = _is_open(text)
    if not found:
        begun = _BEGUN.search(text) is not None
        none = not begun and not cut and _EMPTY.search(text) is not None
        syntax = "json" if none or begun or cut else ""
        return Parsed((), none, cut, begun and not cut, syntax=syntax)
    boxes: list[RawBox] = []
    named = images_beside(_OBJECT.sub(_blank, text), [m.span() for m in found])
    notes = {MENDED: None}
    damaged = False
    around: int | None = None
    for index, match in enumerate(found[:MAX_BOXES]):
        left = found[index - 1].end() if index else max(0, match.start() - _REACH)
        right = found[index + 1].start() if index + 1 < len(found) else len(text)
        box = _item(text, match, left, right)
        damaged = damaged or box is None
        around = _around(text, match, left, around)
        if box is not None and box.image is None and box.id is None:
            beside = index > 0 and boxes and _SAME_LIST.fullmatch(text, left, match.start())
            image = boxes[-1].image if beside else around
            box = box._replace(image=named[index] if image is None else image)
        if box is not None:
            boxes.append(box)
    if len(found) > MAX_BOXES:
        damaged, notes[TOO_MANY] = True, None
    damaged = damaged or _half_written(text, found, cut)
    return Parsed(tuple(boxes), False, cut, damaged, None, tuple(notes), "json")


def _blank(match: re.Match[str]) -> str:
    """As many spaces as the object is long: words in it are labels, not headings."""
    return " " * (match.end() - match.start())


def _is_open(text: str) -> bool:
    """Whether a structure with something in it was not closed."""
    braces = text.count("{") > text.count("}")
    if not braces and text.count("[") <= text.count("]"):
        return False
    begin = min(k for k in (text.find("["), text.find("{")) if k >= 0)
    return _WORD.search(text, begin) is not None


def _half_written(text: str, found: list[re.Match[str]], cut: bool) -> bool:
    """Whether a box that never became complete begins between the anchors, or after the last.

    What begins after the last one in cut text is the cut itself. A key right before an anchor is
    that anchor's own.
    """
    index = 0
    for begun in _BEGUN.finditer(text):
        while index < len(found) and found[index].end() <= begun.start():
            index += 1
        if index == len(found):
            return not cut
        start = found[index].start()
        if begun.start() < start and text[begun.end() : start].strip(" \n\t\r\"'[") != "":
            return True
    return False


def _unescaped(words: str) -> str:
    """A quoted label with its escapes resolved, or as it is where they make no sense."""
    if "\\" not in words:
        return words
    try:
        return str(json.loads('"' + words.replace("\\'", "'") + '"'))
    except ValueError:
        return words.replace("\\", "")


def _item(text: str, match: re.Match[str], left: int, right: int) -> RawBox | None:
    """The fields between an anchor's braces; None where a number is not finite."""
    brace = text.rfind("{", left, match.start())
    begin = brace if brace >= 0 else match.start()
    stop = min(right, match.end() + _REACH)
    close = text.find("}", match.end(), stop)
    # Without its closing brace (cut text) the item still ends where the next one begins.
    following = text.find("{", match.end(), stop)
    ends = [e for e in (close, following) if e >= 0]
    fields = text[begin : min(ends, default=stop)] if brace >= 0 else ""
    label = _LABEL.search(fields)
    words = _unescaped(label[1] if label[1] is not None else label[2]) if label else None
    if match[9] is not None:
        return RawBox(None, words, None, f"b{int(match[9])}")
    values = match.groups()[:4] if match[1] is not None else match.groups()[4:8]
    quad = written_quad(values)
    if quad is None:
        return None
    image = _image(fields)
    for at in (match.start(), begin) if image is None else ():
        if image is None and (key := _KEY.search(text, max(left, at - _KEY_REACH), at)):
            image = picture_key(key[1])
    return RawBox(quad[0], words, image, None, quad[1])


def _around(text: str, match: re.Match[str], left: int, before: int | None) -> int | None:
    """The picture of the object around an item's list: `{"image": 2, "objects": [{...}, {...`.

    Args:
        text: all of it.
        match: the item's anchor.
        left: end of the anchor before it.
        before: the picture of the object around that one.
    """
    brace = text.rfind("{", left, match.start())
    if brace < 0:
        return before
    if found := _AROUND.search(text, max(left, brace - _REACH // 8), brace):
        return int(found[1])
    # A list that was closed in between was another one.
    return before if text.find("]", left, brace) < 0 else None


def _image(fields: str) -> int | None:
    """The picture that an item's own fields name."""
    if found := _IMAGE.search(fields):
        return int(found[1])
    words = _IMAGE_WORDS.search(fields)
    return picture_named(words[1]) if words else None
