"""Tables of `gemvg-agent eval` on standard output."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .table import PIPE_WIDTH


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)


def _table(first: str, columns: list[str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column(first, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def number(value: float | None, digits: int = 2, sign: bool = False) -> str:
    """A figure; a dash where nothing could be measured."""
    if value is None:
        return "-"
    return f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"


def print_run(report: Mapping[str, Any]) -> None:
    """The headline, the table, and what must be known."""
    out, scores = _console(), report["scores"]
    mark = " (official quirks repeated)" if report["official"] else ""
    line = f"{report['benchmark']}: {scores['headline']['name']}"
    out.print(Text(f"{line} {number(scores['headline']['value'])}{mark}", style="bold"))
    columns: list[str] = scores["columns"]
    table = _table("task", ["n", *columns])
    for row in scores["tasks"]:
        table.add_row(row["name"], str(row["n"]), *(number(row[c]) for c in columns))
    for row in scores["averages"]:
        cells = [row["name"], str(row["n"]), *(number(row[c]) for c in columns)]
        table.add_row(*cells, style="bold")
    out.print(table)
    for note in (*scores["notes"], *(f"official quirk: {q}" for q in report["quirks"])):
        out.print(Text(f"- {note}", style="dim"))


def print_comparison(result: Mapping[str, Any], a: str, b: str) -> None:
    """Differences per task and how many items flipped."""
    out = _console()
    out.print(Text(f"A: {a}"))
    out.print(Text(f"B: {b}"))
    level = round(100 * result["macro"]["level"])
    title = f"B minus A, {result['metric']}, percent points"
    out.print(Text(title, style="bold"))
    table = _table("task", ["n", "A", "B", "difference", f"{level}% interval", "p", "B is"])
    rows = [*result["tasks"].items(), ("macro", result["macro"]), ("micro", result["micro"])]
    for name, d in rows:
        interval = f"{number(d['low'], sign=True)} to {number(d['high'], sign=True)}"
        cells = [name, str(d["n"]), number(d["a"]), number(d["b"]), number(d["delta"], sign=True)]
        table.add_row(*cells, interval, number(d["p"], 4), d["verdict"])
    out.print(table)
    gained, lost = len(result["gained"]), len(result["lost"])
    out.print(Text(f"flipped: {gained} right in B only, {lost} right in A only"))
    if result["left_out"]:
        out.print(Text(f"{result['left_out']} items are in one run only and left out", style="dim"))


def print_deciding(result: Mapping[str, Any]) -> None:
    """The ways side by side, all tasks together and task by task."""
    out = _console()
    out.print(Text(f"deciding by {result['metric']}", style="bold"))
    table = _table("way", ["n", "macro", "micro", f"{result['unit']} an item", "thought about %"])
    for way in result["ways"]:
        cells = [way["name"], str(way["n"]), number(way["macro"]), number(way["micro"])]
        table.add_row(*cells, number(way["tokens"], 1), number(way["thinking"], 1))
    out.print(table)
    tasks = _table("task", [w["name"] for w in result["ways"]])
    for task in result["ways"][0]["tasks"]:
        tasks.add_row(task, *(number(w["tasks"][task]["score"]) for w in result["ways"]))
    out.print(tasks)
    reached = "" if result["reached"] is None else f"; auto gains {number(result['reached'])}"
    line = f"a perfect chooser gains {number(result['headroom'])} over the better mode{reached}"
    out.print(Text(line))
