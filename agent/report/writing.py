"""The report's file: one page that loads nothing from anywhere."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

from ...tools.errors import OutputError
from ..batch.record import BatchRecord
from ..export.records import read_records
from ..journal import iter_journal
from .content import Content
from .thumbnails import thumbnails

THUMBNAILS = 800
"""Pictures that a report shows, unless told otherwise."""


def write_report(
    results: Path,
    target: Path,
    *,
    folder: str | None = None,
    thumbnails: int = THUMBNAILS,
    title: str | None = None,
) -> Content:
    """Write a report about a job's results and errors.

    Args:
        results: the OUT.jsonl of a batch; OUT.errors.jsonl beside it is shown too.
        target: the HTML file; replaced where it is there.
        folder: what names of pictures are relative to; that of the results where None.
        thumbnails: pictures that are shown; of all others only the boxes are.
        title: of the page.

    Raises:
        DataError: no results. OutputError: the file can't be written.
    """
    content = collect(read_records(results), results)
    page = render(
        content, folder or os.path.dirname(results) or ".", thumbnails, title or results.name
    )
    fresh = target.with_name(f".{target.name}.new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(page, encoding="utf-8", errors="replace")
        os.replace(fresh, target)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink()
        reason = (error.strerror or "unknown reason").lower()
        raise OutputError(f"{target}: can't be written ({reason}).", "Name another.") from error
    return content


def collect(records: Iterable[BatchRecord], results: Path) -> Content:
    """The report's content: the results, and the errors beside them."""
    content = Content()
    for record in records:
        content.add(record)
    errors = results.with_name(f"{results.name.removesuffix('.jsonl')}.errors.jsonl")
    if errors.exists():
        content.add_errors(row for _, row in iter_journal(errors, unended=True))
    return content


def render(content: Content, folder: str, most: int, title: str) -> str:
    """The page."""
    from jinja2 import Environment
    from markupsafe import Markup

    template = Environment(autoescape=True).from_string(_part("report.html"))
    small = thumbnails(content.sizes, folder, most)
    data: dict[str, Any] = {
        "lines": content.lines,
        "pictures": [
            {"source": i.source, "width": i.width, "height": i.height, "data": picture}
            for i, picture in zip(content.sizes, small, strict=True)
        ],
        "statuses": content.statuses.most_common(),
        "modes": sorted(content.modes),
    }
    return template.render(
        title=title,
        facts=_facts(content),
        style=Markup(_part("report.css")),  # noqa: S704  our own file
        script=Markup(_part("report.js")),  # noqa: S704  our own file
        data=Markup(embedded(data)),  # noqa: S704  escaped for its place
    )


def embedded(data: Any) -> str:
    """JSON that can stand in a script element: no character in it can end the element."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _facts(content: Content) -> list[tuple[str, str]]:
    facts = [
        ("lines", len(content.lines)),
        ("boxes", content.boxes),
        ("pictures", len(content.sizes)),
        *((mode, count) for mode, count in sorted(content.modes.items())),
    ]
    return [(name, f"{value:,}") for name, value in facts]


def _part(name: str) -> str:
    return (files(__package__ or "gemvg.agent.report") / name).read_text(encoding="utf-8")
