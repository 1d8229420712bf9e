"""`gemvg-agent policies`: the policies that can be named, and what each needs to run."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON array and nothing else.")]
PIPE_WIDTH = 200


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("policies")(policies)


def policies(as_json: AsJson = False) -> None:
    """The policies that can be named: dialect, strategy, and what each needs to run."""
    from ...policy.presets import PRESETS

    presets = list(PRESETS.values())
    if as_json:
        print(json.dumps([preset.as_record() for preset in presets], indent=2))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for head in ("policy", "dialect", "coordinates", "strategy", "needs"):
        table.add_column(head, overflow="fold", no_wrap=head != "needs")
    for preset in presets:
        needs = " ".join(preset.needs)
        cells = (preset.name, preset.dialect, preset.coordinates, preset.strategy, needs)
        table.add_row(*map(Text, cells))
    Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False).print(table)
    print(
        "Any other model: --policy FOLDER, HUB-ID or URL; --dialect where its name does not say "
        "how it writes.",
        file=sys.stderr,
    )
