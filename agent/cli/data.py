"""`gemvg-agent data`: build, look at, check and export training data."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...tools.text import clean_text

if TYPE_CHECKING:
    from ...training.data.build import Progress

FolderArgument = Annotated[Path, typer.Argument(help="A built data set's folder.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def register(app: typer.Typer) -> None:
    """Add the `data` commands."""
    data = typer.Typer(help="Build, look at, check and export training data.", no_args_is_help=True)
    data.command("build")(build_command)
    data.command("recipes")(recipes_command)
    data.command("stats")(stats_command)
    data.command("view")(view_command)
    data.command("check")(check_command)
    data.command("export")(export_command)
    data.command("episodes")(episodes_command)
    data.command("rewrite")(rewrite_command)
    app.add_typer(data, name="data")


def _data_folder(given: Path | None) -> Path:
    """--data, else GEMVG_SHARED, else ../shared."""
    return given or Path(os.environ.get("GEMVG_SHARED", "../shared"))


def build_command(
    recipe: Annotated[str, typer.Argument(help="A recipe's YAML file, or a packaged name.")],
    out: Annotated[Path, typer.Argument(help="The data set's folder; an unfinished one goes on.")],
    size: Annotated[
        int | None, typer.Option(min=1, help="Samples, instead of the recipe's.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed, instead of the recipe's.")] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder that the recipe's paths are in. [GEMVG_SHARED or ../shared]"),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes.")] = 2,
    without: Annotated[
        str | None,
        typer.Option(metavar="SOURCES", help="Sources to leave out, by commas."),
    ] = None,
    sprites: Annotated[
        str | None,
        typer.Option(metavar="SET", help="Other object pictures in scenes: objects-drawn."),
    ] = None,
    json_out: JsonOption = False,
) -> None:
    """Build a data set from a recipe. The same seed gives the same bytes."""
    from ...training.data.build import build
    from ...training.data.left_out import without as leave_out
    from ...training.data.recipe import load_recipe, with_pictures

    chosen = load_recipe(recipe)
    if sprites is not None:
        chosen = with_pictures(chosen, sprites)
    if without is not None:
        chosen = leave_out(chosen, {name.strip() for name in without.split(",") if name.strip()})
    changes: dict[str, Any] = {}
    if size is not None:
        changes["size"] = size
    if seed is not None:
        changes["seed"] = seed
    chosen = chosen.model_copy(update=changes)
    with _ProgressBar() as bar:
        report = build(chosen, out, _data_folder(data), workers, bar.update)
    result = {
        "folder": str(out), "samples": report.samples, "tasks": report.tasks,
        "short": report.short, "skips": report.skips,
    }  # fmt: skip
    if json_out:
        print(json.dumps(result))
        return
    print(f"{report.samples} samples in {out}")
    for source, reasons in report.skips.items():
        for reason, found in reasons.items():
            example = clean_text(str(found["examples"][0]), 200)
            print(f"  {source}: {found['count']} left out: {reason} ({example}, ...)")
    for task, number in report.short.items():
        print(f"  {task}: {number} fewer than asked for: the sources hold no more of them")


class _ProgressBar:
    """A line on stderr while building, where that is a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TimeRemainingColumn(), console=Console(file=sys.stderr),
            disable=not sys.stderr.isatty(),
        )  # fmt: skip
        self._task = self._bar.add_task("starting", total=None)

    def __enter__(self) -> _ProgressBar:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    @property
    def update(self) -> Progress:
        """Told of what is done."""
        return lambda what, done, total: self._bar.update(
            self._task, description=what, completed=done, total=total
        )


def recipes_command() -> None:
    """List the recipes that come with the package."""
    from ...training.data.recipe import load_recipe, shipped

    for name in shipped():
        recipe = load_recipe(name)
        sources = ", ".join(recipe.sources) or "no annotated source"
        print(f"{recipe.name:14} {recipe.size:>7} samples from {sources}")


def stats_command(folder: FolderArgument, json_out: JsonOption = False) -> None:
    """Say what a data set holds."""
    from ...training.data.folder import DataFolder
    from ...training.data.stats import stats_of

    stats = stats_of(DataFolder(folder)).as_json()
    if json_out:
        print(json.dumps(stats))
        return
    for name, value in stats.items():
        if not isinstance(value, dict):
            print(f"{name:20} {value}")
    for name, counts in stats.items():
        if isinstance(counts, dict) and name != "label":
            total = sum(counts.values()) or 1
            print(f"\n{name}")
            for key, count in counts.items():
                print(f"  {key:22} {count:>8} {100 * count / total:5.1f}%")


