"""Reports: the same figures as JSON for programs and as one self-contained page for people."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from ...tools.errors import OutputError
from ...tools.text import clean_text
from .benchmark import Benchmark, Scored
from .cases import draw_case, pick_cases
from .compare import Comparison
from .deciding import Deciding
from .item import Item
from .outcome import Outcome

CASES = 12
"""Worst and best cases that a page shows, each."""


def run_report(benchmark: Benchmark, scored: Scored, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Everything about a run as JSON-compatible data; times and tokens apart from the scores."""
    return {
        "benchmark": benchmark.name,
        "official": scored.official,
        "quirks": list(scored.quirks),
        "settings": dict(settings),
        "scores": scored.summary.to_json(),
        "usage": usage(scored.outcomes),
    }


def usage(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Tokens and seconds, summed over what was answered."""
    answered = [o for o in outcomes if o.status != "missing"]
    names = sorted({n for o in answered for n in o.tokens})
    return {
        "answered": len(answered),
        "seconds": round(math.fsum(o.seconds for o in answered), 3),
        **{n: sum(o.tokens.get(n, 0) for o in answered) for n in names},
    }


def run_page(
    benchmark: Benchmark, items: Sequence[Item], scored: Scored, report: Mapping[str, Any]
) -> str:
    """The page of a run, with its worst and best cases drawn."""
    known = {i.id: i for i in items}
    worst, best = pick_cases(scored.outcomes, benchmark.primary, CASES)
    drawn = [[draw_case(known[o.id], o, benchmark.primary) for o in part] for part in (worst, best)]
    return render(
        "run.html",
        title=benchmark.name,
        subtitle=benchmark.title,
        metric=benchmark.primary,
        summary=report["scores"],
        official=scored.official,
        quirks=scored.quirks,
        settings=_lines({**report["settings"], **report["usage"]}),
        worst=drawn[0],
        best=drawn[1],
    )


def compare_page(result: Comparison, a: str, b: str) -> str:
    """The page of a comparison."""
    return render("compare.html", title="Two runs compared", a=a, b=b, result=result.to_json())


def deciding_page(result: Deciding, title: str) -> str:
    """The page of deciding: a plot and tables."""
    from .plot import deciding_plot

    return render("deciding.html", title=title, result=result.to_json(), plot=deciding_plot(result))


def render(template: str, **values: Any) -> str:
    """A page from a template; every value is escaped."""
    from jinja2 import DictLoader, Environment
    from markupsafe import Markup

    pages = files("gemvg.training.benchmarks.pages")
    names = ("base.html", template)
    sources = {n: pages.joinpath(n).read_text(encoding="utf-8") for n in names}
    environment = Environment(
        loader=DictLoader(sources), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    # Our own style sheet, never a user's text, is the one thing that goes in as it is.
    style = Markup(pages.joinpath("page.css").read_text(encoding="utf-8"))  # noqa: S704
    return environment.get_template(template).render(style=style, figure=figure, **values)


def figure(value: float | None, digits: int = 2) -> str:
    """A figure for a table; a dash where nothing could be measured."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def _lines(settings: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    """Nested settings as name and text, for reading."""
    lines: list[tuple[str, str]] = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            lines.extend(_lines(value, f"{before}{name}."))
        elif value is not None and value != []:
            words = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            lines.append((before + name, clean_text(words, 300)))
    return lines


def write_text(path: Path, text: str) -> None:
    """Write a file whole, or not at all; what UTF-8 can't hold becomes a question mark.

    Raises:
        OutputError: it can't be written.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A published answer may hold half a surrogate pair; the journal replaces these, too.
        temporary.write_text(text, encoding="utf-8", errors="replace")
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: can't be written.", "Choose another --out.") from error


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object; the same object gives the same bytes."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")
