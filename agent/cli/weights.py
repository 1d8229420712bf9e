"""`gemvg-agent weights`: which weights are known, get them, check them."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

Names = Annotated[
    list[str] | None,
    typer.Argument(
        help="Names from `weights list`; all that lie in the cache where none is given."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON array and nothing else.")]

commands = typer.Typer(
    help="Weights of the detectors: list, pull, verify.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Add the command group."""
    app.add_typer(commands, name="weights")


@commands.command("list")
def list_weights(as_json: AsJson = False) -> None:
    """Which weights are known and which lie in the cache."""
    from ...tools.weights import known_weights, weights_folder

    records = [
        {
            "name": weights.name,
            "cached": weights.path.is_file(),
            "bytes": weights.bytes,
            "license": weights.license,
            "what": weights.what,
            "path": str(weights.path),
            "sha256": weights.sha256,
            "release": weights.release,
            "package": weights.package,
        }
        for weights in known_weights().values()
    ]
    if as_json:
        print(json.dumps(records, indent=2))
        return
    for record in records:
        state = "cached" if record["cached"] else "-"
        size = f"{int(str(record['bytes'])) / 1e6:.0f} MB"
        print(f"{record['name']:<14} {state:<7} {size:>6}  {record['license']:<9} {record['what']}")
    print(f"cache: {weights_folder()}", file=sys.stderr)


@commands.command("pull")
def pull_weights(
    names: Annotated[
        list[str] | None, typer.Argument(help="Names from `weights list`; the default's if none.")
    ] = None,
) -> None:
    """Fetch weights into the cache and check them; prints the path of each."""
    from ...tools.weights import fetch_weights, known_weights, weights_named

    wanted = names or [next(iter(known_weights()))]
    for name in wanted:
        weights_named(name)
    for name in wanted:
        print(fetch_weights(name))


@commands.command("verify")
def verify_weights(names: Names = None, as_json: AsJson = False) -> None:
    """Check cached weights: their SHA-256, and that their pickles name nothing that could run."""
    from ...tools.weights import known_weights, verify, weights_named

    chosen = [weights_named(name) for name in names] if names else [
        weights for weights in known_weights().values() if weights.path.is_file()
    ]  # fmt: skip
    reports = [verify(weights) for weights in chosen]
    if as_json:
        print(json.dumps([{"name": r.name, "ok": r.ok, "detail": r.detail} for r in reports]))
    else:
        for report in reports:
            print(f"{report.name:<14} {'ok' if report.ok else 'BAD':<4} {report.detail}")
        if not reports:
            print("no weights in the cache", file=sys.stderr)
    if not all(report.ok for report in reports):
        raise typer.Exit(1)
