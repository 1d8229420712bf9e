"""`gemvg-agent train nano`: train the small policy of this project from nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

ARMS = (
    "By commas. Not trained: sft. Trained: hybrid, direct-only, think-only, no-format, "
    "no-image-index, no-recall, no-precision, no-length, no-direct-bonus, rollout-credit, "
    "with-episodes, hybrid-again. Means of weights: hybrid-cycles, hybrid-mean, hybrid-again-mean, "
    "hybrid-both-mean."
)


def register(train: typer.Typer) -> None:
    """Add `nano` to the `train` commands."""
    train.command("nano")(nano)
    train.command("nano-conversations")(conversations)
    train.command("nano-study")(run_study)


def conversations(
    out: Annotated[Path, typer.Argument(help="Folder to write.")],
    photos: Annotated[
        Path, typer.Option(help="Photographs: a folder with images/ and COCO's instances.json.")
    ],
    number: Annotated[
        int, typer.Option(min=1, help="Questions asked of a task; more of the harder ones.")
    ] = 1500,
    seed: Annotated[int, typer.Option(help="Of questions and boxes.")] = 5,
    split: Annotated[
        str, typer.Option(help="Half of the photographs: dev; test to measure on, never to train.")
    ] = "dev",
) -> None:
    """Record the planner's conversations with tools, for nano to learn from.

    About photographs and, where match and compare find the answer, about
    composed scenes; a conversation is kept where its answer is right. To questions of kinds that it
    is not taught nano says that it does not know them.
    """
    from itertools import chain
    from random import Random

    from ...tools.detectors import load_detector
    from ...tools.errors import UsageError
    from ...training.data.scenes.package import ObjectPictures
    from ...training.nano.beyond import beyond
    from ...training.nano.more_questions import record_more
    from ...training.nano.recording import SHARES, Recorder, record, write_conversations
    from ...training.nano.scene_calls import record_scenes
    from ...training.nano.stand_ins import stand_ins
    from ...training.photo_questions import TASKS, load_photos

    shown = [photo for photo in load_photos(photos) if photo.split == split]
    if not shown:
        raise UsageError(f"there is no half {split[:20]!r} of the photographs.", "dev, or test.")
    # Only its words and classes are used: what is annotated stands in for what it would find.
    detector = load_detector("yolo26n")
    tools, truth = stand_ins(detector, Random(seed))
    recorder = Recorder(tools, truth)
    per_task = {str(task): number * SHARES.get(str(task), 1) for task in TASKS}
    names = sorted(detector.classes)
    found = [
        *record(shown, recorder, per_task, seed, names),
        *record_more(shown, recorder, number, seed, names),
    ]
    pictures = sorted({key for one in found for key in one.pictures})
    scenes = record_scenes(recorder, ObjectPictures(), number, seed)
    not_taught = beyond(number, pictures, names, seed)
    kept = write_conversations(out, chain(found, scenes, not_taught), recorder)
    typer.echo(f"{out}: {kept} conversations of {recorder.asked} questions")


def nano(
    recipe: Annotated[
        str, typer.Argument(help="A recipe's YAML file, or a packaged name: nano-4m or nano-13m.")
    ] = "nano-4m",
    minutes: Annotated[
        float | None,
        typer.Option(min=0.01, help="Minutes for all legs together, shared as in the recipe."),
    ] = None,
    leg: Annotated[str | None, typer.Option(help="Stop after this leg.")] = None,
    output: Annotated[str | None, typer.Option(help="Another output folder.")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed.")] = None,
    study: Annotated[
        Path | None,
        typer.Option(help="Train nothing: print the table of a study's runs and draw its plots."),
    ] = None,
) -> None:
    """Train a nano policy on composed scenes and export it; goes on where it was broken off."""
    from rich.console import Console

    if study is not None:
        _print_study(study)
        return

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


def run_study(
    out: Annotated[Path, typer.Argument(help="Folder of the study, a folder in it for each run.")],
    train: Annotated[list[Path], typer.Option(help="Data set to train on; again for others.")],
    held: Annotated[
        list[Path], typer.Option(help="Held-out set, built with another seed; again for others.")
    ],
    base: Annotated[str, typer.Option(help="Folder that all arms start from.")] = "nano",
    arms: Annotated[str, typer.Option(help=ARMS)] = "sft,hybrid,direct-only,think-only",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each arm.")] = 3,
    again: Annotated[
        list[Path] | None,
        typer.Option(help="Data set for hybrid-again to train on; again for others."),
    ] = None,
    episodes: Annotated[
        list[Path] | None,
        typer.Option(help="Recorded conversations for with-episodes, beside --train; again."),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Of each run; the recipe's own where not given.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Runs side by side.")] = 1,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Replace a value of the recipe for all arms.")
    ] = None,
) -> None:
    """Compare ways of finetuning nano: equal steps, several seeds, greedy answers in every mode.

    Runs that are measured already are left alone; the same command goes on.
    """
    from ...training.nano.study import StudyPlan
    from ...training.nano.study import run_study as run

    plan = StudyPlan(
        out, base, tuple(train), tuple(held), tuple(arms.split(",")), tuple(range(seeds)), steps,
        overrides=tuple(set_ or ()), again=tuple(again or ()),
        episodes=tuple(episodes or ()),
    )  # fmt: skip
    run(plan, lambda line: typer.echo(line, err=True), jobs)
    _print_study(out)


def _print_study(folder: Path) -> None:
    from ...training.nano.study import (
        by_held,
        pooled,
        read_study,
        write_gains,
        write_room,
        write_table,
    )
    from ...training.nano.study.plots import plot_study

    sets = by_held(read_study(folder))
    for held, found in sets.items():
        _print_table(held or None, write_table(found))
        _print_table(_GAINS, write_gains(found))
        _print_table("what choosing can bring", write_room(found))
        for file in plot_study(found, folder, held):
            typer.echo(str(file))
    for names, found in pooled(sets).items():
        _print_table(f"{names}: {_GAINS}", write_gains(found))


_GAINS = "gains in points of F1, with 95% intervals"


def _print_table(title: str | None, rows: list[list[str]]) -> None:
    """Print a table of a header and rows; nothing where there are no rows."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # As text: names of folders may look like rich's own marks.
    head = None if title is None else Text(title, style="table.title")
    table = Table(box=box.SIMPLE, title=head, title_justify="left")
    for name in rows[0]:
        table.add_column(Text(name))
    for row in rows[1:]:
        table.add_row(*map(Text, row))
    if rows[1:]:
        Console(width=240).print(table)
