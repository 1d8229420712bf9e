"""`gemvg-agent train nano`: train the small policy of this project from nothing."""

from __future__ import annotations

from typing import Annotated, Any

import typer


def register(train: typer.Typer) -> None:
    """Add `nano` to the `train` commands."""
    train.command("nano")(nano)


def nano(
    recipe: Annotated[
        str, typer.Argument(help="A recipe's YAML file, or a packaged name.")
    ] = "nano-4m",
    minutes: Annotated[
        float | None,
        typer.Option(min=0.01, help="Minutes for all legs together, shared as in the recipe."),
    ] = None,
    leg: Annotated[str | None, typer.Option(help="Stop after this leg.")] = None,
    output: Annotated[str | None, typer.Option(help="Another output folder.")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed.")] = None,
) -> None:
    """Train a nano policy on composed scenes and export it; goes on where it was broken off."""
    from rich.console import Console

    from ...training.nano.recipe import read_nano_recipe
    from ...training.nano.train import train_nano

    parsed = read_nano_recipe(recipe)
    if minutes is not None:
        parsed = parsed.within(minutes)
    changed = {"output": output, "seed": seed}
    parsed = parsed.model_copy(update={k: v for k, v in changed.items() if v is not None})
    console = Console(stderr=True)

    def watch(line: dict[str, Any]) -> None:
        words = ", ".join(f"{name} {value:.4g}" for name, value in line.items() if name != "leg")
        console.print(f"{line['leg']}: {words}", markup=False, highlight=False)

    folder = train_nano(parsed, watch, leg)
    if folder is None:
        console.print("stopped; the same command goes on from here", markup=False)
    typer.echo(str(folder or parsed.output))