def view_command(
    folder: FolderArgument,
    out: Annotated[Path, typer.Argument(help="The HTML file to write.")],
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="Samples.")] = 60,
    task: Annotated[str | None, typer.Option(help="Only this task.")] = None,
    seed: Annotated[int, typer.Option(help="Which samples.")] = 1,
) -> None:
    """Write a sheet of samples with their boxes drawn (one HTML file)."""
    from ...training.data.folder import DataFolder
    from ...training.data.view import write_sheet

    count = write_sheet(DataFolder(folder), out, number, seed, task)
    print(f"{count} samples in {out}")


def check_command(
    folder: FolderArgument,
    against: Annotated[
        list[Path] | None,
        typer.Option(help="Benchmark pictures: a folder, a picture, or a JSON that names them."),
    ] = None,
    pixels: Annotated[bool, typer.Option(help="Look at the pictures too.")] = True,
    json_out: JsonOption = False,
) -> None:
    """Check form, boxes, answers (by brute force), repeats, leaks and balance. Exit code 1: bad."""
    from ...training.data.check import check
    from ...training.data.folder import DataFolder

    report = check(DataFolder(folder), against or (), pixels)
    if json_out:
        print(json.dumps(report.as_json()))
    else:
        for finding in report.findings[:200]:
            print(clean_text(f"{finding.kind}: {finding.where}: {finding.what}", 1000))
        print(
            f"{report.samples} samples, {report.verified} verified by brute force, "
            f"{report.pictures} pictures compared: "
            + ("nothing wrong" if report.ok else f"{len(report.findings)} findings")
        )
    if not report.ok:
        raise typer.Exit(1)


def export_command(
    folder: FolderArgument,
    out: Annotated[Path, typer.Argument(help="The file to write.")],
    to: Annotated[str, typer.Option(help="coco, qwen-vl or trl.")] = "trl",
    dialect: Annotated[
        str, typer.Option(help="How boxes are written in qwen-vl: a dialect's name.")
    ] = "qwen2-vl",
) -> None:
    """Write a data set in another form."""
    from ...tools.errors import UsageError
    from ...training.data.export import FORMS, Form, export
    from ...training.data.folder import DataFolder

    forms: dict[str, Form] = {form: form for form in FORMS}
    if to not in forms:
        raise UsageError(f"no form {to!r}.", f"Forms: {', '.join(FORMS)}.")
    print(f"{export(DataFolder(folder), forms[to], out, dialect)} samples in {out}")


def episodes_command(
    folder: FolderArgument,
    policy: Annotated[str, typer.Option(help="The teacher.")] = "planner",
    most: Annotated[int | None, typer.Option(min=1, help="Samples asked per task.")] = None,
    json_out: JsonOption = False,
) -> None:
    """Run the agent's tools on samples; keep the episodes whose answer is right.

    Stopped, it goes on by the same command.
    """
    from ...training.data.folder import DataFolder
    from ...training.data.teacher.episodes import EpisodeReport, add_episodes
    from ..grounding_agent import GroundingAgent
    from ..settings import AskSettings

    data, report = DataFolder(folder), EpisodeReport()
    agent = GroundingAgent(policy)
    settings = AskSettings.model_validate({"policy": policy})
    add_episodes(data, agent, settings, report, most)
    _show_episodes(report.asked, report.kept, json_out)


def _show_episodes(asked: dict[str, int], kept: dict[str, int], json_out: bool) -> None:
    if json_out:
        print(json.dumps({"asked": asked, "kept": kept}))
        return
    for task, number in sorted(asked.items()):
        print(f"{task:20} {kept[task]:>5} of {number} episodes kept")


def rewrite_command(
    folder: FolderArgument,
    url: Annotated[str, typer.Option(help="An OpenAI-compatible server, such as http://host/v1.")],
    model: Annotated[str, typer.Option(help="The model's name there.")],
) -> None:
    """Say questions in other words by a model; only those that still mean the same are taken.

    Stopped, it goes on by the same command.
    """
    from ...training.data.folder import DataFolder
    from ...training.data.rewrite import RewriteReport, openai_complete, rewrite_folder

    data, report = DataFolder(folder), RewriteReport()
    complete = openai_complete(url, model, os.environ.get("OPENAI_API_KEY", "none"))
    rewrite_folder(data, complete, model, report)
    print(f"{report.rewritten} questions rewritten")
    for reason, count in sorted(report.kept.items()):
        print(f"  {count} kept: {reason}")
