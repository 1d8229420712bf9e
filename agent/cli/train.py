"""`gemvg-agent train`: supervised and reinforcement finetuning by recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .train_nano import register as register_nano

RecipeArgument = Annotated[
    str,
    typer.Argument(help="A recipe's YAML file, or a packaged name (`train recipes` lists them)."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="Replace a value of the recipe, such as optim.steps=200; may be repeated."
    ),
]
ResumeOption = Annotated[
    bool, typer.Option(help="Go on from the last good checkpoint of the recipe's output folder.")
]


def register(app: typer.Typer) -> None:
    """Add the `train` commands."""
    train = typer.Typer(
        help="Train a policy by recipe: plan it, teach it answers (sft), then reinforce it (rft).",
        no_args_is_help=True,
    )
    train.command("sft")(sft)
    train.command("rft")(rft)
    train.command("average")(average_models)
    train.command("plan")(show_plan)
    train.command("recipes")(list_recipes)
    register_nano(train)
    app.add_typer(train, name="train")


def sft(recipe: RecipeArgument, set_: SetOption = None, resume: ResumeOption = True) -> None:
    """Supervised finetuning: short answers (stage S1), then reasoned and direct ones (S2).

    Prints the folder of the trained model. Ctrl-C saves and stops; the same command goes on.
    """
    _run(recipe, "sft", set_, resume)


def rft(recipe: RecipeArgument, set_: SetOption = None, resume: ResumeOption = True) -> None:
    """Reinforcement finetuning by rules, thinking and direct together (stage S3).

    Prints the folder of the trained model. Ctrl-C saves and stops; the same command goes on.
    """
    _run(recipe, "rft", set_, resume)


def average_models(
    folders: Annotated[list[Path], typer.Argument(help="Folders of models, two or more.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write.")],
) -> None:
    """Average the weights of models that were finetuned from one base (a "model soup").

    Runs that differ in their seed often make a better model together; it costs nothing to answer.
    """
    from ...training.average import average

    typer.echo(str(average(folders, out)))


def _run(name: str, stage: str, overrides: list[str] | None, resume: bool) -> None:
    from rich.console import Console

    from ...tools.errors import UsageError
    from ...training.plan import plan
    from ...training.recipe import read_recipe

    recipe = read_recipe(name, overrides)
    if recipe.stage != stage:
        raise UsageError(
            f"{recipe.name} is a recipe for {recipe.stage}.",
            f"Run: gemvg-agent train {recipe.stage} {name}",
        )
    console = Console(stderr=True)
    estimate = plan(recipe)
    if not estimate.fits:
        _print_plan(recipe.name, estimate, console)
        raise UsageError(
            f"{recipe.name} needs about {estimate.total:.0f} GiB and the device has "
            f"{estimate.available:.0f}.",
            "Lower optim.batch or model.max_pixels, use model.lora, or more devices.",
        )
    from ...training.progress import Progress
    from ...training.run import run_recipe

    outcome = run_recipe(recipe, resume, [Progress(console, recipe.optim.steps)])
    if outcome.stopped is not None:
        console.print(f"stopped at step {outcome.step}: {outcome.stopped}", markup=False)
    typer.echo(str(outcome.folder))


def show_plan(recipe: RecipeArgument, set_: SetOption = None, json_: Annotated[
    bool, typer.Option("--json", help="One JSON object.")] = False) -> None:  # fmt: skip
    """Say what a recipe needs in memory, samples and, on a GPU, time; exit code 1 if it can't fit.

    Reads the config of the recipe's base, which must be there or in reach.
    """
    import dataclasses
    import json

    from rich.console import Console

    from ...training.plan import plan
    from ...training.recipe import read_recipe

    parsed = read_recipe(recipe, set_)
    estimate = plan(parsed)
    if json_:
        typer.echo(json.dumps({**dataclasses.asdict(estimate), "total": estimate.total}))
    else:
        _print_plan(parsed.name, estimate, Console())
    if not estimate.fits:
        raise typer.Exit(1)


def _print_plan(name: str, estimate: object, console: object) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ...training.plan import Plan

    assert isinstance(estimate, Plan) and isinstance(console, Console)
    words = f"{name}: {estimate.parameters / 1e6:,.1f} M parameters, "
    table = Table(title=Text(f"{words}{estimate.trained / 1e6:,.1f} M trained", "table.title"))
    table.add_column("memory on one device")
    table.add_column("GiB", justify="right")
    for part, size in estimate.memory.items():
        table.add_row(part, f"{size:.2f}")
    table.add_row("all", f"{estimate.total:.2f}")
    if estimate.available is not None:
        table.add_row("the device has", f"{estimate.available:.2f}")
    console.print(table)
    console.print(f"{estimate.samples:,} samples, {estimate.tokens:,} tokens a step at most")
    if estimate.seconds is not None:
        console.print(f"about {estimate.seconds / 3600:.1f} h on one such device")


def list_recipes() -> None:
    """List the packaged recipes of `train sft` and `train rft`, one name a line.

    `train nano` has recipes of its own: nano-4m and nano-13m.
    """
    from ...training.recipe import RECIPES

    for path in sorted(RECIPES.glob("*.yaml")):
        typer.echo(path.stem)
