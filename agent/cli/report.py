"""`gemvg-agent report`: results as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...tools.errors import UsageError


def report(
    results: Annotated[Path, typer.Argument(metavar="OUT.jsonl", help="Results of a batch.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file. [OUT.html]")
    ] = None,
    folder: Annotated[
        str | None,
        typer.Option(help="What names of pictures are relative to. [the folder of OUT.jsonl]"),
    ] = None,
    thumbnails: Annotated[
        int, typer.Option(min=0, max=100_000, help="Pictures to show; of others, boxes only.")
    ] = 800,
    title: Annotated[str | None, typer.Option(help="Of the page. [OUT.jsonl]")] = None,
) -> None:
    """Show the results of a batch on one page: counts, filters, pictures with boxes, steps.

    The page is a single file and loads nothing from anywhere.
    """
    from ..report import write_report
    from .places import check_file

    check_file(results, "Name the OUT.jsonl of a batch.")
    target = output or results.with_name(f"{results.name.removesuffix('.jsonl')}.html")
    check_file(target, "Name a file, such as OUT.html.")
    if target.resolve() == results.resolve():
        raise UsageError(
            f"{target}: the page would replace the results.", "Name another file with -o."
        )
    write_report(results, target, folder=folder, thumbnails=thumbnails, title=title)
    print(target)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report")(report)
