"""The answer as a table on standard output."""

from __future__ import annotations

import os
import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...tools.text import clean_text
from ..answer import Answer, AnswerBox
from ..colors import color_of

PIPE_WIDTH = 200
"""Columns where standard output is no terminal: wide enough that no cell is broken."""


def print_answer(answer: Answer, console: Console | None = None) -> None:
    """Print a headline, the words of the answer, and one row a box."""
    out = console or _stdout()
    out.print(Text(headline(answer), style="bold"))
    if answer.text:
        out.print(Text(clean_text(answer.text, 4000, multiline=True)))
    if answer.answer:
        out.print(_table(answer))


def _stdout() -> Console:
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    return Console(width=width, highlight=False)


def headline(answer: Answer) -> str:
    """One line that says how it went."""
    match answer.status:
        case "ok" | "partial":
            count, images = len(answer.answer), len({b.image for b in answer.answer})
            boxes = f"{count} box{'' if count == 1 else 'es'}"
            where = f"in {images} of {len(answer.images)} pictures"
            words = f"{boxes} {where}" if len(answer.images) > 1 else boxes
            return words if answer.status == "ok" else f"{words} (partial answer)"
        case "none":
            return "none: nothing like that is there"
        case "truncated":
            return "truncated: the text was cut before any box; raise --max-tokens"
        case "unparsable":
            return "unparsable: the policy's text held no readable answer"
        case "failed":
            return "failed: no answer"


def _table(answer: Answer) -> Table:
    sources = {image.index: image.source for image in answer.images}
    scored = any(box.score is not None for box in answer.answer)
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("#", justify="right")
    table.add_column("image", justify="right")
    table.add_column("label", overflow="fold")
    table.add_column("box (x1 y1 x2 y2)", no_wrap=True)
    if scored:
        table.add_column("score", no_wrap=True)
    table.add_column("file", overflow="fold")
    for number, box in enumerate(answer.answer, 1):
        red, green, blue = color_of(number - 1)
        cells = [
            Text(str(number), style=f"rgb({red},{green},{blue})"),
            Text(str(box.image)),
            Text(clean_text(box.label or "", 80)),
            Text(" ".join(f"{v:.0f}" for v in box.box)),
        ]
        if scored:
            cells.append(Text(score_words(box)))
        name = os.path.basename(sources.get(box.image, "")) or sources.get(box.image, "")
        cells.append(Text(clean_text(name, 60)))
        table.add_row(*cells)
    return table


def score_words(box: AnswerBox) -> str:
    """`0.91 detector`, or nothing where there is no score."""
    return "" if box.score is None else f"{box.score:.2f} {box.score_kind}"
