"""`gemvg-agent export`: results in the formats of other programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..batch.record import BatchRecord


def export(
    results: Annotated[Path, typer.Argument(metavar="OUT.jsonl", help="Results of a batch.")],
    to: Annotated[
        str,
        typer.Option("--to", metavar="coco|yolo|labelme|label-studio|cvat|csv|parquet"),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to. [beside OUT.jsonl]")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Write the results of a batch for another program.

    Results that hold no answer (unparsable, truncated, failed) are left out of all formats but the
    tables, since they do not say that nothing is there.
    """
    from ..export import default_target
    from ..export import export as write
    from ..export.records import ANSWERED, read_records
    from .places import check_file, check_not_around

    check_file(results, "Name the OUT.jsonl of a batch.")
    target = output or default_target(results, to)
    check_not_around(target, results)
    counts = {"all": 0, "out": 0}

    def counted() -> Iterator[BatchRecord]:
        for record in read_records(results):
            counts["all"] += 1
            counts["out"] += record.status not in ANSWERED
            yield record

    write(counted(), to, target, force=force)
    print(target)
    if counts["out"] and to not in ("csv", "parquet"):
        print(
            f"gemvg-agent: {counts['out']:,} of {counts['all']:,} results hold no answer and are "
            "left out.",
            file=sys.stderr,
        )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export")(export)
